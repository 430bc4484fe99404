"""Imports into OTMM: what is sent, that nothing is started twice, and how jobs end (contract otmm.md 8)."""

import json
import socket
import threading
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace

import pytest

from ferrero_dagster.clients.otmm_imports import ImportWatch, OtmmImports, StartedImport
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import (
    FileRefused,
    ImportFailed,
    ImportInDoubt,
    LockedInDam,
    PermanentError,
    SystemUnavailable,
    TransientError,
)
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.clients.wire import answering
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


def watched(uploaded=lambda _: None):
    """Who watches an import, and what it hears beside the bytes."""
    heard = []
    watch = ImportWatch(
        uploaded=uploaded, begins=lambda: heard.append("begins"), refused=lambda: heard.append("refused")
    )
    return watch, heard


def start(imports, path, folder, uploaded=lambda _: None, **changes):
    watch = changes.pop("watch", watched(uploaded)[0])
    options = {"folder_id": folder, "representation": REPRESENTATION, "watch": watch, **changes}
    return imports.start(path, NAME, "image/png", **options)


def start_job(imports, path, folder):
    started = start(imports, path, folder)
    assert started.job_id
    return started.job_id


def only_asset(served_dam, folder):
    [asset] = served_dam.store.assets(folder)
    return asset


def test_an_import_makes_an_asset_with_the_bytes_and_fields_that_were_sent(served_dam, imports, folder, path):
    parts: list[int] = []
    asset_id = imports.wait(start(imports, path, folder, parts.append).job_id, NAME)
    asset = only_asset(served_dam, folder)
    assert (asset.id, asset.name, asset.mime_type, asset.model) == (asset_id, NAME, "image/png", "ECOMMERCE")
    assert served_dam.store.content(asset_id).read_bytes() == path.read_bytes()
    assert served_dam.store.value(asset_id, "MARKETING_TAG") == "Été"
    assert sum(parts) > 500_000
    assert min(parts) >= 0


def test_a_new_version_keeps_the_asset_and_replaces_its_bytes(served_dam, imports, folder, path):
    served_dam.store.add_asset(folder, NAME, b"old")
    old = only_asset(served_dam, folder)
    watch, heard = watched()
    job_id = imports.start_version(old.id, path, NAME, "image/png", representation=REPRESENTATION, watch=watch).job_id
    asset = only_asset(served_dam, folder)
    assert imports.wait(job_id, NAME) == asset.id
    assert (asset.original_id, asset.version, asset.locked_by) == (old.original_id, 2, None)
    assert served_dam.store.content(asset.id).read_bytes() == path.read_bytes()
    assert heard == ["begins"], "only the check-in can make something"


def test_an_asset_that_somebody_edits_gets_no_new_version(served_dam, imports, folder, path):
    asset_id = served_dam.store.add_asset(folder, NAME, b"old")
    served_dam.store.lock(asset_id)
    watch, heard = watched()
    with pytest.raises(LockedInDam):
        imports.start_version(asset_id, path, NAME, "image/png", representation={}, watch=watch)
    assert heard == []
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


def said(message, code=None):
    """An answer in which the DAM itself says why not."""
    body = {"http_response_code": 500, "message": message, "error_code": code}
    return json.dumps({"exception_body": body})


@pytest.mark.fault(17, 60)
@pytest.mark.parametrize(
    "case",
    [
        ({"drop_answer": True}, SystemUnavailable, ["begins"]),
        ({"status": 502, "body": "<html>"}, SystemUnavailable, ["begins"]),
        ({"status": 503}, SystemUnavailable, ["begins"]),
        ({"status": 504, "body": "<html>"}, SystemUnavailable, ["begins"]),
        ({"status": 202, "body": "accepted"}, ImportInDoubt, ["begins"]),
        ({"status": 202, "body": "{}", "headers": JSON}, ImportInDoubt, ["begins"]),
        ({"status": 201, "body": "[" * 3000 + "]" * 3000, "headers": JSON}, ImportInDoubt, ["begins"]),
        ({"status": 413, "body": "<html>"}, PermanentError, ["begins", "refused"]),
        ({"status": 423, "body": "<html>"}, LockedInDam, ["begins", "refused"]),
        ({"status": 500, "body": said("No."), "headers": JSON}, TransientError, ["begins", "refused"]),
        ({"status": 503, "body": said("Maintenance"), "headers": JSON}, SystemUnavailable, ["begins", "refused"]),
        ({"status": 500, "body": said("No.", 1000), "headers": JSON}, FileRefused, ["begins", "refused"]),
        ({"status": 400, "body": said("No.", "1000"), "headers": JSON}, FileRefused, ["begins", "refused"]),
    ],
)
def test_an_import_is_never_started_twice_by_itself_and_has_begun_unless_the_dam_says_no(
    served_dam, imports, folder, path, case
):
    fault, error, heard = case
    served_dam.board.add(Fault(method="POST", path="/assets$", **fault))
    watch, found = watched()
    with pytest.raises(error):
        start(imports, path, folder, watch=watch)
    assert seen(served_dam, "POST", "/assets$", times=1)
    assert found == heard


@pytest.mark.fault(4, 60)
def test_an_import_that_was_cut_before_its_body_was_complete_has_not_begun(imports, folder, tmp_path):
    watch, heard = watched()
    (tmp_path / "large").write_bytes(b"film" * 8_000_000)
    with cut_after(50_000) as url, closing(OtmmSession(url, login=None, limits=QUICK)) as session:
        cut = OtmmImports(session, load_site().dam_import)
        with pytest.raises(SystemUnavailable):
            start(cut, tmp_path / "large", folder, watch=watch)
    assert heard == []


STARTED = b'{"job_handle": {"job_id": "7"}}'
KEPT = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(STARTED)


