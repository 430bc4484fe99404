"""A route is a row: a site changes columns and adds rows, and a row that cannot work is refused with its name."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from ferrero_dagster.config import routes
from ferrero_dagster.config.routes import ROUTES, FinalsRoute, MastersRoute
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import ConfigurationError

MASTERS: dict[str, Any] = {
    "kind": "masters",
    "title": "Packaging",
    "sensor": "c1_campaigns",
    "asset": ["box", "packaging_masters"],
    "source_asset": ["dam", "packaging_campaigns"],
    "column_prefix": "c1",
    "status_before": "C1",
    "status_after": "C2",
    "campaign_type": "Packaging",
    "source_folder": "02 Artwork",
    "upload_folder": "03 Final Artwork",
    "box_root": "local_masters",
    "box_folder": "PACK_{name}",
}
FINALS: dict[str, Any] = {
    "kind": "finals",
    "title": "Global finals",
    "sensor": "global_files",
    "asset": ["dam", "global_final_assets"],
    "source_asset": ["box", "global_uploads"],
    "status_before": "B2",
    "status_after": "B3",
    "inbox": "global_uploads",
    "masters": ["b1_to_b2"],
}
INBOX = {"folders": {"global_uploads": "4711"}}


def load(tmp_path, **settings):
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return load_site(path)


def refusal(tmp_path, **settings):
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, **settings)
    return str(refused.value).partition("site.yaml: ")[2]


def test_a_site_adds_rows_of_both_kinds_to_those_that_are_shipped(tmp_path):
    site = load(tmp_path, routes={"c1_to_c2": MASTERS, "b2_to_b3": FINALS}, box=INBOX)
    assert site.routes.names == (*(route.name for route in ROUTES), "c1_to_c2", "b2_to_b3")
    assert [type(route) for route in site.routes][-2:] == [MastersRoute, FinalsRoute]
    assert site.routes.masters[-1].asset == ("box", "packaging_masters")
    assert site.box.folders["global_uploads"] == "4711"


def test_the_statuses_of_the_way_back_are_the_sites_like_any_others(tmp_path):
    site = load(tmp_path, routes={"a1_to_a2": {"status_after": "Q2"}, "a2_to_a3": {"status_before": "Q2"}})
    assert [(one.name, another.name) for one, another in site.routes.deliveries] == [("a1_to_a2", "a2_to_a3")]
    assert site.routes.finals[0].status_before == "Q2"


def test_what_a_site_does_not_change_stays_as_it_is_shipped(tmp_path):
    shipped, changed = load_site().routes, load(tmp_path, routes={"a5_to_a6": {"box_subfolder": ""}}).routes
    first, second, third = shipped.masters
    assert changed.rows == (first, replace(second, box_subfolder=""), third, *shipped.finals)


def test_a_row_in_code_is_part_of_every_site(monkeypatch):
    row = MastersRoute(name="c1_to_c2", **{column: value for column, value in MASTERS.items() if column != "kind"})
    monkeypatch.setattr(routes, "ROUTES", (*ROUTES, row))
    assert load_site().routes.masters[-1] == row


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"routes": ["a1_to_a2"]}, "routes: expected columns or routes by name, found list."),
        ({"routes": {1: {}}}, "routes: expected columns or routes by name, found dict."),
        ({"routes": {"a1_to_a2": 7}}, "routes.a1_to_a2: expected columns or routes by name, found int."),
        ({"routes": {"a1_to_a2": {"webhook": "perhaps"}}}, "routes.a1_to_a2.webhook: expected a valid boolean"),
        ({"routes": {"a1_to_a2": {"status_after": " "}}}, "routes.a1_to_a2.status_after: expected a text that is not"),
        ({"routes": {"a1_to_a2": {"colour": "brown"}}}, "routes.a1_to_a2.colour: no such setting"),
        ({"routes": {"a1_to_a2": {"sensor": "my_campaigns"}}}, "routes.a1_to_a2: sensor is a public name and stays"),
        ({"routes": {"a1_to_a2": {"status_after": "A1"}}}, "routes: a1_to_a2: expected another status_after"),
        ({"routes": {"c1_to_c2": {"title": "x"}}}, "routes.c1_to_c2: expected one of a1_to_a2, a5_to_a6, b1_to_b2,"),
        ({"routes": {"c1_to_c2": {**MASTERS, "kind": "films"}}}, "routes.c1_to_c2: expected one of a1_to_a2,"),
        ({"routes": {"C1 to C2": MASTERS}}, "routes.C1 to C2.name: "),
        ({"routes": {"c1_to_c2": {**MASTERS, "asset": "box/x"}}}, "routes.c1_to_c2.asset: expected a valid tuple"),
        ({"routes": {"c1_to_c2": {**MASTERS, "asset": ["box"]}}}, "routes.c1_to_c2.asset.1: is missing"),
        ({"routes": {"c1_to_c2": {"kind": "finals"}}}, "routes.c1_to_c2.title: is missing; "),
        ({"routes": {"c1_to_c2": {**MASTERS, "column_prefix": "a1"}}}, "routes: column_prefix: expected another one"),
        ({"routes": {"c1_to_c2": {**MASTERS, "column_prefix": "a; DROP"}}}, "routes.c1_to_c2.column_prefix: "),
        ({"routes": {"c1_to_c2": {**MASTERS, "sensor": "a1_campaigns"}}}, "routes: sensor: expected another one for"),
        ({"routes": {"c1_to_c2": {**MASTERS, "box_folder": "x"}}}, "routes.c1_to_c2.box_folder: expected a text with"),
        ({"routes": {"c1_to_c2": {**MASTERS, "box_root": "x"}}}, "box.folders: expected the id of x too, which a"),
        (
            {"routes": {"c1_to_c2": {**MASTERS, "status_before": "A1", "campaign_type": "Local Adaptation"}}},
            "routes: status_before and campaign_type: expected another one for each route, ('A1', 'Local Adaptation')",
        ),
        ({"routes": {"b2_to_b3": FINALS}}, "box.folders: expected the id of global_uploads too, which a route names."),
        ({"routes": {"b2_to_b3": {**FINALS, "masters": ["x1_to_x2"]}}}, "routes: b2_to_b3.masters: expected names of"),
        ({"routes": {"b2_to_b3": {**FINALS, "inbox": "agency_uploads"}}}, "routes: inbox: expected another one for"),
        ({"box": INBOX}, "box.folders: global_uploads: expected names that a route has as box_root or inbox"),
    ],
)
def test_a_row_that_cannot_work_is_refused_in_one_sentence_that_names_it(tmp_path, settings, told):
    sentence = refusal(tmp_path, **settings)
    assert sentence.startswith(told)
    assert "\n" not in sentence
