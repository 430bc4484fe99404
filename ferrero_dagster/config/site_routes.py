"""The table of routes as a site has it: columns that it replaces, rows that it adds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from ferrero_dagster.config.routes import AnyRoute, FinalsRoute, MastersRoute, Routes
from ferrero_dagster.config.settings import problems_in
from ferrero_dagster.domain.errors import ConfigurationError

_KINDS: dict[str, type[MastersRoute] | type[FinalsRoute]] = {"masters": MastersRoute, "finals": FinalsRoute}


def site_routes(shipped: Sequence[AnyRoute], changes: object, place: str) -> Routes:
    """The shipped rows with what a site says under `routes:`; `place` begins the sentence of an error.

    Raises:
        ConfigurationError: a column or row is wrong, or two rows get in each other's way.
    """
    with _problems(f"{place}: routes"):
        by_name = _table(changes)
        known = ", ".join(route.name for route in shipped)
        changed = [_changed(route, by_name.pop(route.name, None), place) for route in shipped]
        return Routes((*changed, *(_added(name, row, place, known) for name, row in by_name.items())))


def _changed(route: AnyRoute, columns: object, place: str) -> AnyRoute:
    with _problems(f"{place}: routes.{route.name}"):
        values = _table(columns or {})
        if fixed := route.FIXED & values.keys():
            raise ValueError(f"{min(fixed)} is a public name and stays; for another one add a route of your own")
        return replace(route, **values)


def _added(name: str, columns: object, place: str, known: str) -> AnyRoute:
    with _problems(f"{place}: routes.{name}"):
        values = _table(columns)
        kind = _KINDS.get(str(values.pop("kind", None)))
        if kind is None:
            raise ValueError(f"expected one of {known}, or for a new route its kind, {' or '.join(_KINDS)}")
        return kind(name=name, **values)


def _table(values: object) -> dict[str, Any]:
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise ValueError(f"expected columns or routes by name, found {type(values).__name__}")  # told so
    return dict(values)


@contextmanager
def _problems(place: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise ConfigurationError(f"{place}{_told(error)}.") from None
    except ValueError as error:
        raise ConfigurationError(f"{place}: {error}.") from None


def _told(error: ValidationError) -> str:
    """Each problem after the dotted path of its column; one of the whole table has none."""
    return problems_in(error, lambda column: f".{column}" if column else "")
