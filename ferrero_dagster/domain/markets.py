"""Which languages and countries the finals of a master are for, read from their names."""

from collections.abc import Iterable

from ferrero_dagster.domain.filenames import NamingRules

UNKNOWN = "language unknown"


def markets_of(names: Iterable[str], rules: NamingRules) -> tuple[str, ...]:
    """`DE de` for each country and language that these names of finals are of, each once, what has none last."""
    found = {_market(name, rules) for name in names}
    return (*sorted(found - {UNKNOWN}), *(found & {UNKNOWN}))


def _market(name: str, rules: NamingRules) -> str:
    parsed = rules.read(name)
    return (f"{parsed.country} {parsed.language}".strip() if parsed else "") or UNKNOWN
