"""Imports into OTMM: what is sent, that nothing is started twice, and how jobs end (contract otmm.md 8)."""

import json
from contextlib import closing

import pytest

from ferrero_dagster.clients.otmm_imports import OtmmImports
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import ImportFailed, LockedInDam, PermanentError, SystemUnavailable, TransientError
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import DAM_LOGIN, JSON, QUICK, seen

NAME = "RAF_DE_de_TEST_KV_001_00S_1x1.png"
FIELD = {
    "id": "MARKETING_TAG",
    "type": "com.artesia.metadata.MetadataField",
    "value": {"value": {"type": "string", "value": "Été"}},
}
REPRESENTATION = {
    "asset_resource": {
        "asset": {
            "metadata_model_id": "ECOMMERCE",
            "security_policy_list": [{"id": 1594}],
            "metadata": {"metadata_element_list": [FIELD]},
        }
    }
}


@pytest.fixture
def session(served_dam):
    served_dam.settings.job_polls = 0
    with closing(OtmmSession(served_dam.url, login=DAM_LOGIN, limits=QUICK)) as session:
        yield session


@pytest.fixture
def imports(session):
    return OtmmImports(session, load_site().dam_import)


@pytest.fixture
def folder(served_dam):
    return served_dam.store.folder(
        served_dam.store.add_campaign(name="Test", number="C1", status="A2", type="Local Adaptation"), "01 Final Assets"
    )


@pytest.fixture
def path(tmp_path):
    (tmp_path / "temp").write_bytes(b"final" * 100_000)
    return tmp_path / "temp"


def start(imports, path, folder, uploaded=lambda _: None, **changes):
    options = {"folder_id": folder, "representation": REPRESENTATION, "uploaded": uploaded, **changes}
    return imports.start(path, NAME, "image/png", **options)


def only_asset(served_dam, folder):
    [asset] = served_dam.store.assets(folder)
    return asset


def test_an_import_makes_an_asset_with_the_bytes_and_fields_that_were_sent(served_dam, imports, folder, path):
    parts: list[int] = []
    asset_id = imports.wait(start(imports, path, folder, parts.append), NAME)
    asset = only_asset(served_dam, folder)
    assert (asset.id, asset.name, asset.mime_type, asset.model) == (asset_id, NAME, "image/png", "ECOMMERCE")
    assert served_dam.store.content(asset_id).read_bytes() == path.read_bytes()
    assert served_dam.store.value(asset_id, "MARKETING_TAG") == "Été"
    assert sum(parts) > 500_000
    assert min(parts) >= 0


def test_a_new_version_keeps_the_asset_and_replaces_its_bytes(served_dam, imports, folder, path):
    served_dam.store.add_asset(folder, NAME, b"old")
    old = only_asset(served_dam, folder)
    job_id = imports.start_version(
        old.id, path, NAME, "image/png", representation=REPRESENTATION, uploaded=lambda _: None
    )
    asset = only_asset(served_dam, folder)
    assert imports.wait(job_id, NAME) == asset.id
    assert (asset.original_id, asset.version, asset.locked_by) == (old.original_id, 2, None)
    assert served_dam.store.content(asset.id).read_bytes() == path.read_bytes()


def test_an_asset_that_somebody_edits_gets_no_new_version(served_dam, imports, folder, path):
    asset_id = served_dam.store.add_asset(folder, NAME, b"old")
    served_dam.store.lock(asset_id)
    with pytest.raises(LockedInDam):
        imports.start_version(asset_id, path, NAME, "image/png", representation={}, uploaded=lambda _: None)
    assert served_dam.store.content(asset_id).read_bytes() == b"old"


def test_the_import_template_of_the_site_is_sent(served_dam, session, folder, path):
    site = load_site().dam_import.model_copy(update={"template_id": "FERRERO.TEMPLATE"})
    start(OtmmImports(session, site), path, folder, representation={"asset_resource": {"asset": {}}})
    assert only_asset(served_dam, folder).security_policies == (1594,)


@pytest.mark.fault(1, 23)
def test_a_log_in_that_expired_is_renewed_and_the_whole_body_sent_again(served_dam, imports, folder, path):
    start(imports, path, folder)
    served_dam.store.delete(only_asset(served_dam, folder).id)
    served_dam.store.expire_tokens()
    start(imports, path, folder)
    asset = served_dam.store.assets(folder)[-1]
    assert served_dam.store.content(asset.id).read_bytes() == path.read_bytes()
    assert seen(served_dam, "POST", "/assets$", times=3)


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    "case",
    [
        ({"drop_answer": True}, SystemUnavailable),
        ({"status": 503}, SystemUnavailable),
        ({"status": 504, "body": "<html>"}, SystemUnavailable),
        ({"status": 413, "body": "<html>"}, PermanentError),
        ({"status": 202, "body": "accepted"}, TransientError),
        ({"status": 202, "body": "{}", "headers": JSON}, TransientError),
    ],
)
def test_an_import_is_never_started_twice_by_itself(served_dam, imports, folder, path, case):
    fault, error = case
    served_dam.board.add(Fault(method="POST", path="/assets$", **fault))
    with pytest.raises(error):
        start(imports, path, folder)
    assert seen(served_dam, "POST", "/assets$", times=1)


def test_a_job_that_failed_is_over_and_one_that_takes_too_long_is_not(served_dam, session, folder, path):
    imports = OtmmImports(session, load_site().dam_import.model_copy(update={"job_timeout_s": 0.02}))
    served_dam.settings.failing_jobs = 1
    with pytest.raises(ImportFailed, match=r"import job \d+ for RAF.* failed") as failed:
        imports.wait(start(imports, path, folder), NAME)
    assert failed.value.over
    served_dam.settings.job_polls = 99
    with pytest.raises(ImportFailed, match="has made nothing within 0 s") as late:
        imports.wait(start(imports, path, folder), NAME)
    assert not late.value.over
    assert late.value.retry


@pytest.mark.parametrize(
    "made", [{"asset_id": "a" * 40}, [{"asset_id": "a" * 40}], [{"name": "?"}, {"asset_id": "a" * 40}]]
)
def test_what_a_job_made_is_read_from_a_list_or_a_single_object(served_dam, imports, made):
    body = json.dumps({"assets_resource": {"asset_list": made}})
    served_dam.board.add(Fault(path="/jobs/7/assets", status=200, body=body, headers=JSON))
    assert imports.wait("7", NAME) == "a" * 40


@pytest.mark.parametrize("status", ["FAILED", "Completed with errors", "aborted"])
def test_a_failure_is_recognized_wherever_the_job_says_it(served_dam, imports, status):
    job = {"job_resource": {"job": {"steps": [{"step_status": "DONE"}, {"step_status": status}]}}}
    empty = '{"assets_resource": {}}'
    served_dam.board.add(Fault(path="/jobs/7/assets", status=200, body=empty, headers=JSON))
    served_dam.board.add(Fault(path="/jobs/7$", status=200, body=json.dumps(job), headers=JSON))
    with pytest.raises(ImportFailed):
        imports.wait("7", NAME)
