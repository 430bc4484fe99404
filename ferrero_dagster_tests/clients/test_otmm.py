import json

import pytest

from ferrero_dagster.domain.errors import (
    LockedInDam,
    NotInDam,
    PermanentError,
    TransientError,
)
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.otmm.metadata import field_value
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import DAM_LOGIN, JSON, opened_dam, seen

LOCAL = "Local Adaptation"


def campaign(served, status="A1", *, name="Test", number="C000000078", kind=LOCAL, **more):
    return served.store.add_campaign(name=name, number=number, status=status, type=kind, **more)


def found(otmm, status="A1"):
    return [c.name for c in otmm.search_campaigns(status=status, campaign_type=LOCAL)]


def masters(served, *names, campaign_id=None):
    folder = served.store.folder(campaign_id or campaign(served), "01 Master Assets")
    return folder, [served.store.add_asset(folder, name, name.encode()) for name in names]


# --- search ----------------------------------------------------------------------------------------------------------


def test_search_keeps_only_campaigns_with_exactly_the_status_and_type(served_dam, otmm):
    campaign(served_dam, name="right")
    campaign(served_dam, "A10", name="contains A1")
    campaign(served_dam, name="contains the type", kind="Local Adaptation Extra")
    deleted = campaign(served_dam, name="deleted")
    served_dam.store.delete(deleted)
    assert found(otmm) == ["right"]


@pytest.mark.parametrize("domained", [True, False])
def test_a_campaign_is_read_the_same_from_pick_lists_and_plain_text(served_dam, otmm, domained):
    id_ = campaign(served_dam, name="N", domained=domained)
    expected = Campaign(id=id_, number="C000000078", name="N", status="A1", type=LOCAL)
    assert otmm.campaign(id_) == expected
    assert otmm.search_campaigns(status="A1", campaign_type=LOCAL) == [expected]


def test_search_reads_all_pages_in_order_of_name(served_dam):
    for number in range(7):
        campaign(served_dam, name=f"{6 - number}")
    with opened_dam(served_dam.url, search_page_size=3) as otmm:
        assert found(otmm) == [str(number) for number in range(7)]


def test_search_ends_on_an_empty_page_although_the_total_is_stale(served_dam, otmm):
    page = '{"search_result_resource": {"search_result": {"hit_count": 0, "total_hit_count": 9}}}'
    served_dam.board.add(Fault(path="search/text", status=200, body=page, headers=JSON))
    assert found(otmm) == []
    assert seen(served_dam, path="search/text", times=1)


def test_search_with_a_dropped_condition_is_an_error_that_names_the_settings(served_dam):
    with (
        opened_dam(served_dam.url, status_field="NO.SUCH.FIELD") as otmm,
        pytest.raises(PermanentError, match=r"dropped a condition; check dam\.status_field"),
    ):
        found(otmm)


def test_search_finds_what_the_index_still_has_and_the_folder_tells_the_truth(served_dam, otmm):
    served_dam.settings.index_lag_s = 60
    id_ = campaign(served_dam)
    served_dam.store.set_status(id_, "A2")
    assert found(otmm) == ["Test"]
    assert otmm.campaign(id_).status == "A2"


def search_answer(**more):
    result = {"hit_count": 1, "total_hit_count": 1, "asset_id_list": ["0" * 40]}
    body = {"search_result_resource": {"search_result": result, **more}}
    return Fault(path="search/text", status=200, body=json.dumps(body), headers=JSON)


@pytest.mark.fault(52)
def test_hits_that_are_counted_but_not_listed_are_an_error_and_never_an_empty_list(served_dam, otmm):
    served_dam.board.add(search_answer())
    with pytest.raises(TransientError, match="counts hits but lists none"):
        found(otmm)


@pytest.mark.fault(52)
def test_a_hit_without_metadata_is_read_from_the_folder_itself(served_dam, otmm):
    id_ = campaign(served_dam, name="right")
    for asset_id, names in ((id_, ["right"]), ("0" * 40, [])):
        served_dam.board.add(search_answer(asset_list=[{"asset_id": asset_id, "data_type": "CONTAINER"}]))
        assert found(otmm) == names


