"""When certificates end: the one that a server shows anybody who calls, and our own."""

import socket
import ssl
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from ferrero_dagster.domain.errors import ConfigurationError

_TIMEOUT_S = 10
_HTTPS_PORT = 443


def server_certificate_end(url: str, ca_bundle: Path | None) -> datetime | None:
    """When the server's certificate ends; None where it shows none, as behind a proxy. It is asked for nothing else."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    context = ssl.create_default_context(cafile=ca_bundle)
    with suppress(OSError):
        address = (parts.hostname, parts.port or _HTTPS_PORT)
        with (
            socket.create_connection(address, timeout=_TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as connection,
        ):
            certificate = connection.getpeercert() or {}
            return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), timezone.utc)
    return None


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
