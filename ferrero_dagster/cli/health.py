"""The command `health`, for cron and monitoring outside Dagster."""

import os
import sys
from collections.abc import Callable, Iterable
from datetime import timedelta
from threading import Thread

import click

from ferrero_dagster.cli.tables import as_json_option, print_json, say
from ferrero_dagster.domain.errors import ConfigurationError, FerreroError
from ferrero_dagster.domain.unforeseen import without_secrets

_CONNECT_S = "5"


@click.command()
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="How long an outage, something red, an unsent message or a run that has not begun is no trouble yet.",
)
@click.option(
    "--wait", "wait_s", type=click.FloatRange(min=1), default=60, show_default=True, help="Seconds to wait at most."
)
@as_json_option
def health(*, minutes: float, wait_s: float, as_json: bool) -> None:
    """Whether everything works, one line per trouble; exits 1 if there is one, also where PostgreSQL is away.

    Daemons' heartbeats, the last good tick of every sensor and schedule that is on, outages and red things, messages
    and runs that wait. Needs neither daemon nor code server, only DAGSTER_HOME and both databases. Nothing is changed.

    \b
    Examples:
      ferrero-dagster health || mail -s "ferrero_dagster needs somebody" admin@example.com
      ferrero-dagster health --minutes 15 --json
    """
    troubles = _within(wait_s, lambda: _found(timedelta(minutes=minutes)))
    if as_json:
        print_json({"troubles": troubles})
    else:
        for line in troubles or ["All is well."]:
            say(line)
    sys.exit(bool(troubles))


def _within(wait_s: float, find: Callable[[], Iterable[str]]) -> list[str]:
    """What is found in time, and a sentence where that is not all: a database may take us in and keep silent."""
    found: list[str] = []
    thread = Thread(target=lambda: found.extend(find()), daemon=True)
    thread.start()
    thread.join(wait_s)
    late = [f"Not everything was answered within {wait_s:g} s: see whether PostgreSQL answers."]
    return [*found, *(late if thread.is_alive() else [])]


def _found(longest: timedelta) -> Iterable[str]:
    for name, find in (("The tracking database", _in_tracking), ("Dagster", _in_dagster)):
        try:
            yield from find(longest)
        except FerreroError as error:
            yield f"{name} could not be asked: {error}"
        except Exception as error:  # noqa: BLE001  # whatever it is, one who watches must hear of it
            yield f"{name} could not be asked ({type(error).__name__}): {without_secrets(str(error))}"


def _in_tracking(longest: timedelta) -> list[str]:
    from ferrero_dagster.connections import Connections
    from ferrero_dagster.operations.health import lasting_troubles

    with Connections.from_environment().database("command", "health") as database:
        return database.transact(lasting_troubles, longest)


def _in_dagster(longest: timedelta) -> list[str]:
    if not os.environ.get("DAGSTER_HOME"):
        raise ConfigurationError("Not set in the environment: DAGSTER_HOME; set it as for the daemon.")
    # Dagster's own connections wait as long as the network does.
    os.environ.setdefault("PGCONNECT_TIMEOUT", _CONNECT_S)
    import dagster as dg

    from ferrero_dagster.definitions import definitions
    from ferrero_dagster.defs.health import troubles_in_dagster
    from ferrero_dagster.defs.reds import Watch

    watched = Watch.of(definitions().get_repository_def())
    with dg.DagsterInstance.get() as instance:
        return troubles_in_dagster(instance, watched, longest)
