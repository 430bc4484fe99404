import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import (
    AccessRefused,
    ConfigurationError,
    FerreroError,
    IntegrityError,
    NotInDam,
    PermanentError,
    SystemUnavailable,
    TransientError,
)
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.clients.wire import answering, ok
from ferrero_dagster_tests.fix_sandbox import DAM_LOGIN, QUICK, opened_dam, seen

HTML = {"Content-Type": "text/html;charset=utf-8"}
JSON = {"Content-Type": "application/json"}
SECRETS = ("nutella", "kinder", "Bearer", "sesame")


def asset(served, content=b"0123456789", **more):
    folder = served.store.add_folder("ARTESIA.PUBLIC.TREEN", "Masters")
    return served.store.add_asset(folder, "film.mp4", content, **more)


def loaded(otmm, asset_id):
    return otmm.load_assets([asset_id])[0]


def refused(error):
    """The error's text, which holds no secret."""
    assert not any(secret in str(error.value) for secret in SECRETS)
    return str(error.value)


def in_http_date(seconds):
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)


# --- log-in ----------------------------------------------------------------------------------------------------------


@pytest.mark.fault(1, 2)
def test_one_renewal_serves_all_threads_whose_token_expired(served_dam, otmm):
    otmm.check()
    served_dam.store.expire_tokens()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: otmm.check(), range(24)))
    assert seen(served_dam, path="/token$", times=2)


@pytest.mark.fault(2)
def test_a_token_that_expires_before_a_download_is_renewed(served_dam, otmm, tmp_path):
    film = loaded(otmm, asset(served_dam))
    served_dam.board.add(Fault(path="/contents", before=served_dam.store.expire_tokens))
    assert otmm.content(film).into_file(tmp_path / "f").size_bytes == 10
    assert seen(served_dam, path="/token$", times=2)


@pytest.mark.fault(3)
def test_a_wrong_password_is_refused_at_the_first_try(served_dam):
    login = replace(DAM_LOGIN, password="sesame")
    with opened_dam(served_dam.url, login=login) as otmm, pytest.raises(AccessRefused) as caught:
        otmm.check()
    assert "check FERRERO_DAM_USERNAME" in refused(caught)
    assert seen(served_dam, path="/token$", times=1)
    assert "sesame" not in repr(login)


@pytest.mark.fault(1, 26)
def test_a_second_401_stops(served_dam, otmm):
    served_dam.board.add(Fault(path="/folders", status=401, times=None))
    with pytest.raises(AccessRefused) as caught:
        otmm.check()
    assert "log-in any more" in refused(caught)
    assert seen(served_dam, path="/folders", times=2)
    assert seen(served_dam, path="/token$", times=2)


def test_our_password_goes_to_no_other_host_whoever_sends_it_there(served_dam, otmm):
    with answering(ok(b"{}")) as elsewhere:
        redirect = {"Location": elsewhere.url()}
        served_dam.board.add(Fault(path="/token$", status=307, headers=redirect, times=None))
        with pytest.raises(ConfigurationError, match="redirects us to another address"):
            otmm.check()
    assert elsewhere.asked == []


@pytest.mark.fault(1)
def test_a_403_for_an_expired_token_is_renewed_where_the_site_says_so(served_dam, tmp_path):
    body = '{"exception_body": {"message": "The token has expired."}}'
    for renews in (True, False):
        with closing(OtmmSession(served_dam.url, login=DAM_LOGIN, limits=QUICK, renew_on_403=renews)) as session:
            otmm = Otmm(session, load_site().dam)
            film = loaded(otmm, asset(served_dam))
            served_dam.board.add(Fault(path="/contents", status=403, body=body, headers=JSON))
            with nullcontext() if renews else pytest.raises(PermanentError, match="has expired"):
                otmm.content(film).into_file(tmp_path / "f")
    assert seen(served_dam, path="/token$", times=2 + 1)


def test_an_address_without_a_dam_is_a_wrong_setting(served_dam):
    with opened_dam(f"{served_dam.url}/nothing") as otmm, pytest.raises(ConfigurationError, match="FERRERO_DAM_URL"):
        otmm.check()


@pytest.mark.parametrize(("body", "headers"), [("{}", JSON), ("<html>", HTML)])
def test_a_log_in_answer_without_a_token_is_an_outage(served_dam, otmm, body, headers):
    served_dam.board.add(Fault(path="/token$", status=200, body=body, headers=headers, times=None))
    with pytest.raises(SystemUnavailable):
        otmm.check()


def test_a_log_in_is_tried_again_while_the_dam_is_out_of_order(served_dam, otmm):
    served_dam.board.add(Fault(path="/token$", status=503, times=2))
    otmm.check()
    assert seen(served_dam, path="/token$", times=3)


