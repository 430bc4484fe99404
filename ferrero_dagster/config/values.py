"""Kinds of values that several settings have, with the sentence for one that is wrong."""

from string import Formatter
from typing import Annotated

from pydantic import AfterValidator


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("expected a text that is not empty")
    return text


def made_of(*names: str) -> AfterValidator:
    """Accepts a pattern with at least one of these placeholders and no other."""

    def check(pattern: str) -> str:
        try:
            found = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
        except ValueError:
            found = set()
        if not found or not found <= set(names):
            raise ValueError(f"expected a text with {' or '.join(f'{{{name}}}' for name in names)} and no other braces")
        return pattern

    return AfterValidator(check)


Filled = Annotated[str, AfterValidator(_filled)]
