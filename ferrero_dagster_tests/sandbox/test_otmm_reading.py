"""Signing in, folders, assets and contents of the DAM stand-in (contract otmm.md 2, 4-6)."""

import hashlib
import json
from itertools import chain

import pytest

from ferrero_dagster_tests.sandbox.otmm_dam import LOGIN

MVP_MISSING = {
    "MAIN_LANGUAGES",
    "MARKETING_TAG",
    "FERRERO.FIELD.ASSETCOMPLIANCE",
    "FERRERO.TAB.FIELD.CREATIVEX",
    "FERRERO.FIELD.CREATIVEX LINK",
    "FERRERO.MASTERASSETIDS",
    "FERRERO.FIELD.TALENT",
}
MVP_PRESENT = {"ARTESIA.FIELD.ASSET NAME", "ARTESIA.FIELD.ASSET DESCRIPTION"} | {
    f"FERRERO.FIELD.{name}"
    for name in (
        "STATE",
        "MKTG.ASSET TYPE",
        "FISCAL YEAR",
        "ASSET VALIDITY START PERIOD",
        "ASSET VALIDITY END PERIOD",
        "BRAND",
        "SUBBRAND",
        "PRODUCT",
        "PRODUCT LINE",
        "MAIN_COUNTRY",
        "ASSET TYPE",
        "CAMPAIGN_NAME",
        "CAMPAIGN_NUMBER",
        "SEASON",
        "YEAR",
        "CHANNEL",
        "TOUCHPOINT",
        "AGENCY",
        "COPYRIGHT",
        "RIGHTS START DATE",
        "RIGHTS END DATE",
        "MUSIC",
        "ASPECT RATIO",
        "DURATION",
        "CONFIDENTIALITY",
    )
}


def field_nodes(node):
    inner = node.get("metadata_element_list")
    return [node] if inner is None else list(chain.from_iterable(map(field_nodes, inner)))


@pytest.mark.parametrize("name", ["username", "password", "client_id", "client_secret"])
def test_a_wrong_credential_is_refused(dam, name):
    assert dam.refusal("POST", "/sessions/oauth2/token", data={**LOGIN, name: "wrong"}) == 401


def test_tokens_expire_by_themselves_or_all_at_once(dam):
    dam.store.expire_tokens()
    assert dam.refusal("GET", "/folders/rootfolders") == 401
    dam.settings.token_lifetime_s = 0
    dam.sign_in()
    assert dam.refusal("GET", "/folders/rootfolders") == 401
    dam.settings.token_lifetime_s = 60
    dam.sign_in()
    assert dam.get("/folders/rootfolders")


def test_a_large_import_without_a_valid_token_is_refused_with_an_answer(dam, masters):
    dam.store.expire_tokens()
    assert dam.import_file(masters, "film.mp4", b"x" * 5_000_000).status_code == 401


def test_unknown_addresses_answer_a_page_and_unknown_ids_an_exception_body(dam):
    page = dam.call("GET", "/nowhere")
    assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    for path in ("/assets/0", "/folders/0", "/folders/0/children", "/assets/0/contents", "/renditions/0", "/jobs/9"):
        assert dam.refusal("GET", path) == 404


def test_children_are_mixed_paged_sorted_and_deleted_ones_can_be_left_out(dam, masters):
    names = ["b.mp4", "a.mp4", "c.mp4"]
    for name in names:
        dam.store.add_asset(masters, name, deleted=name == "c.mp4")
    dam.store.add_folder(masters, "aa")
    listed = dam.get(f"/folders/{masters}/children", sort="asc_NAME", limit=0)["folder_children"]["asset_list"]
    assert [child["name"] for child in listed] == ["a.mp4", "aa", "b.mp4", "c.mp4"]
    request = {"asset_filter_request_param": {"asset_filter_request": {"exclude_deleted_assets": True}}}
    listed = dam.get(f"/folders/{masters}/assets", asset_filter_request=json.dumps(request), limit=1, after=1)
    assert [asset["name"] for asset in listed["assets_resource"]["asset_list"]] == ["a.mp4"]
    assert listed["assets_resource"]["collection_summary"]["total_number_of_items"] == 2
    assert len(dam.get(f"/folders/{masters}/folders")["folders_resource"]["folder_list"]) == 1
    assert dam.refusal("GET", f"/folders/{masters}/children?limit=many") == 400


