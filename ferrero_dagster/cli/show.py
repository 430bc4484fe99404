"""Commands that look and change nothing: status, check-connections, check-name, representation, preview-mails."""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ferrero_dagster.cli.tables import as_json_option, command_name, print_json, print_table, say
from ferrero_dagster.domain.errors import FerreroError, OperationRefused

if TYPE_CHECKING:
    from ferrero_dagster.domain.filenames import NamingRules
    from ferrero_dagster.operations.name_checks import CheckedName


@click.command()
@as_json_option
def status(*, as_json: bool) -> None:
    """How things stand: campaigns, those that you may advance, set-aside and refused files, messages, outages.

    \b
    Examples:
      ferrero-dagster status
      ferrero-dagster status --json | jq '.campaigns[] | select(.state == "permanently failed")'
    """
    from ferrero_dagster.connections import Connections
    from ferrero_dagster.operations.status import read_status

    connections = Connections.from_environment()
    with connections.database(name=command_name()) as database:
        found = read_status(database, connections.site)
    if as_json:
        print_json(asdict(found))
        return
    print_table("Campaigns", found.campaigns_in_words, nothing="No campaign is waiting.")
    print_table("Ready to be advanced", found.ready_in_words, nothing="No campaign is ready to be advanced.")
    print_table("Files set aside", found.set_aside_files, nothing="No file is set aside.")
    print_table("Files refused in Box", found.refused_files, nothing="No file is refused.")
    print_table("Finals without a new score", found.unscored_finals, nothing="Every final has its score.")
    print_table("Messages", found.messages, nothing="No message is waiting.")
    print_table("Outages", found.outages, nothing="No system is out.")
    print_table("Requests this month", found.requests, nothing="Nothing was asked of Box and the DAM this month.")
    print_table("Red in Dagster", found.reds, nothing="Nothing is red in Dagster.")
    print_table("Findings of the audit", found.audit_findings, nothing="The audit found nothing.")
    print_table("Turns that an error ended", found.unforeseen_errors, nothing="No error has ended a turn.")


@click.command()
@as_json_option
def check_connections(*, as_json: bool) -> None:
    """Ask every outside system whether it can be used; exits 1 if one cannot.

    Nothing is changed or sent, and no secret is shown.

    \b
    Examples:
      ferrero-dagster check-connections
      ferrero-dagster check-connections --json | jq '.[] | select(.state == "failed")'
    """
    from ferrero_dagster.connections import Connections
    from ferrero_dagster.domain.allowance import Priority
    from ferrero_dagster.operations import connection_checks

    connections = Connections.from_environment(Priority.PEOPLE)
    rows = [asdict(check) for check in connection_checks.check_connections(connections)]
    if as_json:
        print_json(rows)
    else:
        print_table("Connections", rows, nothing="")
    sys.exit(any(row["state"] == "failed" for row in rows))


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@as_json_option
def check_name(*, names: tuple[str, ...], as_json: bool) -> None:
    """Check file names of the agency; exits 1 if one is wrong, 3 if they could not be checked.

    A NAME is a file name, a file, a folder (the files directly in it), or - for a list on standard input, one name or
    path a line. Of folders and lists, files that the sensor ignores are left out. Where FERRERO_DATABASE_URL is set,
    tracking IDs are looked up too, and a name that is suggested has the ID as its master has it; else the form of the
    names is all that is checked.

    \b
    Examples:
      ferrero-dagster check-name 6666_NUT_SUMMER_OLV_30S_16x9_DE_de_pOiJ9s.mp4
      ferrero-dagster check-name ~/deliveries
      find /mnt/finals -type f | ferrero-dagster check-name - --json
    """
    from ferrero_dagster.config.settings import load_settings
    from ferrero_dagster.config.site import load_site

    # Names need no database: an agency without one may check them too.
    rules = load_site(load_settings(database_url="").site_config).naming.rules
    checked = _checked(list(dict.fromkeys(_file_names(names, rules))), rules)
    wrong = [one for one in checked if one.problems]
    if as_json:
        print_json([_told(one) for one in checked])
    else:
        rows = [row for one in wrong for row in _problem_rows(one)]
        print_table("Wrong names", rows, nothing=f"All names are correct: {len(checked)}.")
        if meant := [{"name": one.name, "probably_meant": one.meant} for one in wrong if one.meant]:
            print_table("Suggestions", meant, nothing="")
        if wrong:
            say(f"Wrong names: {len(wrong)} of {len(checked)}.")
    sys.exit(bool(wrong))


