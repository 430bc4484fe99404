"""Answers of the command line: tables for people, JSON for scripts, on whatever terminal there is."""

import io
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ferrero_dagster.domain.lines import many_lines

_COLOURS = {"ok": "green", "failed": "red", "permanently failed": "red", "retrying": "yellow", "skipped": "dim"}

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead of tables.")


def replace_what_cannot_be_shown() -> None:
    """Let standard output show `?` for characters that the terminal's encoding does not have."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def say(text: str) -> None:
    """A line on standard output that commands nothing to a terminal, in its own encoding, not in click's UTF-8."""
    click.echo(str(many_lines(text)), file=sys.stdout)


def command_name() -> str:
    """Of the command that is under way, as PostgreSQL shows it."""
    return click.get_current_context().info_name or ""


def print_json(value: Any) -> None:
    """One JSON document on standard output; escaped where its encoding lacks a character, so that nothing is lost."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    click.echo(text, file=sys.stdout)


def print_table(title: str, rows: Sequence[Mapping[str, Any]], *, nothing: str) -> None:
    """The rows under their common column names, or a sentence where there are none; text from outside stays text."""
    console = Console()
    if not rows:
        console.print(Text(nothing))
        return
    table = Table(title=Text(title, style="bold"), title_justify="left", box=SIMPLE_HEAD)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print(table)


def _cell(value: Any) -> Text:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    # What a name from outside holds may be a command to the terminal.
    text = "" if value is None else str(many_lines(str(value)))
    return Text(text, style=_COLOURS.get(text, ""))