def test_metadata_and_content_come_only_when_asked_for(dam, masters):
    asset = dam.store.add_asset(masters, "film.mp4", b"12345")
    bare = dam.get(f"/assets/{asset}")["asset_resource"]["asset"]
    assert bare["content_size"] == 5
    assert "metadata" not in bare
    assert "master_content_info" not in bare
    request = {"load_metadata": True, "load_asset_content_info": "true", "load_security_policies": True}
    custom = {"load_type": "custom", "data_load_request": json.dumps({"data_load_request": request})}
    full = dam.get(f"/assets/{asset}", **custom)["asset_resource"]["asset"]
    assert full["master_content_info"]["content_checksum"] == hashlib.md5(b"12345").hexdigest()
    assert full["security_policy_list"] == [{"id": 1594}]
    assert full["metadata"]["metadata_element_list"]
    assert dam.refusal("GET", f"/assets/{asset}?load_type=custom&data_load_request=x") == 400


def test_a_master_carries_200_kb_of_metadata_and_24_of_the_mvp_fields(dam, masters):
    asset = dam.store.add_asset(masters, "film.mp4")
    answer = dam.call("GET", f"/assets/{asset}", params={"load_type": "full"})
    assert len(answer.content) > 200_000
    metadata = answer.json()["asset_resource"]["asset"]["metadata"]
    assert len(metadata["metadata_element_list"]) == 15
    found = {node["id"] for node in field_nodes(metadata)}
    assert found >= MVP_PRESENT
    assert not found & MVP_MISSING
    twin = dam.store.add_asset(masters, "film.mp4")
    again = dam.get(f"/assets/{twin}", load_type="full")["asset_resource"]["asset"]
    assert again["metadata"] == metadata


def test_every_shape_of_metadata_occurs(dam, masters):
    asset = dam.store.add_asset(masters, "film.mp4")
    nodes = field_nodes(dam.get(f"/assets/{asset}", load_type="metadata")["asset_resource"]["asset"]["metadata"])
    values = [node.get("value") for node in nodes]
    assert {node.get("data_type") for node in nodes} >= {"CHAR", "NUMBER", "DATE"}
    assert any("values" in node for node in nodes)
    assert any("value" not in node and "values" not in node for node in nodes)
    assert any(value and "value" not in value for value in values)
    assert any(value and value["cascading_domain_value"] for value in values)
    assert any(" " in node["id"] for node in nodes)


def test_a_batch_answers_up_to_100_ids_and_more_with_an_error_page(dam, masters):
    asset = dam.store.add_asset(masters, "film.mp4")

    def batch(ids):
        context = {"selection_context_param": {"selection_context": {"asset_ids": ids}}}
        return dam.call("GET", "/assets", params={"selection_context": json.dumps(context)})

    listed = batch([asset, "f" * 40]).json()["assets_resource"]["asset_list"]
    assert [one["asset_id"] for one in listed] == [asset]
    answer = batch(["f" * 40] * 101)
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "text/html; charset=utf-8")


def test_single_items_come_as_objects_when_the_switch_is_on(dam, masters):
    dam.store.add_asset(masters, "film.mp4")
    dam.settings.single_items_as_objects = True
    assert dam.get(f"/folders/{masters}/children")["folder_children"]["asset_list"]["name"] == "film.mp4"


def test_contents_come_whole_by_asset_and_by_rendition(dam, masters):
    content = bytes(range(256)) * 4000
    asset = dam.store.add_asset(masters, "film ü.mp4", content, checksum=False)
    answer = dam.call("GET", f"/assets/{asset}/contents", headers={"Range": "bytes=5-"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "video/mp4")
    assert (answer.headers["Content-Length"], answer.content) == (str(len(content)), content)
    info = dam.get(f"/assets/{asset}", load_type="full")["asset_resource"]["asset"]["master_content_info"]
    assert "content_checksum" not in info
    assert dam.call("GET", f"/renditions/{info['id']}").content == content
    kinds = {"application/json": 406, "image/*, text/html;q=0.5": 406, "video/*": 200, "text/html, */*;q=0.1": 200}
    for path in (f"/assets/{asset}/contents", f"/renditions/{info['id']}"):
        answers = {kind: dam.call("GET", path, headers={"Accept": kind}).status_code for kind in kinds}
        assert answers == kinds
    empty = dam.store.add_asset(masters, "idea", with_content=False)
    assert dam.refusal("GET", f"/assets/{empty}/contents") == 404
