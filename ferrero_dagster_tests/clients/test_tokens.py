"""One log-in serves everybody who logs in alike, and nobody else."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.clients.tokens import Token, Tokens
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import AccessRefused
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import DAM_LOGIN, QUICK, opened_box, seen


@contextmanager
def opened_dam(served_dam, tokens: Tokens, login=DAM_LOGIN) -> Iterator[Otmm]:
    with closing(OtmmSession(served_dam.url, login=login, limits=QUICK, tokens=tokens)) as session:
        yield Otmm(session, load_site().dam)


def test_a_token_that_could_not_be_renewed_is_asked_for_again():
    answers = iter(["", "first", "second"])

    def log_in() -> str:
        if answer := next(answers):
            return answer
        raise AccessRefused("DAM", "no")

    token = Token()
    with pytest.raises(AccessRefused):
        token.get(log_in)
    assert token.get(log_in) == token.get(log_in, other_than="older") == "first"
    assert token.get(log_in, other_than="first") == token.get(log_in) == "second"


def test_a_refused_log_in_is_tried_once_for_all_who_wait_for_it():
    token, waiting, tries = Token(), threading.Barrier(4), []

    def log_in() -> str:
        tries.append(1)
        time.sleep(0.2)  # the others have come by now
        raise AccessRefused("DAM", "no")

    def ask() -> None:
        waiting.wait()
        token.get(log_in)

    with ThreadPoolExecutor(4) as pool:
        errors = [future.exception() for future in [pool.submit(ask) for _ in range(4)]]
    assert {str(error) for error in errors} == {"no"}
    assert len(tries) == 1
    with pytest.raises(AccessRefused):
        token.get(log_in)
    assert len(tries) == 2


def test_connections_opened_one_after_the_other_share_a_log_in(served_dam, served_box):
    tokens = Tokens()
    for _ in range(5):
        with opened_dam(served_dam, tokens) as dam, opened_box(served_box, tokens=tokens) as box:
            dam.check()
            assert box.folder_name(BoxId("0")) == "All Files"
    assert seen(served_dam, path="/token$", times=1)
    assert seen(served_box, path="/oauth2/token", times=1)


def test_connections_opened_at_once_share_a_log_in_and_its_renewal(served_dam, served_box):
    tokens = Tokens()

    def use(_: int) -> str:
        with opened_dam(served_dam, tokens) as dam, opened_box(served_box, tokens=tokens) as box:
            dam.check()
            return box.folder_name(BoxId("0"))

    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(use, range(8))) == {"All Files"}
        served_dam.store.expire_tokens()
        served_box.store.expire_tokens()
    assert seen(served_dam, path="/token$", times=2)
    assert seen(served_box, path="/oauth2/token", times=2)


@pytest.mark.parametrize("changed", ["username", "password", "client_id", "client_secret"])
def test_log_ins_that_differ_in_anything_never_share_a_token(served_dam, changed):
    tokens = Tokens()
    with opened_dam(served_dam, tokens) as dam:
        dam.check()
    other: dict[str, Any] = {changed: "sesame"}
    login = replace(DAM_LOGIN, **other)
    with opened_dam(served_dam, tokens, login) as dam, pytest.raises(AccessRefused, match="refused our log-in"):
        dam.check()
    with opened_dam(served_dam, tokens) as dam:
        dam.check()
    assert seen(served_dam, path="/token$", times=2)


def test_a_changed_box_configuration_is_another_log_in(served_box, tmp_path):
    tokens, config = Tokens(), json.loads(served_box.config.read_text())
    config["boxAppSettings"]["clientSecret"] = "sesame"
    (tmp_path / "changed.json").write_text(json.dumps(config))
    with opened_box(served_box, tokens=tokens):
        pass
    changed = replace(served_box, config=tmp_path / "changed.json")
    with pytest.raises(AccessRefused, match="Box refused our log-in"), opened_box(changed, tokens=tokens):
        pass


@pytest.mark.fault(2)
def test_a_token_that_stays_refused_is_renewed_once_per_request(served_dam):
    tokens = Tokens()
    served_dam.board.add(Fault(path="/folders", status=401, times=None))
    with ExitStack() as stack:
        for _ in range(2):
            dam = stack.enter_context(opened_dam(served_dam, tokens))
            with pytest.raises(AccessRefused):
                dam.check()
    assert seen(served_dam, path="/token$", times=1 + 1 + 1)