# --- outages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=502, body="<html>Bad gateway</html>", headers=HTML),
        Fault(status=503),
        Fault(status=429, headers={"Retry-After": "0"}),
        Fault(status=429, headers={"Retry-After": in_http_date(-5)}),
        Fault(status=429),
        Fault(status=500, body='{"exception_body": {"message": "Try later."}}', headers=JSON),
        Fault(status=200, body="<html>Maintenance</html>", headers=HTML),
        Fault(cut_after_bytes=0),
        Fault(cut_after_bytes=20),
        Fault(drop_answer=True),
    ],
)
def test_a_safe_call_survives_faults_that_pass(served_dam, otmm, fault):
    served_dam.board.add(replace(fault, path="/folders", times=2))
    otmm.check()


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault(status=502, headers=HTML), SystemUnavailable, "unavailable (502)"),
        (Fault(status=200, headers=HTML), SystemUnavailable, "web page instead of an answer"),
        (Fault(status=302, headers={"Location": "/login"}), SystemUnavailable, "unavailable (404 without a reason)"),
        (Fault(status=404, body="<html>", headers=HTML), SystemUnavailable, "unavailable (404 without a reason)"),
        (Fault(status=404, body="{}", headers=JSON), SystemUnavailable, "unavailable (404 without a reason)"),
        (Fault(status=404, body='{"exception_body": {"message": "No."}}', headers=JSON), NotInDam, "find it: No."),
        (Fault(cut_after_bytes=0), SystemUnavailable, "connection to DAM failed"),
        (Fault(status=500, body='{"exception_body": {"message": "No."}}', headers=JSON), TransientError, "500: No."),
        (Fault(status=403), AccessRefused, "gateway before the DAM refuses us (403)"),
        (Fault(status=400, body='{"exception_body": "?"}', headers=JSON), PermanentError, "answered 400."),
        (Fault(status=200, body="{", headers=JSON), TransientError, "expected JSON"),
    ],
)
def test_faults_that_stay_end_in_one_sentence_after_few_tries(served_dam, otmm, fault, error, words):
    served_dam.board.add(replace(fault, path="/folders", times=None))
    with pytest.raises(error) as caught:
        otmm.check()
    assert words in refused(caught)
    assert len(served_dam.board.requests(path="/folders")) <= 2 * QUICK.attempts


@pytest.mark.fault(10)
@pytest.mark.parametrize("after", [lambda: "3600", lambda: in_http_date(3600)])
def test_a_huge_retry_after_is_handed_on_instead_of_slept(served_dam, otmm, after):
    served_dam.board.add(Fault(path="/folders", status=429, headers={"Retry-After": after()}))
    with pytest.raises(SystemUnavailable, match="slow down") as caught:
        otmm.check()
    assert 3590 < (caught.value.retry_after_s or 0) <= 3600
    assert seen(served_dam, path="/folders", times=1)


@pytest.mark.fault(10)
def test_a_pause_that_the_dam_asks_for_is_kept_by_all_threads(served_dam, otmm):
    served_dam.board.add(Fault(path="/folders", status=429, headers={"Retry-After": "0.2"}))
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: otmm.check(), range(2)))
    assert time.monotonic() - began >= 0.2


@pytest.mark.fault(13)
def test_an_unreachable_dam_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with opened_dam(f"http://127.0.0.1:{port}") as otmm, pytest.raises(SystemUnavailable) as caught:
        otmm.check()
    assert refused(caught) == "Logging in: the connection to DAM failed (NewConnectionError)."


@pytest.mark.fault(13)
def test_an_unknown_host_is_unavailable():
    limits = replace(QUICK, attempts=1)
    with opened_dam("http://dam.invalid", limits=limits) as otmm, pytest.raises(SystemUnavailable) as caught:
        otmm.check()
    assert "NameResolutionError" in refused(caught)


@pytest.mark.fault(13)
def test_a_dam_that_does_not_answer_is_unavailable(served_dam):
    served_dam.board.add(Fault(path="/token$", delay_s=0.6, times=None))
    limits = replace(QUICK, read_timeout_s=0.1, attempts=2)
    with opened_dam(served_dam.url, limits=limits) as otmm, pytest.raises(SystemUnavailable, match="in time"):
        otmm.check()


