"""The one resource: opens the outside systems for runs and sensors."""

import dagster as dg

from ferrero_dagster.connections import Connections


class FerreroResource(dg.ConfigurableResource[Connections]):
    """DAM, Box, tracking database and mail, as the environment and the site configuration say.

    It has no fields: addresses and secrets never pass through Dagster's configuration, where they would be stored.
    """

    def connections(self) -> Connections:
        """Read the environment and the site configuration anew.

        Raises:
            ConfigurationError: a setting is wrong.
        """
        return Connections.from_environment()