def test_search_stays_below_the_root_folder_of_the_site(served_dam):
    campaign(served_dam, name="elsewhere")
    with opened_dam(served_dam.url, campaign_root_folder=served_dam.store.add_folder("ARTESIA.PUBLIC.TREEN", "x")) as o:
        assert found(o) == []


@pytest.mark.parametrize("body", ["{}", '{"search_result_resource": 1}', "[]", "", "nonsense", '{"x": null}'])
def test_a_broken_search_answer_is_an_error_and_never_an_empty_list(served_dam, otmm, body):
    served_dam.board.add(Fault(path="search/text", status=200, body=body, headers=JSON))
    with pytest.raises(TransientError):
        found(otmm)


def test_a_deleted_campaign_is_not_found(served_dam, otmm):
    id_ = campaign(served_dam)
    served_dam.store.delete(id_)
    with pytest.raises(NotInDam):
        otmm.campaign(id_)
    with pytest.raises(NotInDam):
        otmm.campaign("0" * 40)


# --- folders and assets ----------------------------------------------------------------------------------------------


def test_child_folders_come_with_their_names(served_dam, otmm):
    id_ = campaign(served_dam, folders=("01 Master Assets", "Briefs"))
    assert sorted(name for _, name in otmm.child_folders(id_)) == ["01 Master Assets", "Briefs"]


@pytest.mark.fault(55)
@pytest.mark.parametrize("page_size", [1, 3, 200])
def test_a_listing_reads_all_pages_and_folders_inside_each_asset_once(served_dam, page_size):
    folder, _ = masters(served_dam, *(f"{n}.jpg" for n in range(7)))
    inner = served_dam.store.add_folder(folder, "Inner")
    served_dam.store.add_asset(inner, "inner.jpg", b"i")
    served_dam.store.add_asset(folder, "deleted.jpg", b"d", deleted=True)
    served_dam.store.add_asset(folder, "expired.jpg", b"e", expired=True)
    own = [*(f"{n}.jpg" for n in range(7)), "expired.jpg"]
    with opened_dam(served_dam.url, listing_page_size=page_size) as otmm:
        assert sorted(a.name for a in otmm.list_assets(folder)) == [*own, "inner.jpg"]
        assert [a.name for a in otmm.list_assets(folder) if a.expired] == ["expired.jpg"]
    with opened_dam(served_dam.url, listing_page_size=page_size, include_subfolders=False) as otmm:
        assert sorted(a.name for a in otmm.list_assets(folder)) == own


def children_page(*asset_ids):
    items = [{"asset_id": asset_id, "name": asset_id, "content_size": 1} for asset_id in asset_ids]
    return Fault(
        path="/children", status=200, body=json.dumps({"folder_children": {"asset_list": items}}), headers=JSON
    )


def test_a_page_that_is_shorter_than_asked_for_is_not_taken_for_the_last(served_dam, otmm):
    folder, ids = masters(served_dam, "a.jpg", "b.jpg", "c.jpg")
    served_dam.board.add(children_page(ids[0]))
    assert [a.id for a in otmm.list_assets(folder)] == ids


@pytest.mark.fault(55)
def test_a_listing_ends_although_every_page_is_the_same(served_dam, otmm):
    page = children_page("x", "y", "x")
    page.times = None
    served_dam.board.add(page)
    assert [a.id for a in otmm.list_assets("f")] == ["x", "y"]


@pytest.mark.parametrize("item", [{"name": "no id"}, "x", None, 1])
def test_an_item_without_an_id_is_an_error_and_not_left_out(served_dam, otmm, item):
    page = children_page("x")
    page.body = json.dumps({"folder_children": {"asset_list": [item]}})
    served_dam.board.add(page)
    with pytest.raises(TransientError, match=r"without asset_id|expected an object"):
        otmm.list_assets("f")


