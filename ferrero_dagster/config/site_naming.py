"""`naming` in the site configuration: how the agency names its files (SPEC 5, 12)."""

import re
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from ferrero_dagster.config.values import Filled
from ferrero_dagster.domain.extensions import Extensions
from ferrero_dagster.domain.filenames import NamingRules
from ferrero_dagster.domain.name_components import Codes
from ferrero_dagster.domain.name_schemes import name_of_two_orders, orders_of


def _pattern(pattern: str) -> str:
    orders_of("", pattern)
    return pattern


def _code(text: str) -> str:
    if not re.fullmatch(r'[^\s_./\\:*?"<>|]+', text):
        raise ValueError(f"expected a code without blanks, '_', '.' and signs that Box refuses, found {text!r}")
    return text


def _extension(text: str) -> str:
    if not re.fullmatch("[a-z0-9]{1,10}", text):
        raise ValueError(f"expected an ending of small letters and digits without its dot, found {text!r}")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
Code = Annotated[str, AfterValidator(_code)]
Extension = Annotated[str, AfterValidator(_extension)]


class NamingSite(BaseModel):
    """What is legal in a file name, and what is known, for suggestions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: By name; None takes one that is shipped away.
    schemes: dict[Filled, Pattern | None]
    asset_types: tuple[Code, ...]
    other_asset_types: bool
    brands: tuple[Code, ...]
    languages: tuple[Code, ...]
    extra_countries: tuple[Code, ...]
    aspect_ratios: tuple[Code, ...]
    max_subject_length: Annotated[int, Field(ge=1, le=200)]
    #: By kind of file.
    extensions: dict[Filled, tuple[Extension, ...]]
    extensions_of_asset_types: dict[Code, tuple[str, ...]]
    unfinished_extensions: tuple[Extension, ...]

    @cached_property
    def rules(self) -> NamingRules:
        """What names the site takes."""
        orders = [order for name, pattern in self.schemes.items() if pattern for order in orders_of(name, pattern)]
        codes = self.model_dump(include=set(Codes.__dataclass_fields__))
        extensions = Extensions(
            kinds=self.extensions,
            kinds_of_types=self.extensions_of_asset_types,
            unfinished=self.unfinished_extensions,
        )
        return NamingRules(orders=tuple(orders), codes=Codes(**codes), extensions=extensions)

    @model_validator(mode="after")
    def _schemes_exclude_each_other(self) -> Self:
        if not self.rules.orders:
            raise ValueError("expected at least one pattern in schemes")
        if found := name_of_two_orders(self.rules.orders, self.rules.codes):
            name, *orders = found
            one, other = (f"{order.pattern} (schemes.{order.scheme})" for order in orders)
            raise ValueError(f"the name {name} fits both {one} and {other}; expected schemes of which a name fits one")
        return self

    @model_validator(mode="after")
    def _kinds_are_known(self) -> Self:
        named = {kind for kinds in self.extensions_of_asset_types.values() for kind in kinds}
        if unknown := named - self.extensions.keys():
            raise ValueError(
                f"extensions_of_asset_types: {', '.join(sorted(unknown))}: expected kinds of extensions "
                f"({', '.join(self.extensions)})"
            )
        return self

    @model_validator(mode="after")
    def _finished_is_not_unfinished(self) -> Self:
        if both := self.rules.extensions.all & {*self.unfinished_extensions}:
            raise ValueError(
                f"unfinished_extensions: {', '.join(sorted(both))}: expected endings that extensions has not; "
                "files with such an ending would be ignored"
            )
        return self
