"""What CONTRIBUTING.md and the README tell people to do can be done."""

import re

import pytest

from ferrero_dagster.config.routes import ROUTES
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.filenames import AgencyName, parse_name
from ferrero_dagster_tests.faults_table import TESTS

PROJECT = TESTS.parent
PAGES = {name: (PROJECT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")}


def test_the_rows_of_the_recipe_for_a_route_are_taken_as_they_stand(tmp_path) -> None:
    names = load_site(_recipe(tmp_path, "routes:")).routes.names
    assert names == (*(route.name for route in ROUTES), "c1_to_c2", "c2_to_c3")


def test_the_naming_scheme_of_the_recipe_is_taken_as_it_stands_and_fits_the_name_beside_it(tmp_path) -> None:
    rules = load_site(_recipe(tmp_path, "naming:")).naming.rules
    [name] = re.findall(r"`ferrero-dagster check-name (\S+)` tries it", PAGES["CONTRIBUTING.md"])
    assert isinstance(parse_name(name, rules), AgencyName)


def _recipe(folder, line: str):
    """The file of a site that holds the recipe with this line."""
    recipes = re.findall(r"```yaml\n(.*?)```", PAGES["CONTRIBUTING.md"], re.DOTALL)
    [recipe] = [recipe for recipe in recipes if f"\n{line}\n" in f"\n{recipe}"]
    (folder / "site.yaml").write_text(recipe)
    return folder / "site.yaml"


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page) -> None:
    named = re.findall(r"`([\w./]*[\w/]+\.(?:py|yaml|html|md|toml))[`:]|\]\(([\w./-]+)\)", PAGES[page])
    places = (PROJECT, PROJECT / "ferrero_dagster", TESTS)
    missing = [
        name for name in (path or link for path, link in named) if not any((place / name).exists() for place in places)
    ]
    assert missing == []


def test_no_file_of_tests_is_longer_than_400_lines() -> None:
    assert [path.name for path in TESTS.rglob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []
