"""What CONTRIBUTING.md and the README tell people to do can be done."""

import re

import pytest

from ferrero_dagster.config.routes import ROUTES
from ferrero_dagster.config.site import load_site
from ferrero_dagster_tests.faults_table import TESTS

PROJECT = TESTS.parent
PAGES = {name: (PROJECT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")}


def test_the_rows_of_the_recipe_for_a_route_are_taken_as_they_stand(tmp_path) -> None:
    [recipe] = re.findall(r"```yaml\n(.*?)```", PAGES["CONTRIBUTING.md"], re.DOTALL)
    (tmp_path / "site.yaml").write_text(recipe)
    names = load_site(tmp_path / "site.yaml").routes.names
    assert names == (*(route.name for route in ROUTES), "c1_to_c2", "c2_to_c3")


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
