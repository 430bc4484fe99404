"""Kinds of values that several settings have, with the sentence for one that is wrong."""

from string import Formatter
from typing import Annotated

import psycopg2
from psycopg2.extensions import parse_dsn
from pydantic import AfterValidator, BeforeValidator


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("expected a text that is not empty")
    return text


def made_of(*names: str) -> AfterValidator:
    """Accepts a pattern with at least one of these placeholders and no other."""

    def check(pattern: str) -> str:
        try:
            parts = [part for part in Formatter().parse(pattern) if part[1] is not None]
            # `{url!r}` and `{url:>9}` are other ways to write a value, of which nobody speaks.
            found = {"" if spec or conversion else name for _, name, spec, conversion in parts}
        except ValueError:
            found = set()
        if not found or not found <= set(names):
            raise ValueError(f"expected a text with {' or '.join(f'{{{name}}}' for name in names)} and no other braces")
        return pattern

    return AfterValidator(check)


def postgres_parts(address: str) -> dict[str, str]:
    """What libpq reads from the address of a database; hosts and ports may be several, separated by commas.

    Raises:
        ValueError: it is no such address; nothing of it is shown, since it may hold a password.
    """
    try:
        parts: dict[str, str] = parse_dsn(address)
    except psycopg2.ProgrammingError:
        parts = {}
    hosts, ports = parts.get("host", "").split(","), parts.get("port", "").split(",")
    are_ports = all(not port or port.isdecimal() for port in ports) and len(ports) in {1, len(hosts)}
    # An @ in the host was meant to be in the password.
    if not parts or not are_ports or any("@" in host for host in hosts):
        raise ValueError(
            "expected postgresql://user:password@host:port/name, with @ : / ? # % in user and password written as "
            "%40 %3A %2F %3F %23 %25"
        )
    return parts


def _digits(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Filled = Annotated[str, AfterValidator(_filled)]
#: Of a folder and the like; one of digits may be written without quotation marks.
Id = Annotated[Filled, BeforeValidator(_digits)]
