"""Buttons that make a stand-in fail for a while, as in an operator's bad day."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ferrero_dagster.sandbox.box import BoxSettings
from ferrero_dagster.sandbox.faults import Fault, FaultBoard
from ferrero_dagster.sandbox.mailbox import Mailbox

_DURATION_S = 60
_SLOW_BY_S = 3
#: Box's own, per user.
UPLOADS_PER_MINUTE, CALLS_PER_MINUTE = 240, 1000


@dataclass(kw_only=True)
class PassingFault(Fault):
    """A fault that ends by itself; `title` is what people read."""

    title: str
    ends_s: float

    def matches(self, method: str, path: str, held: bytes | None = None) -> bool:
        """As every fault, until its end (`time.monotonic`)."""
        return time.monotonic() < self.ends_s and super().matches(method, path, held)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerPanel:
    """A stand-in with what is wrong with it now, in words, and its buttons by their labels."""

    name: str
    troubles: Callable[[], list[str]]
    buttons: Mapping[str, Callable[[], object]]


def http_panel(name: str, board: FaultBoard, expire_tokens: Callable[[], None] | None) -> ServerPanel:
    """The panel of a server behind a fault board."""

    def troubles() -> list[str]:
        passing = [fault for fault in board.armed if isinstance(fault, PassingFault)]
        others = len(board.armed) - len(passing)
        lasting = [f"{others} other fault{'s' * (others > 1)}"] if others else []
        return [text for fault in passing if (text := _with_rest(fault.title, fault.ends_s))] + lasting

    def strike(title: str, **fault: Any) -> Callable[[], object]:
        return lambda: board.add(PassingFault(title=title, ends_s=time.monotonic() + _DURATION_S, **fault))

    buttons = {
        f"Down for {_DURATION_S} s": strike("answers 503", status=503, times=None),
        f"Slow for {_DURATION_S} s": strike(f"{_SLOW_BY_S} s slower", delay_s=_SLOW_BY_S, times=None),
        "Lose one answer": strike("loses the next answer", drop_answer=True),
    }
    if expire_tokens:
        buttons["Expire tokens"] = expire_tokens
    return ServerPanel(name=name, troubles=troubles, buttons={**buttons, "Clear": board.clear})


def box_panel(board: FaultBoard, expire_tokens: Callable[[], None], settings: BoxSettings) -> ServerPanel:
    """The panel of Box, whose limits can be switched on and off."""
    panel = http_panel("Box", board, expire_tokens)
    limits = f"takes {UPLOADS_PER_MINUTE} uploads and {CALLS_PER_MINUTE:,} calls a minute"

    def switch() -> None:
        is_on = bool(settings.uploads_per_minute)
        settings.uploads_per_minute = 0 if is_on else UPLOADS_PER_MINUTE
        settings.calls_per_minute = 0 if is_on else CALLS_PER_MINUTE

    return replace(
        panel,
        troubles=lambda: [*panel.troubles(), *([limits] if settings.uploads_per_minute else [])],
        buttons={**panel.buttons, "Limits on or off": switch},
    )


def mail_panel(mailbox: Mailbox) -> ServerPanel:
    """The panel of the mail server."""
    switches = mailbox.switches

    def troubles() -> list[str]:
        down = _with_rest("hangs up", switches.down_until_s)
        lost = "loses the next answer" if switches.lost_answers else ""
        return [text for text in (down, lost) if text]

    buttons = {
        f"Down for {_DURATION_S} s": lambda: setattr(switches, "down_until_s", time.monotonic() + _DURATION_S),
        "Lose one answer": lambda: setattr(switches, "lost_answers", 1),
        "Clear": switches.clear,
    }
    return ServerPanel(name="Mail server", troubles=troubles, buttons=buttons)


def _with_rest(title: str, ends_s: float) -> str:
    rest_s = math.ceil(ends_s - time.monotonic())
    return f"{title}, {rest_s} s left" if rest_s > 0 else ""