@pytest.mark.fault(60)
@pytest.mark.parametrize("kept_s", [0, 60])
def test_an_import_that_meets_a_server_closing_what_is_idle_arrives_once_on_a_new_connection(path, kept_s):
    watch, heard = watched()
    limits = replace(QUICK, kept_s=kept_s)
    with (
        answering(KEPT, STARTED, lingers=True) as dam,
        closing(OtmmSession(dam.url(), login=None, limits=limits)) as session,
    ):
        session.call("GET", "/folders/1", "Looking")
        # What was used this moment no server closes yet, and a new connection costs its handshakes.
        with nullcontext() if kept_s == 0 else pytest.raises(SystemUnavailable):
            assert start(OtmmImports(session, load_site().dam_import), path, "1", watch=watch).job_id == "7"
            assert heard == ["begins"]
    assert [request.startswith(b"POST") for request in dam.asked] == ([False, True] if kept_s == 0 else [False])


@contextmanager
def cut_after(size_bytes):
    """The address of a server that reads so much of a request and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                left = size_bytes
                while left > 0:
                    left -= len(connection.recv(left))

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_a_film_that_the_dam_never_takes_is_refused_in_its_own_words(served_dam, imports, folder, path):
    answer = {"status": 500, "body": said("Restricted file extension.", 1000), "headers": JSON}
    served_dam.board.add(Fault(method="POST", path="/assets$", **answer))
    with pytest.raises(FileRefused) as refused:
        start(imports, path, folder)
    assert str(refused.value) == "The DAM does not take such a file: Restricted file extension (error 1000)."


ASSET = {"asset_id": "a" * 40}
ITS_ASSET = StartedImport(asset_id=DamId("a" * 40))


@pytest.mark.parametrize(
    "case",
    [
        ({"job_handle": {"job_id": "7"}}, StartedImport(job_id="7")),
        ({"job_handle": [{"job_id": 7}]}, StartedImport(job_id="7")),
        ({"job_id": 7}, StartedImport(job_id="7")),
        ({"asset_resource": {"asset": ASSET}}, ITS_ASSET),
        ({"assets_resource": {"asset_list": [ASSET]}}, ITS_ASSET),
        ({"job_handle": {"job_id": "7"}, "asset": ASSET}, replace(ITS_ASSET, job_id="7")),
    ],
)
def test_an_import_that_was_taken_names_its_job_or_its_asset(served_dam, imports, folder, path, case):
    answer, started = case
    for status in (200, 201, 202):
        fault = Fault(method="POST", path="/assets$", status=status, body=json.dumps(answer), headers=JSON)
        served_dam.board.add(fault)
        assert start(imports, path, folder) == started


@pytest.mark.parametrize("polls", [1, 3])
def test_a_job_is_asked_how_it_is_only_where_it_takes_its_time(served_dam, imports, folder, path, polls):
    served_dam.settings.job_polls = polls
    asset_id = imports.wait(start_job(imports, path, folder), NAME)
    assert asset_id == only_asset(served_dam, folder).id
    assert bool(served_dam.board.requests("GET", r"/jobs/[^/]+$")) == (polls > 1)


def test_a_job_that_failed_is_over_and_one_that_takes_too_long_is_not(served_dam, session, folder, path):
    imports = OtmmImports(session, load_site().dam_import.model_copy(update={"job_timeout_s": 0.02}))
    served_dam.settings.failing_jobs = 1
    with pytest.raises(ImportFailed, match=r"import job \d+ for RAF.* failed") as failed:
        imports.wait(start_job(imports, path, folder), NAME)
    assert failed.value.over
    served_dam.settings.job_polls = 99
    with pytest.raises(ImportFailed, match="has made nothing within 0 s") as late:
        imports.wait(start_job(imports, path, folder), NAME)
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


@pytest.mark.fault(60)
@pytest.mark.parametrize(
    ("status", "message", "over"),
    [
        (500, "Import job 7 failed: the metadata are not valid.", True),
        (500, "The job has been aborted.", True),
        (503, "job status: ERROR", True),
        (400, "Job 7 is unknown by now.", False),
        (410, "", False),
    ],
)
def test_a_job_of_which_the_dam_says_no_more_is_given_up_and_over_where_it_says_so(
    served_dam, imports, status, message, over
):
    answer = {"status": status, "body": said(message), "headers": JSON}
    served_dam.board.add(Fault(path="/jobs/7/assets$", times=None, **answer))
    with pytest.raises(ImportFailed) as failed:
        imports.wait("7", NAME)
    assert failed.value.over == over
    assert seen(served_dam, "GET", "/jobs/7", times=1)


@pytest.mark.fault(11, 60)
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 502, "body": "<html>Bad gateway: the job failed"},
        {"status": 500, "body": said("Failed to read job 7: internal error."), "headers": JSON},
        {"status": 503, "body": said("The database is in maintenance."), "headers": JSON},
        {"status": 404, "body": said("There is no job 7."), "headers": JSON},
    ],
    ids=lambda answer: str(answer["status"]),
)
def test_a_poll_that_fails_is_no_failed_job(served_dam, imports, folder, path, answer):
    job_id = start_job(imports, path, folder)
    served_dam.board.add(Fault(path=f"/jobs/{job_id}/assets$", times=2, **answer))
    assert imports.wait(job_id, NAME) == only_asset(served_dam, folder).id


def test_a_job_that_failed_for_a_reason_that_stays_is_refused(served_dam, imports):
    answer = {"status": 500, "body": said("Job failed: restricted file extension", 1000), "headers": JSON}
    served_dam.board.add(Fault(path="/jobs/7/assets$", **answer))
    with pytest.raises(FileRefused):
        imports.wait("7", NAME)