def test_a_netrc_and_certificates_in_the_environment_do_not_interfere(served_dam, otmm, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    otmm.check()


# --- download --------------------------------------------------------------------------------------------------------

BIG = bytes(range(256)) * 12_000


def test_a_download_is_proven_by_size_and_checksum(served_dam, otmm, tmp_path):
    arrived: list[int] = []
    film = loaded(otmm, asset(served_dam, BIG))
    digest = otmm.content(film, arrived.append).into_file(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BIG
    assert (digest.size_bytes, digest.md5_hex, sum(arrived)) == (len(BIG), film.md5_hex, len(BIG))


@pytest.mark.fault(9)
def test_an_empty_asset_and_one_without_checksum_are_downloaded(served_dam, otmm, tmp_path):
    assert otmm.content(loaded(otmm, asset(served_dam, b""))).into_file(tmp_path / "f").size_bytes == 0
    film = loaded(otmm, asset(served_dam, BIG, checksum=False))
    assert film.md5_hex is None
    assert otmm.content(film).into_file(tmp_path / "f").size_bytes == len(BIG)


@pytest.mark.fault(4)
@pytest.mark.parametrize("cut", [0, 1, len(BIG) - 1])
def test_a_cut_download_is_fetched_anew(served_dam, otmm, tmp_path, cut):
    film = loaded(otmm, asset(served_dam, BIG))
    served_dam.board.add(Fault(path="/contents", cut_after_bytes=cut, times=2))
    assert otmm.content(film).into_file(tmp_path / "f").md5_hex == film.md5_hex
    assert (tmp_path / "f").read_bytes() == BIG


@pytest.mark.fault(4)
def test_nothing_is_kept_of_a_download_that_is_cut_every_time(served_dam, otmm, tmp_path):
    film = loaded(otmm, asset(served_dam, BIG))
    served_dam.board.add(Fault(path="/contents", cut_after_bytes=99, times=None))
    with pytest.raises(SystemUnavailable, match=r"film\.mp4"):
        otmm.content(film).into_file(tmp_path / "f")
    assert not (tmp_path / "f").exists()
    assert seen(served_dam, path="/contents", times=3)


def test_an_outage_during_downloads_is_not_retried_twice_over(served_dam, otmm, tmp_path):
    film = loaded(otmm, asset(served_dam))
    served_dam.board.add(Fault(path="/contents", status=503, times=None))
    with pytest.raises(SystemUnavailable):
        otmm.content(film).into_file(tmp_path / "f")
    assert seen(served_dam, path="/contents", times=QUICK.attempts)


@pytest.mark.fault(7)
def test_a_log_in_page_instead_of_the_content_is_never_stored(served_dam, otmm, tmp_path):
    film = loaded(otmm, asset(served_dam))
    served_dam.board.add(Fault(path="/contents", status=200, body="0123456789", headers=HTML, times=None))
    with pytest.raises(SystemUnavailable, match="web page"):
        otmm.content(film).into_file(tmp_path / "f")
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(("promised", "sent"), [({"size_bytes": 11}, 3), ({"md5_hex": "0" * 32}, 1)])
def test_other_bytes_than_promised_are_refused(served_dam, otmm, tmp_path, promised, sent):
    film = replace(loaded(otmm, asset(served_dam)), **promised)
    with pytest.raises(IntegrityError):
        otmm.content(film).into_file(tmp_path / "f")
    assert not (tmp_path / "f").exists()
    assert seen(served_dam, path="/contents", times=sent)


def test_a_checksum_that_is_no_md5_can_be_left_unchecked(served_dam, tmp_path):
    with opened_dam(served_dam.url, verify_checksum=False) as otmm:
        film = replace(loaded(otmm, asset(served_dam)), md5_hex="0" * 32)
        assert otmm.content(film).into_file(tmp_path / "f").size_bytes == 10


def downloaded(served, wire, path, **limits):
    """The asset's download from a server of few words, without a log-in."""
    with opened_dam(served.url) as otmm:
        film = loaded(otmm, asset(served))
    with opened_dam(wire.url(), login=None, limits=replace(QUICK, **limits)) as otmm:
        return otmm.content(film).into_file(path)


@pytest.mark.fault(5, 6)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (ok(b"0123"), IntegrityError),
        (ok(b"0123", "Content-Length: 10"), SystemUnavailable),
        (ok(b"0123456789", "Content-Length: 4"), IntegrityError),
        (ok(b"0123456789", "Content-Length: 14"), SystemUnavailable),
        (ok(b"4\r\n0123\r\n", "Transfer-Encoding: chunked"), SystemUnavailable),
        (ok(b"4\r\n0123\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), IntegrityError),
        (ok(b"zz\r\n", "Transfer-Encoding: chunked"), SystemUnavailable),
    ],
)
def test_a_body_that_is_shorter_or_longer_than_promised_is_never_kept(served_dam, tmp_path, answer, error):
    with answering(answer) as wire, pytest.raises(error) as caught:
        downloaded(served_dam, wire, tmp_path / "f")
    assert type(caught.value) is error
    assert not (tmp_path / "f").exists()
    assert len(wire.asked) == 3


@pytest.mark.parametrize("headers", [(), ("Content-Length: 10",), ("Content-Encoding: gzip",)])
def test_a_whole_body_is_taken_with_and_without_its_length(served_dam, tmp_path, headers):
    with answering(ok(b"0123456789", *headers)) as wire:
        assert downloaded(served_dam, wire, tmp_path / "f").size_bytes == 10
    assert b"Authorization" not in wire.asked[0]


@pytest.mark.fault(12)
def test_a_trickle_is_given_up(served_dam, tmp_path):
    limits = {"read_timeout_s": 1, "min_bytes_per_s": 1000}
    with (
        answering(ok(b"", "Content-Length: 10"), *[b"x"] * 10, pause_s=0.15) as wire,
        pytest.raises(FerreroError) as caught,
    ):
        downloaded(served_dam, wire, tmp_path / "f", **limits)
    assert caught.value.code == "too slow"


@pytest.mark.fault(12)
def test_silence_after_the_headers_is_given_up(served_dam, tmp_path):
    with (
        answering(ok(b"01", "Content-Length: 10"), pause_s=0.3) as wire,
        pytest.raises(SystemUnavailable, match="did not answer in time"),
    ):
        downloaded(served_dam, wire, tmp_path / "f", read_timeout_s=0.1)
