"""Commands that operators change something with; without --yes they only show. `reconcile` asks nobody."""

import getpass
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import click

from ferrero_dagster.cli.tables import as_json_option, command_name, print_json, print_table, say
from ferrero_dagster.connections import Connections
from ferrero_dagster.domain.allowance import Priority
from ferrero_dagster.operations.changes import Outcome, Request

F = TypeVar("F", bound=Callable[..., Any])


def _login_name() -> str:
    """Empty where the user has no name, as in a container; the operation then asks for one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _changing_options(command: F) -> F:
    for option in (
        as_json_option,
        click.option("--by", "done_by", default=_login_name, help="Your name, recorded with it. [your login name]"),
        click.option("--yes", is_flag=True, help="Do it; without this only what would be done is shown."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("campaigns", nargs=-1, metavar="[CAMPAIGN]...")
@click.option("--all-failed", is_flag=True, help="All that are permanently failed, instead of naming them.")
@click.option("--route", help="Only on this route, for example a1_to_a2.")
@_changing_options
def reset_retries(
    *, campaigns: tuple[str, ...], all_failed: bool, route: str | None, yes: bool, done_by: str, as_json: bool
) -> None:
    """Give campaigns that failed a clean slate; the sensor starts them at its next look.

    A CAMPAIGN is a number, an exact name, an id, or what Dagster calls it as a partition.

    \b
    Examples:
      ferrero-dagster reset-retries C000000078                  shows what would be reset
      ferrero-dagster reset-retries C000000078 --yes            resets it
      ferrero-dagster reset-retries "Local adaptation test 2" --route a1_to_a2 --yes
      ferrero-dagster reset-retries --all-failed --by "Maria Rossi" --yes
    """
    from ferrero_dagster.operations.campaign_resets import CampaignSelection, reset_campaign_retries

    connections = Connections.from_environment()
    selection = CampaignSelection(names=campaigns, all_failed=all_failed, route=route)
    with connections.database(name=command_name()) as database:
        request = Request(done_by=done_by, dry_run=not yes)
        _show(reset_campaign_retries(database, connections.site, selection, request), as_json=as_json)


@click.command()
@click.option("--tracking-id", "tracking_ids", multiple=True, help="A file by its tracking ID; may be repeated.")
@click.option("--file", "file_names", multiple=True, help="A file by its exact name; may be repeated.")
@click.option("--campaign", "campaigns", multiple=True, help="All set-aside files of a campaign (id, number or name).")
@click.option("--all", "everything", is_flag=True, help="All files that are set aside, instead of choosing.")
@_changing_options
def release_files(*, yes: bool, done_by: str, as_json: bool, **chosen: Any) -> None:
    """Let files that were set aside be tried again by the next run, both directions.

    \b
    Examples:
      ferrero-dagster release-files --all                       shows what would be released
      ferrero-dagster release-files --tracking-id ABC123 --yes
      ferrero-dagster release-files --campaign C000000078 --yes
    """
    from ferrero_dagster.operations.releases import FileSelection, release_set_aside_files

    with Connections.from_environment().database(name=command_name()) as database:
        request = Request(done_by=done_by, dry_run=not yes)
        _show(release_set_aside_files(database, FileSelection(**chosen), request), as_json=as_json)


@click.command()
@click.option("--tracking-id", "tracking_ids", multiple=True, help="A file by its tracking ID; may be repeated.")
@click.option("--file", "file_names", multiple=True, help="A file by its exact name, here or there; may be repeated.")
@click.option("--campaign", "campaigns", multiple=True, help="All of a campaign (id, number or name).")
@click.option("--finals", is_flag=True, help="Finals, to be imported again; otherwise masters, to Box.")
@click.option("--to-folder", default="", help="Id of a Box folder that masters are wanted in. [their campaign's]")
@_changing_options
def redeliver(*, yes: bool, done_by: str, as_json: bool, **chosen: Any) -> None:
    """Bring masters to Box again that were deleted or replaced there, or are wanted in another folder.

    With --finals have those imported again that the DAM lost: their files come back from Box's trash. What is there as
    it was delivered stays; no status is set. Where one cannot be had, the command exits 1.

    \b
    Examples:
      ferrero-dagster redeliver --campaign C000000078           shows what is there and what would be done
      ferrero-dagster redeliver --tracking-id ABC123 --yes
      ferrero-dagster redeliver --finals --campaign C000000078 --yes
      ferrero-dagster redeliver --file "Hero film.mp4" --to-folder 123456789 --yes
    """
    from ferrero_dagster.operations.redeliveries import Redelivering, Wanted

    with Connections.from_environment(Priority.PEOPLE).systems() as systems:
        request = Request(done_by=done_by, dry_run=not yes)
        operation = Redelivering(systems=systems, request=request, log=partial(click.echo, err=True))
        outcome = operation.redeliver(Wanted(**chosen))
    if as_json:
        print_json(outcome.as_json())
    else:
        print_table("redeliver_files", [file.row() for file in outcome.files], nothing="")
        say(f"{outcome}{' Add --yes to do it.' if outcome.dry_run else ''}")
    sys.exit(bool(outcome.refused) and not outcome.dry_run)


@click.command()
@click.argument("tracking_ids", nargs=-1, metavar="TRACKING_ID...")
@_changing_options
def withdraw_masters(*, tracking_ids: tuple[str, ...], yes: bool, done_by: str, as_json: bool) -> None:
    """Let campaigns be complete without finals of these masters; a final that comes in nevertheless is refused.

    \b
    Examples:
      ferrero-dagster withdraw-masters ABC123                   shows what would be withdrawn
      ferrero-dagster withdraw-masters ABC123 DEF456 --yes
    """
    from ferrero_dagster.operations import withdrawals

    with Connections.from_environment().database(name=command_name()) as database:
        request = Request(done_by=done_by, dry_run=not yes)
        _show(withdrawals.withdraw_masters(database, tracking_ids, request), as_json=as_json)


@click.command()
@click.argument("campaigns", nargs=-1, metavar="CAMPAIGN...")
@click.option("--incomplete", is_flag=True, help="Also campaigns that have masters without a final.")
@_changing_options
def advance(*, campaigns: tuple[str, ...], incomplete: bool, yes: bool, done_by: str, as_json: bool) -> None:
    """Set the next status of campaigns whose finals are all there, languages and countries included.

    A CAMPAIGN is a number, an exact name, an id, or what Dagster calls it as a partition. One that cannot be advanced
    does not stop the others; the command then exits 1.

    \b
    Examples:
      ferrero-dagster advance C000000078                        shows what has arrived and what would be done
      ferrero-dagster advance C000000078 C000000091 --yes
      ferrero-dagster advance "Spring test 2" --incomplete --by "Maria Rossi" --yes
    """
    from ferrero_dagster.operations.advances import Advancing

    connections = Connections.from_environment(Priority.PEOPLE)
    with connections.database(name=command_name()) as database, connections.dam() as dam:
        outcome = Advancing(
            database=database,
            dam=dam,
            site=connections.site,
            has_webhook=connections.webhook_url is not None,
            request=Request(done_by=done_by, dry_run=not yes),
            incomplete=incomplete,
        ).advance(campaigns)
    if as_json:
        print_json(outcome.as_json())
    else:
        print_table("advance_campaigns", [campaign.row() for campaign in outcome.campaigns], nothing="")
        say(f"{outcome}{' Add --yes to do it.' if outcome.dry_run else ''}")
    sys.exit(bool(outcome.refused) and not outcome.dry_run)


@click.command()
@click.argument("numbers", nargs=-1, type=int, metavar="[NUMBER]...")
@click.option("--all", "everything", is_flag=True, help="All messages that are set aside, instead of choosing.")
@_changing_options
def resend(*, numbers: tuple[int, ...], everything: bool, yes: bool, done_by: str, as_json: bool) -> None:
    """Send mails and webhooks again; the sensor pending_notifications does it within a minute.

    A NUMBER is a message's, as `ferrero-dagster status` shows it; also one that was sent before.

    \b
    Examples:
      ferrero-dagster resend --all                              shows what would be sent again
      ferrero-dagster resend 17 18 --yes
    """
    from ferrero_dagster.operations.releases import resend_notifications

    with Connections.from_environment().database(name=command_name()) as database:
        request = Request(done_by=done_by, dry_run=not yes)
        outcome = resend_notifications(database, request, ids=numbers, everything=everything)
        _show(outcome, as_json=as_json)


@click.command()
@as_json_option
def reconcile(*, as_json: bool) -> None:
    """Put right now what the hourly job puts right, but for Dagster's own runs; safe at any time.

    \b
    Example:
      ferrero-dagster reconcile
    """
    from ferrero_dagster.operations.housekeeping import put_right

    connections = Connections.from_environment()
    request = Request(done_by=_login_name() or "reconcile", dry_run=False)
    with connections.database(name=command_name()) as database:
        warn = partial(click.echo, err=True)
        done = put_right(database, connections.site, connections.dam, connections.box_clients, request, warn=warn)
    if as_json:
        print_json(done)
    else:
        print_table("Put right", done, nothing="There was nothing to put right.")


def _show(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print_json(outcome.as_json())
        return
    print_table(outcome.operation, [change.row() for change in outcome.changes], nothing="")
    hint = " Add --yes to do it." if outcome.dry_run and outcome.changes else ""
    say(f"{outcome}{hint}")


COMMANDS: tuple[click.Command, ...] = (
    reset_retries,
    release_files,
    redeliver,
    withdraw_masters,
    advance,
    resend,
    reconcile,
)
