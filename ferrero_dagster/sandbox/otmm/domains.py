"""Pick lists of the DAM stand-in, in both dialects (contract otmm.md 5.2; customer.md 1).

What is stored is what people call a value, `A1` or `Local Adaptation`. The seeds' dialect has it as the id, too; in the
customer's the ids are others, put in where a value leaves and taken back where it comes in.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ferrero_dagster.sandbox.otmm.answers import Refusal
from ferrero_dagster.sandbox.otmm.metadata import Element, domain_value, texts
from ferrero_dagster.sandbox.otmm.sample import CAMPAIGN_STATUS, CAMPAIGN_TYPE, STATE, STATUSES

Dialect = Literal["seeds", "customer"]

_STATUS_PREFIX = "SCALING_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Domain:
    """A pick list by its id, with the texts of the seeds' dialect and what the customer's makes of a value."""

    id: str
    field_id: str
    #: What the seeds' dialect shows for the values that are always there.
    shown: Mapping[str, str]
    customer_id: Callable[[str], str]
    from_customer_id: Callable[[str], str | None]

    def value(self, value: str, dialect: Dialect) -> Element:
        """The domain value as it looks over the wire."""
        if dialect == "customer":
            return domain_value(self.customer_id(value), value)
        return domain_value(value, self.shown.get(value, value))


def _is_upper_case(*values: str) -> dict[str, Any]:
    """A pick list whose ids are its texts in capitals, without blanks."""
    ids = {_capitals(value): value for value in values}
    return {"shown": dict(zip(values, values, strict=True)), "customer_id": _capitals, "from_customer_id": ids.get}


def _capitals(text: str) -> str:
    return text.upper().replace(" ", "_")


def _status_id(status: str) -> str:
    # Turned round, so that the id of A1 does not contain A1.
    return f"{_STATUS_PREFIX}{status[::-1]}"


def _status_of(value_id: str) -> str | None:
    return value_id.removeprefix(_STATUS_PREFIX)[::-1] if value_id.startswith(_STATUS_PREFIX) else None


DOMAINS = {
    domain.field_id: domain
    for domain in (
        Domain(
            id="CONTENT.SCALING.DOMAIN.STATUS",
            field_id=CAMPAIGN_STATUS,
            shown=STATUSES,
            customer_id=_status_id,
            from_customer_id=_status_of,
        ),
        Domain(
            id="FERRERO.DOMAIN.CAMPAIGN_TYPE",
            field_id=CAMPAIGN_TYPE,
            **_is_upper_case("Local Adaptation", "Global comm"),
        ),
        Domain(id="FERRERO.DOMAIN.GLOBAL.LOCAL", field_id=STATE, **_is_upper_case("Global", "Local")),
    )
}


def as_customer(answer: Any) -> Any:
    """The same JSON with the ids and texts of the customer's dialect."""
    if isinstance(answer, list):
        return [as_customer(item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    return in_domain(answer, "customer") or {key: as_customer(inner) for key, inner in answer.items()}


def in_domain(element: Element, dialect: Dialect) -> Element | None:
    """The same pick list with the id and the text that its domain has for its value; None where it is no such one."""
    domain = DOMAINS.get(str(element.get("id")))
    if domain and (values := texts(element)) and element["value"].get("domain_value"):
        return {**element, "value": {**element["value"], "value": domain.value(values[0], dialect)}}
    return None


def from_customer(elements: Iterable[Element]) -> list[Element]:
    """What a client sent, as it is stored.

    Raises:
        Refusal: 400, the value of a pick list is none of the ids that its domain has.
    """
    return [_stored(element) for element in elements]


def _stored(element: Element) -> Element:
    domain, values = DOMAINS.get(element["id"]), texts(element)
    if domain is None or not values:
        return element
    value = domain.from_customer_id(values[0])
    if value is None:
        raise Refusal(400, f"{values[0]} is no value of the domain {domain.id}.")
    return {**element, "value": {"domain_value": True, "value": domain_value(value, value)}}


def indexed(field_id: str, values: Iterable[str], dialect: Dialect) -> tuple[str, ...]:
    """Stored values as the search knows them: by their ids."""
    domain = DOMAINS.get(field_id)
    if domain is None or dialect == "seeds":
        return tuple(values)
    return tuple(domain.customer_id(value) for value in values)
