"""Every section of the specification, the contracts and the faults that the code cites can be read in `docs`."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ferrero_dagster_tests.faults_table import FAULTS

PROJECT = Path(__file__).parent.parent
DOCS = PROJECT / "docs"
CODE = [path for room in ("ferrero_dagster", "ferrero_dagster_tests") for path in (PROJECT / room).rglob("*.py")]
CODE += [PROJECT / "ferrero_dagster" / "config" / "site.yaml"]

NUMBER = r"\d+(?:\.\d+)?(?:-\d+(?:\.\d+)?)?"
#: For example `SPEC 3.1-3.8, 10`, `contract box.md 1-3, traps 4-10` and `FAULTS 27-29`.
CITATION = re.compile(
    rf"\b(?P<page>SPEC|FAULTS|(?<=[Cc]ontract )\w+\.md) "
    rf"(?P<places>(?:traps )?{NUMBER}(?:(?:, | and )(?:traps )?{NUMBER})*)"
)
HEADING = re.compile(r"^#+ (?:(?P<number>\d+(?:\.\d+)?)\.? )?(?P<words>.*)$")


def sections(page: Path) -> set[str]:
    """`3`, `3.2` and `traps 4`: numbered headings, numbered points below them, and those below a heading in words."""
    found, at = set(), ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if heading := HEADING.match(line):
            at = heading["number"] or heading["words"].split()[0].lower()
            found |= {at, heading["words"]}
        elif point := re.match(r"(\d+)\. ", line):
            found.add(f"{at}.{point[1]}" if at[0].isdigit() else f"{at} {point[1]}")
    return found


@cache
def sections_of(page: str) -> set[str]:
    if page == "FAULTS":
        return {str(number) for number in FAULTS}
    return sections(DOCS / "SPEC.md" if page == "SPEC" else DOCS / "contracts" / page)


def cited(text: str) -> Iterator[tuple[str, str]]:
    """Page and section of each citation, both ends of a range; one may go on in the next line."""
    for citation in CITATION.finditer(re.sub(r"\s*\n\s*(#:? )?", " ", text)):
        of = ""
        for place in re.split(", | and ", citation["places"]):
            of = "traps " if place.startswith("traps ") else of
            yield from ((citation["page"], of + end) for end in place.removeprefix("traps ").split("-"))


def test_every_section_that_is_cited_exists() -> None:
    citations = [(path.name, *citation) for path in CODE for citation in cited(path.read_text(encoding="utf-8"))]
    assert len(citations) > 150
    assert [citation for citation in citations if citation[2] not in sections_of(citation[1])] == []


def test_headings_that_are_cited_in_words_exist() -> None:
    quoted = [words for path in CODE for words in re.findall(r'ontract (\w+\.md), "([^"]+)"', path.read_text())]
    assert [(page, words) for page, words in quoted if words not in sections_of(page)] == []


def test_a_citation_names_its_page() -> None:
    loose = re.compile(r"\b[Cc]ontracts?(?: sections?)? \d|\bcontract \w+\.md,? sections? ")
    assert [path.name for path in CODE if loose.search(path.read_text(encoding="utf-8"))] == []
