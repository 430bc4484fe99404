"""Tables as CSV that a spreadsheet opens as they are meant."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

# A spreadsheet takes a cell that begins so for a formula, whoever named the file; signs may have full width.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|okt|dez|mrz|gen|mag|giu|lug|ago|set|ott|dic"
# And these for numbers, dates or truth, as the tracking ID 571E23.
_LIKE_A_VALUE = re.compile(
    rf"\s*(\d[\d.,'\s]*(e[+-]?\d+)?%?|[\d./:-]+|true|false|\d{{0,4}}[ ./-]?({_MONTHS})[a-z]*[ ./-]?\d{{0,4}})\s*",
    re.IGNORECASE,
)


def csv_table(columns: Iterable[str], lines: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> bytes:
    """UTF-8 with its mark; times in the zone, and texts stay texts: no formula, number or date of a spreadsheet."""
    table = io.StringIO(newline="")
    # Quoted, since a spreadsheet may also take semicolons for the ends of cells.
    writer = csv.DictWriter(table, list(columns), quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _cell(value, zone) for name, value in line.items()})
    return table.getvalue().encode("utf-8-sig")


def _cell(value: object, zone: ZoneInfo) -> object:
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    is_risky = isinstance(value, str) and (_FORMULA.match(value) or _LIKE_A_VALUE.fullmatch(value))
    return f"'{value}" if is_risky else value
