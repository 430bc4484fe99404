"""Where Dagster keeps its runs and events; `dagster.yaml` names this class."""

import os
import tempfile
from collections.abc import Mapping
from functools import cache
from typing import Any

from dagster_postgres import DagsterPostgresStorage

from ferrero_dagster.defs.internals import ConfigurableClassData, DagsterSqliteStorage, DagsterStorage, open_storage
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.tracking.addresses import sqlalchemy_url

_VARIABLE = "DAGSTER_PG_URL"
#: What the address does not say otherwise. A server that keeps silent is noticed within about a minute.
_PATIENCE = {
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "application_name": "dagster",
}
#: Only where the address has options already: a pool such as PgBouncer refuses them.
_LOCK_PATIENCE = " -clock_timeout=30s"
#: The processes that one command starts share what does not last.
_SCRATCH_VARIABLE = "_FERRERO_DAGSTER_SCRATCH"


class EnvironmentStorage(DagsterPostgresStorage):
    """PostgreSQL at `DAGSTER_PG_URL`.

    Without a `DAGSTER_HOME` nothing is meant to last: what only looks, such as `dg check defs`, then needs no database.
    """

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """No fields: the address holds a password, so it comes from the environment alone."""
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]  # any storage will do
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: object,  # noqa: ARG003
    ) -> DagsterStorage[Any]:
        """The storage.

        Raises:
            ConfigurationError: the instance is to last, and no database is named for it; or what is named is none.
        """
        if address := os.environ.get(_VARIABLE):
            return open_storage(_url(address), inst_data)
        if os.environ.get("DAGSTER_HOME"):
            raise ConfigurationError(
                f"Not set in the environment: {_VARIABLE}; set it as .env.example shows and start again."
            )
        return DagsterSqliteStorage.from_local(os.environ.get(_SCRATCH_VARIABLE) or _scratch().name)


def _url(address: str) -> str:
    try:
        url = sqlalchemy_url(address)
    except ValueError as error:
        raise ConfigurationError(f"{_VARIABLE} is not an address: {error}.") from None
    patience = {name: value for name, value in _PATIENCE.items() if name not in url.query}
    options = url.query.get("options")
    if isinstance(options, str) and "lock_timeout" not in options:
        patience["options"] = options + _LOCK_PATIENCE
    return url.update_query_dict(patience).render_as_string(hide_password=False)


@cache
def _scratch() -> "tempfile.TemporaryDirectory[str]":
    """Removed when the process ends that made it."""
    directory = tempfile.TemporaryDirectory(prefix="ferrero-dagster-")
    os.environ[_SCRATCH_VARIABLE] = directory.name
    return directory
