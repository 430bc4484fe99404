"""Every setting that docs/ASSUMPTIONS.md names is one that a site can set."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from ferrero_dagster.config.settings import Settings
from ferrero_dagster.config.site import load_site

PAGE = (Path(__file__).parents[1] / "docs" / "ASSUMPTIONS.md").read_text(encoding="utf-8")
#: The setting is the fourth cell of a line of a table.
NAMED = sorted(
    {
        name
        for line in PAGE.splitlines()
        if line.startswith("| ") and not line.startswith("| we assume")
        for name in re.findall(r"`([A-Za-z_.]+)`", line.split(" | ")[3])
    }
)


def columns_of_routes():
    return {field.name for route in load_site().routes for field in fields(route)}


@pytest.mark.parametrize("name", NAMED)
def test_a_setting_that_the_page_names_exists(name):
    if name.startswith("FERRERO_"):
        assert name.removeprefix("FERRERO_").lower() in Settings.model_fields
    elif "." in name:
        value = load_site()
        for part in name.split("."):
            value = getattr(value, part)
    else:
        assert name in columns_of_routes() | set(type(load_site()).model_fields)


def test_the_page_names_settings():
    assert len(NAMED) > 30
