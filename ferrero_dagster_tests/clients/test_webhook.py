from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ferrero_dagster.clients.webhook import post
from ferrero_dagster.domain.errors import PermanentError, SystemUnavailable, TransientError
from ferrero_dagster.sandbox.faults import Fault, FaultBoard, FaultMiddleware
from ferrero_dagster.sandbox.serving import Server
from ferrero_dagster_tests.clients.wire import answering
from ferrero_dagster_tests.fix_sandbox import QUICK

SECRET = "/hook/3x4mpl3"


@dataclass
class Hook:
    """A receiver of webhooks."""

    board: FaultBoard = field(default_factory=FaultBoard)
    got: list[tuple[str, object]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: Request) -> Response:
        self.got.append((request.headers["Idempotency-Key"], await request.json()))
        return Response("Accepted")


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    app = Starlette(routes=[Route(SECRET, hook.take, methods=["POST"])])
    with Server(FaultMiddleware(app, hook.board)) as server:
        hook.url = server.url + SECRET
        yield hook


def send(url, limits=QUICK):
    post(url, {"campaign": "Grüße"}, message_id="m1", limits=limits)


def test_the_body_arrives_once_with_the_id_of_the_message(hook):
    send(hook.url)
    assert hook.got == [("m1", {"campaign": "Grüße"})]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_an_outage_of_the_receiver_can_be_tried_again(hook, status):
    hook.board.add(Fault(status=status, headers={"Retry-After": "7"}))
    with pytest.raises(SystemUnavailable, match=rf"\({status}\)") as caught:
        send(hook.url)
    assert caught.value.retry_after_s == 7
    assert len(hook.board.seen) <= 1


@pytest.mark.fault(43, 65)
@pytest.mark.parametrize("status", [301, 304, 307, 400, 401, 403, 404, 410])
def test_a_refusal_or_a_redirect_that_a_person_can_mend_is_worth_another_try(hook, status):
    hook.board.add(Fault(status=status, headers={"Location": hook.url}))
    with pytest.raises(TransientError, match=rf"\({status}\)") as caught:
        send(hook.url)
    assert SECRET not in str(caught.value)
    assert hook.got == []


@pytest.mark.fault(65)
@pytest.mark.parametrize("status", [413, 415, 422])
def test_a_message_that_is_not_wanted_as_it_is_is_refused_for_good(hook, status):
    hook.board.add(Fault(status=status))
    with pytest.raises(PermanentError, match=rf"\({status}\)"):
        send(hook.url)


@pytest.mark.fault(65)
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Queue is full.", ": Queue is full."),
        ("", "."),
        ("<html><h1>Gone</h1>\n<p>away", ": Gone away."),
        (f"No hook {SECRET} ({SECRET.rsplit('/', maxsplit=1)[-1]})", ": No hook … (…)."),
        ("a\x00b\u202ec\r\nd", ": a\ufffdb\ufffdc d."),
        ("x" * 10_000_000, f": {'x' * 200}."),
    ],
)
def test_the_receivers_own_words_are_told_in_one_short_line_without_its_address(hook, said, told):
    hook.board.add(Fault(status=410, body=said))
    with pytest.raises(TransientError) as caught:
        send(hook.url)
    assert str(caught.value) == f"Make.com refuses the webhook (410){told}"


@pytest.mark.fault(65)
def test_words_that_never_come_keep_nobody_from_the_verdict():
    with (
        answering(b"HTTP/1.1 410 Gone\r\nContent-Length: 50\r\n\r\n", pause_s=0.01) as wire,
        pytest.raises(TransientError, match=r"refuses the webhook \(410\)\.$"),
    ):
        send(wire.url() + SECRET, replace(QUICK, read_timeout_s=0.2))


def test_a_receiver_that_cannot_be_reached_is_unavailable_and_its_address_stays_secret(hook):
    with answering() as wire:
        nobody = wire.url() + SECRET
    hook.board.add(Fault(delay_s=0.3))
    hook.board.add(Fault(drop_answer=True))
    impatient = replace(QUICK, read_timeout_s=0.1)
    for url, limits in ((nobody, QUICK), (hook.url, impatient), (hook.url, QUICK), ("http://make.invalid", QUICK)):
        with pytest.raises(SystemUnavailable) as caught:
            send(url, limits)
        assert SECRET not in str(caught.value)
        assert caught.value.__suppress_context__
