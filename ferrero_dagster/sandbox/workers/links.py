"""Makes what listens on 127.0.0.1 or on a Unix socket reachable at another address, as other machines see it.

As a program it is the other end, on such a machine: `links.py HERE THERE PORT…`; only 127.0.0.1 needs no encryption.
"""

import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress

#: An address of this machine: host and port, or the path of a Unix socket.
Address = tuple[str, int] | str
_CHUNK_BYTES = 65536
#: As a server has it that notices within half a minute that a machine is gone, also with an answer on its way to it.
_KEEPALIVE = (
    (socket.TCP_KEEPIDLE, 10),
    (socket.TCP_KEEPINTVL, 5),
    (socket.TCP_KEEPCNT, 3),
    (socket.TCP_USER_TIMEOUT, 25_000),
)


class Links:
    """Each port of `targets` on `host` leads to its target; use it as a context manager."""

    def __init__(self, host: str, targets: Mapping[int, Address]) -> None:
        self._host = host
        self._targets = targets
        self._stack = ExitStack()

    def __enter__(self) -> "Links":
        for port, target in self._targets.items():
            server = self._stack.enter_context(socket.create_server((self._host, port), backlog=200))
            threading.Thread(target=_accept, args=(server, target), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def main() -> None:
    """Lead ports here to the same ports there until killed."""
    here, there, *ports = sys.argv[1:]
    with Links(here, {int(port): (there, int(port)) for port in ports}):
        signal.pause()


def _accept(server: socket.socket, target: Address) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return  # it was closed
        threading.Thread(target=_join, args=(client, target), daemon=True).start()


def _join(client: socket.socket, target: Address) -> None:
    """Carry bytes both ways until either side ends."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        client.setsockopt(socket.IPPROTO_TCP, option, value)
    family = socket.AF_UNIX if isinstance(target, str) else socket.AF_INET
    with client, socket.socket(family, socket.SOCK_STREAM) as server, contextlib.suppress(OSError):
        server.connect(target)
        back = threading.Thread(target=_carry, args=(server, client), daemon=True)
        back.start()
        _carry(client, server)
        back.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    """A direction to its end; an error of either side ends both."""
    try:
        while chunk := source.recv(_CHUNK_BYTES):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main()
