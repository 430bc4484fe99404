"""Addresses are made of ids from outside, which stay one part of them."""

import pytest

from ferrero_dagster.domain.links import Links

LINKS = Links(
    dam_url="https://dam.example",
    asset_pattern="{url}/ux#asset/{id}",
    folder_pattern="{url}/ux#folder/{id}",
    box_url="https://box.example",
    dagster_url="https://dagster.example",
)
PAGES = (LINKS.asset, LINKS.folder, LINKS.box_file, LINKS.box_folder, LINKS.run, LINKS.job)


def test_every_thing_has_the_page_where_people_look_at_it():
    assert [page("0a-1_x") for page in PAGES] == [
        "https://dam.example/ux#asset/0a-1_x",
        "https://dam.example/ux#folder/0a-1_x",
        "https://box.example/file/0a-1_x",
        "https://box.example/folder/0a-1_x",
        "https://dagster.example/runs/0a-1_x",
        "https://dagster.example/locations/ferrero_dagster/jobs/0a-1_x/playground",
    ]


@pytest.mark.parametrize("page", PAGES)
def test_an_id_from_outside_stays_one_part_of_the_address(page):
    before, after = page("ID").split("ID")
    assert page("a/../b?c#d&e=f") == f"{before}a%2F..%2Fb%3Fc%23d%26e%3Df{after}"
    assert page("<\"')> {id}ü\ud800") == f"{before}%3C%22%27%29%3E%20%7Bid%7D%C3%BC%3F{after}"


@pytest.mark.parametrize("page", PAGES)
def test_what_has_no_id_has_no_address(page):
    assert (page(None), page("")) == (None, None)


def test_what_needs_somebody_has_the_page_of_its_kind():
    assert [LINKS.thing(kind, "7") for kind in ("campaign", "asset", "box_file", "message", "system")] == [
        LINKS.folder("7"),
        LINKS.asset("7"),
        LINKS.box_file("7"),
        None,
        "https://dagster.example",
    ]
