import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from ferrero_dagster.clients.box_session import read_box_config
from ferrero_dagster.domain.errors import AccessRefused, ConfigurationError, SystemUnavailable, TransientError
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import QUICK, opened_box, seen

JSON = {"Content-Type": "application/json"}


def in_http_date(seconds):
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)


# --- Box-config.json -------------------------------------------------------------------------------------------------


def changed(served_box, change):
    config = json.loads(served_box.config.read_text())
    change(config)
    return json.dumps(config)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["boxAppSettings"].pop("clientSecret"), "lacks clientSecret"),
        (lambda c: c["boxAppSettings"]["appAuth"].update(passphrase="", publicKeyID=None), "publicKeyID, passphrase"),
        (lambda c: c.pop("enterpriseID"), "lacks enterpriseID"),
        (lambda c: c["boxAppSettings"].pop("appAuth"), "not the JSON that"),
        (lambda c: c.pop("boxAppSettings"), "not the JSON that"),
        (lambda c: c["boxAppSettings"]["appAuth"].update(passphrase="sesame"), "does not open with passphrase"),
        (lambda c: c["boxAppSettings"]["appAuth"].update(privateKey="sesame"), "does not open with passphrase"),
        (lambda c: c["boxAppSettings"]["appAuth"].update(passphrase="sésame"), "does not open with passphrase"),
    ],
)
def test_a_config_with_something_wrong_is_refused_in_one_sentence(served_box, tmp_path, change, words):
    path = tmp_path / "Box-config.json"
    path.write_text(changed(served_box, change))
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_box_config(path)
    assert str(caught.value).startswith(f"Box configuration {path} (FERRERO_BOX_CONFIG)")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '"x"', "null", "\udcff"])
def test_a_config_that_is_something_else_is_refused(tmp_path, text):
    (tmp_path / "c.json").write_text(text, errors="surrogateescape")
    with pytest.raises(ConfigurationError, match="is not the JSON that the Box developer console makes"):
        read_box_config(tmp_path / "c.json")


def test_a_missing_config_says_where_it_was_expected(tmp_path):
    with pytest.raises(ConfigurationError, match=r"missing\.json \(FERRERO_BOX_CONFIG\) cannot be read: No such file"):
        read_box_config(tmp_path / "missing.json")


@pytest.mark.fault(70)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_configuration_that_an_editor_began_with_a_byte_order_mark_is_read(served_box, tmp_path, encoding):
    (tmp_path / "Box-config.json").write_text(served_box.config.read_text(encoding="utf-8"), encoding=encoding)
    assert read_box_config(tmp_path / "Box-config.json").client_id == read_box_config(served_box.config).client_id


def test_the_key_is_opened_once_for_all_that_log_in(served_box):
    def opened_key():
        config = read_box_config(served_box.config)
        return config.private_key_decryptor.decrypt_private_key(config.private_key, config.private_key_passphrase)

    assert opened_key() is opened_key()


# --- log-in ----------------------------------------------------------------------------------------------------------


def test_a_refused_log_in_names_the_reason_and_no_secret(served_box, tmp_path):
    path = tmp_path / "Box-config.json"
    path.write_text(changed(served_box, lambda c: c["boxAppSettings"].update(clientSecret="sesame")))
    wrong = replace(served_box, config=path)
    with pytest.raises(AccessRefused, match="client credentials are invalid") as caught, opened_box(wrong):
        pass
    assert "sesame" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert seen(served_box, path="/oauth2/token", times=1)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(status=503), r"Box is unavailable \(503\)"),
        (Fault(drop_answer=True), "cannot be reached"),
        (Fault(status=200, body="<html>"), "no token"),
        (Fault(status=429, headers={"Retry-After": "3600"}), "slow down"),
    ],
)
def test_a_log_in_without_an_answer_is_an_outage(served_box, fault, words):
    served_box.board.add(replace(fault, path="/oauth2", times=None))
    with pytest.raises(SystemUnavailable, match=words), opened_box(served_box):
        pass


@pytest.mark.fault(70)
def test_https_asked_of_a_plain_port_is_told_so(served_box):
    plain = replace(served_box, url=served_box.url.replace("http://", "https://"))
    with pytest.raises(SystemUnavailable, match=r"Box cannot be reached \(it speaks no TLS there"), opened_box(plain):
        pass


