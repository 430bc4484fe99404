"""What a server shows anybody who calls: its clock and its certificate; and when our own certificate ends."""

import email.utils
import ssl
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from ferrero_dagster.domain.errors import ConfigurationError

_TIMEOUT_S = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerFacts:
    """None for what the server does not show, as behind a proxy."""

    #: Positive where the server's clock is ahead of ours.
    clock_skew_s: float | None = None
    certificate_ends: datetime | None = None


def server_facts(url: str, ca_bundle: Path | None) -> ServerFacts:
    """Ask the server once, without logging in; never fails."""
    clock_skew_s = certificate_ends = None
    with suppress(OSError, HTTPException):
        connection = _connection(url, ca_bundle)
        with closing(connection):
            connection.connect()
            if isinstance(connection.sock, ssl.SSLSocket):
                certificate = connection.sock.getpeercert() or {}
                ends_s = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
                certificate_ends = datetime.fromtimestamp(ends_s, timezone.utc)
            clock_skew_s = _clock_skew_s(connection)
    return ServerFacts(clock_skew_s=clock_skew_s, certificate_ends=certificate_ends)


def _connection(url: str, ca_bundle: Path | None) -> HTTPConnection:
    parts = urlsplit(url)
    assert parts.hostname
    if parts.scheme != "https":
        return HTTPConnection(parts.hostname, parts.port, timeout=_TIMEOUT_S)
    context = ssl.create_default_context(cafile=ca_bundle)
    return HTTPSConnection(parts.hostname, parts.port, timeout=_TIMEOUT_S, context=context)


def _clock_skew_s(connection: HTTPConnection) -> float | None:
    connection.request("HEAD", "/")
    date_header = connection.getresponse().getheader("Date")
    if date_header is None:
        return None
    return (email.utils.parsedate_to_datetime(date_header) - datetime.now(timezone.utc)).total_seconds()


def client_certificate_end(path: Path, password: str) -> datetime:
    """When the PKCS#12 file's certificate ends.

    Raises:
        ConfigurationError: it holds no certificate, or cannot be opened.
    """
    try:
        _, certificate, _ = load_key_and_certificates(path.read_bytes(), password.encode())
    except (OSError, ValueError):
        certificate = None
    if certificate is None:
        raise ConfigurationError(f"No certificate can be read from {path} (FERRERO_DAM_PFX_PATH).")
    return certificate.not_valid_after_utc