def _checked(names: "list[str]", rules: "NamingRules") -> "list[CheckedName]":
    """The names by what the tracking database knows, where one is set and can be asked; else by the rules alone."""
    from ferrero_dagster.connections import Connections
    from ferrero_dagster.operations.name_checks import check_by_masters, check_by_rules

    try:
        connections = Connections.from_environment()
        if connections.settings.database_url.get_secret_value():
            with connections.database(name=command_name()) as database:
                return check_by_masters(database, names, rules)
    except FerreroError as error:
        click.echo(f"Tracking IDs were not looked up: {error}", err=True)
    return check_by_rules(names, rules)


@click.command()
@click.argument("file_name")
@as_json_option
def representation(*, file_name: str, as_json: bool) -> None:
    """The metadata that a final of this FILE_NAME would be sent with, and where each value comes from.

    Only the tracking database is asked, not the DAM, not Box. --json has the whole asset_representation, to compare
    with another one.

    \b
    Examples:
      ferrero-dagster representation 1234567_RAF_DE_de_TEST_OLV_001_6S_16x9_ABC123.mp4
      ferrero-dagster representation 1234567_RAF_[...] --json | jq .asset_representation
    """
    from ferrero_dagster.connections import Connections
    from ferrero_dagster.operations.representation_preview import representation_preview

    connections = Connections.from_environment()
    with connections.database(name=command_name()) as database:
        found = representation_preview(database, connections.site, Path(file_name).name)
    if as_json:
        print_json(found.told)
        return
    print_table(f"{found.name.clean_name}, of the master {found.master_dam_id}", found.rows, nothing="No field.")
    for note in found.notes:
        say(note)


def _file_names(given: Iterable[str], rules: "NamingRules") -> Iterator[str]:
    for name in given:
        if name == "-":
            yield from _looked_at((Path(line).name for line in _listed().splitlines() if line.strip()), rules)
        elif os.path.isdir(name):  # noqa: PTH112  # of a name that is too long for a path pathlib's raises
            yield from _looked_at(_files_in(Path(name)), rules)
        else:
            yield Path(name).name


def _listed() -> str:
    """Standard input: UTF-8, as file systems have it, or what the terminal says."""
    given = sys.stdin.buffer.read()
    try:
        return given.decode("utf-8-sig")
    except UnicodeDecodeError:
        return given.decode(sys.stdin.encoding, errors="replace")


def _files_in(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise OperationRefused(f"The folder {folder} cannot be read: {error.strerror}.") from None


def _looked_at(names: Iterable[str], rules: "NamingRules") -> Iterator[str]:
    from ferrero_dagster.domain.triage import is_ignored

    yield from (name for name in names if not is_ignored(name) and not rules.extensions.is_unfinished(name))


def _told(one: "CheckedName") -> dict[str, Any]:
    from ferrero_dagster.domain.filenames import AgencyName

    told: dict[str, Any] = {"name": one.name, "correct": not one.problems}
    if isinstance(one.read, AgencyName):
        told |= {"scheme": one.read.scheme, "clean_name": one.read.clean_name, "notes": list(one.read.notes)}
    if one.problems:
        told["meant"] = one.meant
    return {**told, "problems": [asdict(problem) for problem in one.problems]}


def _problem_rows(one: "CheckedName") -> list[dict[str, str]]:
    return [
        {
            "name": one.name,
            "component": problem.component,
            "found": problem.found or "(missing)",
            "expected": problem.expected,
            "nearest": problem.nearest or "",
            "example": problem.example,
        }
        for problem in one.problems
    ]


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path("mail-previews"))
def preview_mails(*, folder: Path) -> None:
    """Write samples of every mail into a folder, to look at in a browser; nothing is sent.

    \b
    Example:
      ferrero-dagster preview-mails /tmp/mails
    """
    from ferrero_dagster.sandbox.gallery.mails import write_gallery

    try:
        write_gallery(folder)
    except OSError as error:
        raise OperationRefused(f"{folder} cannot be written: {error.strerror}; name another folder.") from None
    say(f"Open {folder / 'index.html'} in a browser.")


COMMANDS: tuple[click.Command, ...] = (status, check_connections, check_name, representation, preview_mails)
