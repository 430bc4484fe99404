"""Locks and metadata edits of the DAM stand-in (contract otmm.md 7)."""

import pytest

STATUS = "CONTENT.SCALING.STATUS"


def patch(field_id, value, root="edited_folder"):
    element = {"id": field_id, "value": {"value": {"type": "string", "value": value}}}
    return {root: {"data": {"metadata": [element]}}}


@pytest.mark.parametrize("kind", ["folders", "assets"])
def test_a_folder_can_be_locked_patched_and_unlocked(dam, campaign, kind):
    path = f"/{kind}/{campaign}"
    body = patch(STATUS, "A2", "edited_folder" if kind == "folders" else "edited_asset")
    assert dam.refusal("PATCH", path, json=body) == 409
    assert dam.state(path, "lock") == 200
    assert dam.get(path)[f"{kind[:-1]}_resource"][kind[:-1]]["asset_state"] == "LOCKED"
    assert dam.call("PATCH", path, json=body).status_code == 200
    assert dam.state(path, "unlock") == 200
    status = dam.get(path, load_type="metadata", metadata_to_return=STATUS)
    (element,) = status[f"{kind[:-1]}_resource"][kind[:-1]]["metadata"]["metadata_element_list"]
    assert element["value"]["domain_value"]
    assert element["value"]["value"]["field_value"]["value"] == dam.store.status(campaign) == "A2"


def test_a_lock_of_another_user_is_respected(dam, campaign):
    dam.settings.lock_required = False
    dam.store.lock(campaign, user="someone")
    assert dam.refusal("PATCH", f"/folders/{campaign}", json=patch(STATUS, "A2")) == 409
    assert dam.state(f"/folders/{campaign}", "lock") == dam.state(f"/assets/{campaign}", "unlock") == 409
    dam.store.unlock(campaign)
    assert dam.call("PATCH", f"/folders/{campaign}", json=patch(STATUS, "A2")).status_code == 200


def test_a_lock_of_ones_own_is_given_again_only_where_the_settings_say_so(dam, campaign):
    path = f"/folders/{campaign}"
    assert [dam.state(path, "lock"), dam.state(path, "lock")] == [200, 409]
    dam.settings.relock_refused = False
    assert dam.state(path, "lock") == 200


def test_scalars_tables_and_the_name_can_be_patched(dam, masters):
    asset = dam.store.add_asset(masters, "film.mp4")
    dam.state(f"/assets/{asset}", "lock")
    channels = {"id": "FERRERO.FIELD.CHANNEL", "values": [{"value": {"type": "string", "value": "TikTok"}}]}
    body = patch("ARTESIA.FIELD.ASSET NAME", "new.mp4", "edited_asset")
    body["edited_asset"]["data"]["metadata"].append(channels)
    assert dam.call("PATCH", f"/assets/{asset}", json=body).status_code == 200
    assert dam.store.value(asset, "FERRERO.FIELD.CHANNEL") == "TikTok"
    assert dam.store.item(asset).name == "new.mp4"
    assert dam.state(f"/assets/{asset}", "delete") == 200
    assert dam.store.item(asset).deleted


@pytest.mark.parametrize("body", ["{", "[]", '{"edited_asset": {}}', '{"edited_folder": {"data": {"metadata": [1]}}}'])
def test_an_unreadable_patch_is_refused(dam, campaign, body):
    dam.store.lock(campaign, user="ferrero")
    assert dam.refusal("PATCH", f"/folders/{campaign}", data=body) == 400


def test_a_patch_can_be_answered_and_lose_a_field(dam, masters):
    dam.settings.lock_required, dam.settings.fields_lost_by_patches = False, frozenset({"B"})
    asset_id = dam.store.add_asset(masters, "a.mp4")
    value = {"value": {"type": "string", "value": "x"}}
    edited = {"edited_asset": {"data": {"metadata": [{"id": "A", "value": value}, {"id": "B", "value": value}]}}}
    assert dam.call("PATCH", f"/assets/{asset_id}", json=edited).status_code == 200
    assert (dam.store.value(asset_id, "A"), dam.store.value(asset_id, "B")) == ("x", "")


def test_an_unknown_action_is_refused(dam, campaign):
    assert dam.state(f"/folders/{campaign}", "explode") == 400