def test_a_folder_has_assets_once_one_has_content(served_dam, otmm):
    folder, _ = masters(served_dam)
    assert not otmm.has_assets(folder)
    served_dam.store.add_asset(folder, "metadata only", with_content=False)
    assert not otmm.has_assets(folder)
    served_dam.store.add_asset(served_dam.store.add_folder(folder, "Inner"), "a.jpg", b"a")
    assert otmm.has_assets(folder)


def test_full_metadata_comes_in_one_request_and_what_vanished_is_left_out(served_dam, otmm):
    _, ids = masters(served_dam, "a.jpg", "b.jpg", "c.jpg")
    served_dam.store.delete(ids[1])
    served_dam.board.seen.clear()
    loaded = otmm.load_assets(ids)
    assert [a.id for a in loaded] == [ids[0], ids[2]]
    assert all(a.raw and len(a.md5_hex or "") == 32 and a.size_bytes == 5 for a in loaded)
    assert seen(served_dam, path="/assets", times=1)


def test_lists_of_one_may_come_as_the_bare_object(served_dam, otmm):
    served_dam.settings.single_items_as_objects = True
    folder, (asset_id,) = masters(served_dam, "a.jpg", campaign_id=campaign(served_dam, folders=("01 Master Assets",)))
    (one,) = otmm.search_campaigns(status="A1", campaign_type=LOCAL)
    assert otmm.child_folders(one.id) == [(folder, "01 Master Assets")]
    assert [a.id for a in otmm.list_assets(folder)] == [a.id for a in otmm.load_assets([asset_id])] == [asset_id]


# --- metadata of assets


def test_the_assets_directly_in_a_folder_are_those_of_no_folder_inside_it(served_dam, otmm):
    folder, [asset_id] = masters(served_dam, "a.jpg")
    served_dam.store.add_asset(served_dam.store.add_folder(folder, "inner"), "b.jpg", b"b")
    assert [id_ for id_, _ in otmm.names_directly_in(folder)] == [asset_id]


TEXT = {"type": "string", "value": "DE"}
PLAIN = {"id": "MAIN_LANGUAGES", "type": "com.artesia.metadata.MetadataField", "value": {"value": TEXT}}
DOMAIN_VALUE = {"type": "com.artesia.metadata.DomainValue", "field_value": TEXT, "display_value": "German"}
DOMAINED = {**PLAIN, "value": {"domain_value": True, "value": DOMAIN_VALUE}}


@pytest.mark.parametrize("domained", [True, False])
def test_fields_of_an_asset_are_set_under_a_lock_and_read_back(served_dam, domained):
    _, [asset_id] = masters(served_dam, "a.jpg")
    with opened_dam(served_dam.url, domained_patch=domained, status_change="locked") as otmm:
        [asset] = otmm.load_assets([asset_id])
        assert field_value(otmm.set_fields(asset, [DOMAINED]).raw, "MAIN_LANGUAGES") == "DE"
    item = served_dam.store.item(asset_id)
    assert item.locked_by is None
    assert ("field_value" in item.metadata["MAIN_LANGUAGES"]["value"]["value"]) == domained


def test_fields_of_an_asset_that_a_person_edits_are_left_alone(served_dam, otmm):
    _, [asset_id] = masters(served_dam, "a.jpg")
    [asset] = otmm.load_assets([asset_id])
    served_dam.store.lock(asset_id)
    with pytest.raises(LockedInDam):
        otmm.set_fields(asset, [DOMAINED])
    assert served_dam.store.value(asset_id, "MAIN_LANGUAGES") == ""


def test_an_asset_that_a_run_of_ours_left_locked_can_be_changed(served_dam):
    _, [asset_id] = masters(served_dam, "a.jpg")
    served_dam.store.lock(asset_id, DAM_LOGIN.username)
    with opened_dam(served_dam.url, status_change="locked") as otmm:
        [asset] = otmm.load_assets([asset_id])
        assert field_value(otmm.set_fields(asset, [PLAIN]).raw, "MAIN_LANGUAGES") == "DE"
    assert served_dam.store.item(asset_id).locked_by is None
