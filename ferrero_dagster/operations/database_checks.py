"""Whether the tracking database takes what runs write, as it is now: tried, and undone (contract customer.md 4)."""

from ferrero_dagster.config.routes import Routes
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.tracking import adoption, conditions, trials
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.schema import VERSION_TABLE


def tables(cursor: Cursor) -> str:
    """Where the tables are and what our role may do with them; before an upgrade, that nothing is in its way.

    Raises:
        ConfigurationError: with a sentence and its remedy for each table that cannot be used.
    """
    if conditions.has_table(cursor, VERSION_TABLE):
        hindrances, remarks = conditions.tables(cursor)
    else:
        hindrances, remarks = list(adoption.hindrances(cursor)), "ours are not there yet, nothing is in their way"
    if hindrances:
        raise ConfigurationError(" ".join(hindrances))
    return remarks


def rows(cursor: Cursor, routes: Routes) -> str:
    """That the tables take our rows, and show them as they were written.

    Raises:
        ConfigurationError: with a sentence and its remedy for each kind of row that they do not take.
    """
    if refused := trials.refused_rows(cursor, routes.masters, routes.finals):
        raise ConfigurationError(" ".join(refused))
    return "all that runs write was tried and undone"
