"""Which languages and countries the finals of a master are for, read from their names."""

from collections.abc import Iterable

from ferrero_dagster.domain.filenames import V2Name, parse_v2
from ferrero_dagster.domain.name_components import NamingRules

UNKNOWN = "language unknown"


def markets_of(names: Iterable[str], rules: NamingRules) -> tuple[str, ...]:
    """`DE de` for each country and language that these names of finals are of, each once, what has none last."""
    found = {_market(name, rules) for name in names}
    return (*sorted(found - {UNKNOWN}), *(found & {UNKNOWN}))


def _market(name: str, rules: NamingRules) -> str:
    parsed = parse_v2(name, rules)
    known = f"{parsed.country} {parsed.language}".strip() if isinstance(parsed, V2Name) else ""
    return known or UNKNOWN
