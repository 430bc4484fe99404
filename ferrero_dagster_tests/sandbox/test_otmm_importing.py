"""Imports and check-ins of the DAM stand-in (contract otmm.md 8)."""

import hashlib
import json
import tracemalloc

import pytest

from ferrero_dagster_tests.sandbox.otmm_dam import sample_campaign, signed_in_dam


def test_an_import_becomes_an_asset_after_some_polls(dam, campaign):
    finals = dam.store.folder(campaign, "01 Final Assets")
    table = {"id": "MAIN_LANGUAGES", "values": [{"value": {"type": "string", "value": "DE"}}]}
    state = {"id": "FERRERO.FIELD.STATE", "value": {"value": {"type": "string", "value": "Local"}}}
    answer = dam.import_file(finals, "RAF_ü.mp4", b"film", state, table)
    assert answer.status_code == 202
    job = answer.json()["job_handle"]["job_id"]
    resource = dam.get(f"/jobs/{job}/assets")["assets_resource"]
    assert resource["collection_summary"]["actual_count_of_items"] == 0
    assert "asset_list" not in resource
    (asset,) = dam.get(f"/jobs/{job}/assets")["assets_resource"]["asset_list"]
    assert asset["master_content_info"]["content_size"] == 4
    (record,) = dam.store.assets(finals)
    assert (record.id, record.name, record.model) == (asset["asset_id"], "RAF_ü.mp4", "ECOMMERCE")
    assert (record.md5_hex, record.security_policies) == (hashlib.md5(b"film").hexdigest(), (1594,))
    assert set(record.metadata) == {"FERRERO.FIELD.STATE", "MAIN_LANGUAGES"}
    assert dam.store.content(record.id).read_bytes() == b"film"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"parent_folder_id": "f" * 40}, 404),
        ({"parent_folder_id": None}, 400),
        ({"asset_representation": None}, 400),
        ({"asset_representation": "{"}, 400),
        ({"manifest": "{}"}, 400),
        ({"files": ("other.mp4", b"", "video/mp4")}, 400),
        ({"files": None}, 400),
        ({"asset_representation": None, "import_template_id": "7"}, 202),
        ({"manifest": ("m.json", '{"upload_manifest": []}', "application/json")}, 400),
    ],
)
def test_an_import_is_checked(dam, masters, parts, status):
    assert dam.import_file(masters, "a.mp4", b"", **parts).status_code == status


def test_jobs_can_fail_and_lose_a_byte(dam, masters):
    dam.settings.failing_jobs = dam.settings.truncated_imports = 1
    dam.settings.job_polls = 0
    failing, truncated, whole = (
        dam.import_file(masters, "a.mp4", b"film").json()["job_handle"]["job_id"] for _ in range(3)
    )
    assert "asset_list" not in dam.get(f"/jobs/{failing}/assets")["assets_resource"]
    assert [dam.get(f"/jobs/{job}")["job_resource"]["job"]["job_status"] for job in (failing, whole)] == [
        "FAILED",
        "COMPLETED",
    ]
    assert [asset.size_bytes for asset in dam.store.assets(masters)] == [3, 4]
    assert dam.get(f"/jobs/{truncated}/assets")["assets_resource"]["asset_list"]


def test_imports_can_lose_fields_and_show_checksums_that_are_not_md5(dam, masters):
    dam.settings.fields_lost_by_imports, dam.settings.other_checksums = frozenset({"B"}), True
    value = {"value": {"type": "string", "value": "x"}}
    dam.import_file(masters, "a.mp4", b"film", {"id": "A", "value": value}, {"id": "B", "value": value})
    (record,) = dam.store.assets(masters)
    assert set(record.metadata) == {"A"}
    assert (len(record.md5_hex), record.md5_hex == hashlib.md5(b"film").hexdigest()) == (32, False)


def test_a_check_in_makes_a_new_version(dam, masters):
    old = dam.store.add_asset(masters, "film.mp4", b"old")
    job = dam.call("POST", "/jobs/imports", data={"file_name": "film.mp4"}).json()["job_handle"]["job_id"]
    files = {"file": ("film.mp4", b"newer", "video/mp4")}
    sent = {"import_job_id": job, "file_name": "film.mp4"}
    assert dam.call("POST", "/renditions", data=sent, files=files).status_code == 200
    file = {"file_name": "film.mp4", "file_type": "video/mp4"}
    manifest = {"upload_manifest": {"master_files": [{"uoi_id": old, "file": file}]}}
    parts = {"manifest": (None, json.dumps(manifest)), "import_job_id": (None, job)}
    assert dam.refusal("PUT", f"/jobs/checkins/{job}", files=parts) == 409
    assert dam.state(f"/assets/{old}", "check_out") == 200
    assert dam.call("PUT", f"/jobs/checkins/{job}", files=parts).status_code == 202
    dam.get(f"/jobs/{job}/assets")
    (asset,) = dam.get(f"/jobs/{job}/assets", load_type="full")["assets_resource"]["asset_list"]
    assert (asset["version"], asset["original_asset_id"], asset["locked"]) == (2, old, False)
    assert not dam.get(f"/assets/{old}")["asset_resource"]["asset"]["latest_version"]
    assert [record.id for record in dam.store.assets(masters)] == [asset["asset_id"]]
    assert dam.call("GET", f"/assets/{asset['asset_id']}/contents").content == b"newer"
    assert dam.call("GET", f"/assets/{old}/contents").content == b"old"


def test_a_restart_forgets_nothing(tmp_path):
    with signed_in_dam(tmp_path) as before:
        folder = before.store.folder(sample_campaign(before), "01 Final Assets")
        job = before.import_file(folder, "a.mp4", b"film").json()["job_handle"]["job_id"]
        before.get(f"/jobs/{job}/assets")
    with signed_in_dam(tmp_path) as after:
        (asset,) = after.get(f"/jobs/{job}/assets")["assets_resource"]["asset_list"]
        assert after.call("GET", f"/assets/{asset['asset_id']}/contents").content == b"film"


def test_names_from_outside_name_no_files(dam, masters):
    dam.import_file(masters, "../../evil.mp4", b"film")
    (asset,) = dam.store.assets(masters)
    assert (asset.name, dam.store.content(asset.id).name) == ("../../evil.mp4", asset.id)


def test_a_large_file_goes_in_and_out_without_sitting_in_memory(dam, masters, tmp_path):
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(200_000_000)
    tracemalloc.start()
    with large.open("rb") as file:
        assert dam.import_file(masters, "large.mp4", file).status_code == 202
    (asset,) = dam.store.assets(masters)
    with dam.call("GET", f"/assets/{asset.id}/contents", stream=True) as answer:
        received_bytes = sum(map(len, answer.iter_content(1_000_000)))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert received_bytes == asset.size_bytes == 200_000_000
    assert peak_bytes < 50_000_000
