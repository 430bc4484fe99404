"""What operators choose a campaign by in Dagster (SPEC 10): readable, safe, another one for each campaign."""

from collections.abc import Iterator

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.lines import one_line

LIMIT = 80
#: Digits of the campaign's id that tell it from another of the same name; all of them if need be.
_DIGITS = (6, 12, 40)


def partition_keys_for(campaign: Campaign) -> Iterator[str]:
    """The keys that the campaign may get, the first that no other campaign has; at most 80 characters each.

    `{number} {name}`, then the same with ` #` and the last digits of its id. Control characters are replaced, and so is
    `...`, which Dagster takes for a range.
    """
    shown = _safe(str(campaign)) or _safe(campaign.id)
    yield shown[:LIMIT].strip()
    for digits in _DIGITS:
        told_apart = f" #{_safe(campaign.id)[-digits:]}"
        yield shown[: LIMIT - len(told_apart)].strip() + told_apart


def _safe(text: str) -> str:
    line = str(one_line(text)).strip()
    while "..." in line:
        line = line.replace("...", "…")
    return line