@pytest.mark.fault(11)
@pytest.mark.parametrize(
    "fault",
    [
        Fault(drop_answer=True),
        Fault(cut_after_bytes=3),
        Fault(status=503),
        Fault(status=429, headers={"Retry-After": "0"}),
        Fault(status=200, body="<html>"),
    ],
)
def test_a_log_in_that_failed_on_the_way_is_tried_again_under_a_new_signature(served_box, fault):
    served_box.board.add(replace(fault, path="/oauth2", times=2))
    with opened_box(served_box) as box:
        assert box.folder_name(BoxId("0")) == "All Files"
    assert seen(served_box, path="/oauth2/token", times=3)


@pytest.mark.fault(1, 2)
def test_one_renewal_serves_all_threads_whose_token_expired(served_box, box):
    served_box.store.expire_tokens()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: box.folder_name(BoxId("0")), range(16))) == {"All Files"}
    assert seen(served_box, path="/oauth2/token", times=2)


@pytest.mark.fault(3)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_app_that_is_revoked_meanwhile_is_refused_access(served_box, box, status):
    served_box.store.expire_tokens()
    body = '{"error": "unauthorized_client", "error_description": "This app is not authorized"}'
    served_box.board.add(Fault(path="/oauth2", status=status, body=body, headers=JSON))
    with pytest.raises(AccessRefused, match="This app is not authorized"):
        box.folder_name(BoxId("0"))


def test_a_token_that_is_refused_again_and_again_is_refused_access(served_box, box):
    served_box.board.add(Fault(path="/2.0/folders", status=401, times=None))
    with pytest.raises(AccessRefused, match="log-in any more"):
        box.folder_name(BoxId("0"))
    assert seen(served_box, path="/2.0/folders", times=QUICK.attempts)


def test_a_netrc_does_not_interfere(served_box, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with opened_box(served_box) as box:
        assert box.folder_name(BoxId("0")) == "All Files"


# --- outages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, headers={"Retry-After": "0"}),
        Fault(status=429, headers={"Retry-After": in_http_date(-5)}),
        Fault(status=429),
        Fault(status=500),
        Fault(status=502, body="<html>Bad gateway</html>"),
        Fault(status=503, headers={"Retry-After": "soon"}),
        Fault(cut_after_bytes=0),
        Fault(cut_after_bytes=9),
        Fault(drop_answer=True),
    ],
)
def test_calls_survive_faults_that_pass(served_box, box, fault):
    served_box.board.add(replace(fault, path="/2.0/folders", times=3))
    assert box.folder_name(BoxId("0")) == "All Files"


@pytest.mark.fault(10)
def test_a_pause_that_box_asks_for_is_kept_by_all_threads(served_box, box):
    served_box.board.add(Fault(path="/2.0/folders", status=429, headers={"Retry-After": "0.2"}))
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(box.folder_name, ["0", "0"]))
    assert time.monotonic() - began >= 0.2


@pytest.mark.fault(10)
@pytest.mark.parametrize("after", [lambda: "3600", lambda: in_http_date(3600)])
def test_a_huge_retry_after_is_handed_on_instead_of_slept(served_box, box, after):
    served_box.board.add(Fault(path="/2.0/folders", status=429, headers={"Retry-After": after()}))
    with pytest.raises(SystemUnavailable, match="slow down") as caught:
        box.folder_name(BoxId("0"))
    assert 3590 < (caught.value.retry_after_s or 0) <= 3600
    assert seen(served_box, path="/2.0/folders", times=1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=503), SystemUnavailable),
        (Fault(drop_answer=True), SystemUnavailable),
        (Fault(cut_after_bytes=3), SystemUnavailable),
        (Fault(status=201, body='{"type": "folder"}', headers=JSON), TransientError),
        (Fault(status=201, body="<html>"), TransientError),
        (Fault(status=403, body='{"code": "access_denied_insufficient_permissions"}', headers=JSON), AccessRefused),
        (Fault(status=409, body='{"code": "item_name_in_use"}', headers=JSON), TransientError),
        (Fault(status=409, body='{"code": "name_temporarily_reserved"}', headers=JSON), TransientError),
    ],
)
def test_faults_that_stay_are_our_own_errors_after_few_tries(served_box, box, fault, error):
    served_box.board.add(replace(fault, path="/2.0/folders", times=None))
    with pytest.raises(error):
        box.ensure_folder("0", "x")
    assert len(served_box.board.requests(path="/2.0/folders")) <= QUICK.attempts
