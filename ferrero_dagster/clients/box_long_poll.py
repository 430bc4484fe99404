"""Box's long poll as HTTP: where to ask, and a request that waits until something changes (contract box.md 10)."""

import socket
from dataclasses import dataclass
from typing import Any, Literal

import requests
from box_sdk_gen import BoxClient, FetchOptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from ferrero_dagster.clients import box_answers as answers
from ferrero_dagster.clients import http
from ferrero_dagster.clients.box_session import box_errors
from ferrero_dagster.domain.sound_json import sound_value

_WHAT = "Asking Box where it announces changes"
_CONNECT_TIMEOUT_S = 10
_ANSWER_BYTES = 10_000

#: How a poll ends: in Box's words, or without any for as long as Box says that it may take, or otherwise.
Ended = Literal["new_change", "reconnect", "silence", "failed"]


@dataclass(frozen=True, slots=True)
class LongPoll:
    """Where Box announces changes; the address is the permission, no log-in goes there."""

    server: answers.RealtimeServer

    @classmethod
    def of(cls, client: BoxClient) -> "LongPoll":
        """Where it does so for the account of the client; costs one call.

        Raises:
            FerreroError: Box does not say, or names an address without TLS, which it has itself.
        """
        base_url = client.network_session.base_urls.base_url
        with box_errors(_WHAT):
            answer = client.make_request(FetchOptions(f"{base_url}/2.0/events", "OPTIONS"))
        said = answer.data if isinstance(answer.data, dict) else {}
        schemes = ("https",) if base_url.startswith("https:") else ("https", "http")
        return cls(answers.realtime_server(said, _WHAT, schemes=schemes))

    def wait(self) -> Ended:
        """Wait until Box says something, or has said nothing for as long as it told us to wait; raises nothing."""
        try:
            with requests.Session() as session:
                session.mount("https://", _LastingAdapter())
                session.mount("http://", _LastingAdapter())
                return self._answer(session)
        except requests.ReadTimeout:
            return "silence"
        except Exception:  # noqa: BLE001  # whatever comes from there, looks go on as they did without it
            return "failed"

    def _answer(self, session: requests.Session) -> Ended:
        timeout = (_CONNECT_TIMEOUT_S, self.server.retry_timeout_s)
        options: dict[str, Any] = {"stream": True, "allow_redirects": False, "auth": http.without_netrc}
        with session.get(self.server.url, timeout=timeout, headers=http.IDENTITY, **options) as response:
            if response.status_code != requests.codes.ok:
                return "failed"
            body = next(response.iter_content(_ANSWER_BYTES), b"")
        said = sound_value(body)
        message = said.get("message") if isinstance(said, dict) else None
        return message if message in ("new_change", "reconnect") else "failed"


class _LastingAdapter(HTTPAdapter):
    """For connections over which nothing comes for ten minutes, and which no firewall shall take for dead."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        pauses = [getattr(socket, name) for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL") if hasattr(socket, name)]
        alive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *((socket.IPPROTO_TCP, pause, 60) for pause in pauses)]
        super().init_poolmanager(*args, **options, socket_options=[*HTTPConnection.default_socket_options, *alive])
