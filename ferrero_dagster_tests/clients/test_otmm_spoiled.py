"""One thing in an answer of the DAM that is not as it must be: whose matter it is, and whose it is not."""

import json

import pytest

from ferrero_dagster.clients.otmm import UnreadHit
from ferrero_dagster.domain.errors import FerreroError, SpoiledItem, UnexpectedAnswer
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.clients.test_otmm import LOCAL, campaign, masters
from ferrero_dagster_tests.fix_sandbox import JSON

pytestmark = pytest.mark.fault(57)

ID = "ab" * 20


def nested(levels):
    return '{"value": ' * levels + "1" + "}" * levels


def answer(path, body):
    return Fault(path=path, status=200, body=body if isinstance(body, str) else json.dumps(body), headers=JSON)


def hit(asset_id, name="Hit", **more):
    status = {"id": "CONTENT.SCALING.STATUS", "value": {"value": {"type": "string", "value": "A1"}}}
    kind = {"id": "FERRERO.FIELD.CAMPAIGN_TYPE", "value": {"value": {"type": "string", "value": LOCAL}}}
    metadata = {"metadata_element_list": [status, kind]}
    return {"asset_id": asset_id, "name": name, "data_type": "CONTAINER", "metadata": metadata} | more


def page(*hits, total=None):
    result = {"hit_count": len(hits), "total_hit_count": len(hits) if total is None else total}
    return {"search_result_resource": {"search_result": result, "asset_list": list(hits)}}


SPOILED_HITS = {
    "a name that is a list": hit("1" * 40, name=["Spoiled"]),
    "metadata that are text": hit("1" * 40, metadata="none"),
    "a status that is a list": hit("1" * 40, metadata=[{"id": "CONTENT.SCALING.STATUS", "value": ["A1"]}]),
    "a flag of a third kind": hit("1" * 40, deleted="perhaps"),
}


@pytest.mark.parametrize("spoiled", SPOILED_HITS.values(), ids=list(SPOILED_HITS))
def test_a_spoiled_hit_is_told_by_its_id_and_the_others_are_found(served_dam, otmm, spoiled):
    unread: list[UnreadHit] = []
    served_dam.board.add(answer("search/text", page(hit("0" * 40, "A"), spoiled, hit("2" * 40, "Z"))))
    found = otmm.search_campaigns(status="A1", campaign_type=LOCAL, on_unread=unread.append)
    assert [one.name for one in found] == ["A", "Z"]
    assert [(one.id, type(one.error)) for one in unread] == [("1" * 40, SpoiledItem)]


@pytest.mark.parametrize("nameless", [None, [], "x", 1, {}, {"name": "Hit"}, hit("../x"), hit(["1"]), hit(None)])
def test_a_hit_without_an_id_is_told_and_the_others_are_found(served_dam, otmm, nameless):
    unread: list[UnreadHit] = []
    served_dam.board.add(answer("search/text", page(nameless, hit("2" * 40, "Z"))))
    assert [c.name for c in otmm.search_campaigns(status="A1", campaign_type=LOCAL, on_unread=unread.append)] == ["Z"]
    assert [(one.id, type(one.error)) for one in unread] == [(None, SpoiledItem)]


def test_a_hit_nested_too_deep_for_python_does_not_hide_the_others(served_dam, otmm):
    deep = json.dumps(page(hit("1" * 40, "Deep", more="DEEP"), hit("2" * 40, "Z"))).replace('"DEEP"', nested(3000))
    served_dam.board.add(answer("search/text", deep))
    assert [c.name for c in otmm.search_campaigns(status="A1", campaign_type=LOCAL)] == ["Deep", "Z"]


@pytest.mark.parametrize("total", [10**9, "many", -1, None, [], 1e300])
def test_a_search_ends_when_its_pages_bring_no_news_whatever_the_total(served_dam, otmm, total):
    served_dam.board.add(answer("search/text", page(hit("1" * 40), total=total)))
    served_dam.board.add(answer("search/text", page(hit("1" * 40), total=total)))
    assert len(otmm.search_campaigns(status="A1", campaign_type=LOCAL)) == 1


def listing(**more):
    return {"folder_children": {"asset_list": [{"asset_id": ID, "name": "Hero.mp4", **more}]}}


@pytest.mark.parametrize("size", ["", "1,234", 5261334937.6, [1], -1, 10**30, True])
@pytest.mark.parametrize("inside", [True, False])
def test_an_asset_whose_size_is_none_is_named_and_never_taken_for_one_without_content(served_dam, otmm, size, inside):
    content = {"content_size": size}
    body = listing(master_content_info=content) if inside else listing(**content)
    for look in (otmm.list_assets, otmm.has_assets):
        served_dam.board.add(answer("/children", body))
        with pytest.raises(SpoiledItem, match=r"Hero\.mp4 comes with .* as content_size, expected a number of bytes"):
            look("f")


@pytest.mark.parametrize("size", [6, "6", 6.0, "6.0"])
def test_a_size_in_a_harmless_form_is_read(served_dam, otmm, size):
    body = listing(master_content_info={"content_size": size}, version=3, deleted="false", expired=0)
    served_dam.board.add(answer("/children", body))
    served_dam.board.add(answer("/children", {"folder_children": {}}))
    [asset] = otmm.list_assets("f")
    assert (asset.size_bytes, asset.version, asset.expired) == (6, "3", False)


@pytest.mark.parametrize("content", ["6", [], [{"content_size": 6}], 6])
def test_content_that_is_no_object_is_an_error_that_names_the_asset(served_dam, otmm, content):
    served_dam.board.add(answer("/children", listing(master_content_info=content)))
    with pytest.raises(SpoiledItem, match=r"Hero\.mp4 comes with .* as master_content_info, expected an object"):
        otmm.list_assets("f")


@pytest.mark.parametrize("levels", [101, 900, 3000])
def test_one_asset_with_metadata_too_deep_does_not_keep_the_others_from_being_read(served_dam, otmm, levels):
    _, ids = masters(served_dam, "a.jpg", "b.jpg")
    good = {"asset_id": ids[0], "name": "a.jpg"}
    deep = {"asset_id": ids[1], "name": "b.jpg", "metadata": "DEEP"}
    for items in ([good, deep], [good], [deep]):
        body = json.dumps({"assets_resource": {"asset_list": items}})
        served_dam.board.add(answer("/assets", body.replace('"DEEP"', nested(levels))))
    unread: dict[str, FerreroError] = {}
    assert [asset.name for asset in otmm.load_assets(ids, on_unread=unread.__setitem__)] == ["a.jpg"]
    assert list(unread) == [ids[1]]
    assert "b.jpg are nested more than 100 levels deep" in str(unread[ids[1]])


@pytest.mark.parametrize(
    "body", ["[]", "null", "1", "NaN", "[" * 5000, '{"folder_resource": []}', '{"folder_resource": {}}']
)
def test_an_answer_of_another_form_is_our_own_error(served_dam, otmm, body):
    served_dam.board.add(answer("/folders", body))
    with pytest.raises(UnexpectedAnswer):
        otmm.campaign(campaign(served_dam))
