"""Addresses of databases as SQLAlchemy, and with it Dagster, needs them."""

from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from ferrero_dagster.config.values import postgres_parts

_DRIVER = "postgresql+psycopg2"


def sqlalchemy_url(address: str) -> sa.URL:
    """The same database for SQLAlchemy's psycopg2, from an address of libpq's or of SQLAlchemy's own kind.

    Raises:
        ValueError: it is neither; nothing of it is shown.
    """
    parts = postgres_parts(address.replace(f"{_DRIVER}://", "postgresql://", 1))
    if address.startswith(_DRIVER):
        with suppress(ArgumentError, ValueError):  # several hosts, as libpq writes them
            return sa.make_url(address)
    user, password, name = (parts.pop(part, None) for part in ("user", "password", "dbname"))
    # Hosts and ports stay beside each other, since libpq takes several of both, and paths of sockets, only there.
    return sa.URL.create(_DRIVER, user, password, database=name, query=parts)


def connect_arguments(url: sa.URL) -> dict[str, Any]:
    """What psycopg2 is called with to reach it: `host`, `port`, `dbname`, …."""
    _, arguments = url.get_dialect()().create_connect_args(url)
    return dict(arguments)
