"""Serves an ASGI application on 127.0.0.1 from a thread, until it is told to stop."""

import socket
import threading
import time
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

from ferrero_dagster.domain.errors import ConfigurationError

HOST = "127.0.0.1"
#: As Tomcat, in which OTMM runs, has it in its own configuration.
_KEEP_ALIVE_S = 20


def listening_socket(port: int, purpose: str) -> socket.socket:
    """A socket bound to 127.0.0.1:`port` (0: any free one).

    Raises:
        ConfigurationError: the port is taken; the sentence names the purpose and the port.
    """
    # Only of a socket that says it is TCP does asyncio send short answers at once, and not 40 ms later.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError as error:
        sock.close()
        raise ConfigurationError(
            f"Port {port} on {HOST}, wanted for {purpose}, is taken; stop what uses it or choose another base port."
        ) from error
    return sock


class Server:
    """One stand-in server; use it as a context manager. `url` is known as soon as it is constructed."""

    def __init__(self, app: ASGIApp, *, port: int = 0, purpose: str = "a stand-in server") -> None:
        self._socket = listening_socket(port, purpose)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,  # each line of it would be made, and then not written
            lifespan="off",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._uvicorn.run, kwargs={"sockets": [self._socket]}, name=purpose, daemon=True
        )

    def __enter__(self) -> "Server":
        self._thread.start()
        while not self._uvicorn.started and self._thread.is_alive():
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._uvicorn.should_exit = True
        self._thread.join(timeout=5)
        self._socket.close()
