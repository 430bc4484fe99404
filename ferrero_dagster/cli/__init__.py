"""`ferrero-dagster`: what an operator or administrator does outside Dagster's pages."""

import sys
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console

from ferrero_dagster.cli import audit, change, custody, health, show
from ferrero_dagster.cli.tables import replace_what_cannot_be_shown, say
from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.domain.unforeseen import unforeseen

_EPILOG = (
    "Exit codes: 0 all is well; 1 something is wrong and said in one sentence; 2 the command was called wrongly; "
    "3 a fault in the program or, where 1 means a wrong name, names that could not be checked."
)
#: How click says what it does itself; a reader that went away is no fault either.
_OF_CLICK = (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError)
_UNABLE = 3


class _Commands(click.Group):
    """Shows errors as one sentence instead of a stack trace, on whatever terminal there is."""

    def main(self, *args: Any, **named: Any) -> Any:
        replace_what_cannot_be_shown()
        return super().main(*args, **named)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except _OF_CLICK:
            raise
        except FerreroError as error:
            _tell(str(error))
            sys.exit(_UNABLE if ctx.invoked_subcommand == show.check_name.name else 1)
        except Exception as error:  # noqa: BLE001  # a crash must not look like an answer
            found = unforeseen(error)
            _tell(f"{found}\n{found.trace}")
            sys.exit(_UNABLE)


def _tell(sentence: str) -> None:
    Console(stderr=True, soft_wrap=True).print(
        f"ferrero-dagster: {sentence}", style="red", markup=False, highlight=False
    )


@click.group(cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ferrero_dagster")
def main() -> None:
    """Moves creative assets between an OpenText DAM and Box, watched and steered in Dagster.

    Settings come from the environment or from .env in the working directory; .env.example lists them.
    """


@main.group()
def db() -> None:
    """The tracking database."""


@db.command()
def upgrade() -> None:
    """Bring the tracking database to the present schema.

    Adopts the tables of the cron scripts where they exist, adds the columns of routes that the site configuration adds,
    and makes the schema for Dagster's own tables; safe to run again.
    """
    from ferrero_dagster.config.settings import load_settings
    from ferrero_dagster.config.site import load_site
    from ferrero_dagster.tracking import schema

    settings = load_settings().require("database_url")
    url, site = settings.database_url.get_secret_value(), load_site(settings.site_config)
    patience = site.database.patience("upgrade")
    version = schema.upgrade(url, site.routes.masters, patience, finals=site.routes.finals)
    say(f"The tracking database has schema version {version}.")
    schema.make_dagster_schema(url, patience)


@main.command()
@click.option("--check", is_flag=True, help="Without a screen: wait for the end state, print a table, exit 0 or 1.")
@click.option("--fresh", is_flag=True, help="Forget what earlier demos left.")
@click.option(
    "--port", default=3000, show_default=True, help="Port of the Dagster UI; the stand-ins take the next ones."
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Folder that remembers the demo between starts.",
)
@click.option(
    "--site-config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A site configuration to try, for example with routes of your own; the shipped one if not given.",
)
@click.option(
    "--dialect",
    type=click.Choice(["customer", "seeds"]),
    default="customer",
    show_default=True,
    help="How the DAM's stand-in speaks: as the customer's documents say, or as the seeds of the specification do.",
)
@click.option("--box-limits", is_flag=True, help="Box takes 240 uploads and 1,000 calls a minute, as the real one.")
def demo(
    *,
    check: bool,
    fresh: bool,
    port: int,
    state: Path,
    site_config: Path | None,
    dialect: Literal["customer", "seeds"],
    box_limits: bool,
) -> None:
    """Run everything on this machine, with stand-ins for DAM, Box, mail and Make.com.

    Ctrl-C ends it; started again it goes on where it stopped.
    """
    from ferrero_dagster.sandbox.demo import run_demo

    sys.exit(
        run_demo(
            state.resolve(),
            port=port,
            check=check,
            fresh=fresh,
            site_config=site_config,
            dialect=dialect,
            box_limits=box_limits,
        )
    )


for command in (*show.COMMANDS, audit.audit, *custody.COMMANDS, health.health, *change.COMMANDS):
    main.add_command(command)
