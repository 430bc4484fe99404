"""A certificate for 127.0.0.1 that signs itself, so that tests and the demo can speak verified TLS."""

from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import (
    BasicConstraints,
    CertificateBuilder,
    DNSName,
    IPAddress,
    Name,
    NameAttribute,
    SubjectAlternativeName,
    random_serial_number,
)
from cryptography.x509.oid import NameOID

from ferrero_dagster.sandbox.serving import HOST


def write_certificate(path: Path) -> Path:
    """Write a new key and its certificate, good for a day, as PEM to `path`; a client trusts it by the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = Name([NameAttribute(NameOID.COMMON_NAME, "ferrero_dagster sandbox")])
    now = datetime.now(timezone.utc)
    certificate = (
        CertificateBuilder(name, name, key.public_key(), random_serial_number(), now, now + timedelta(days=1))
        .add_extension(SubjectAlternativeName([IPAddress(ip_address(HOST)), DNSName("localhost")]), critical=False)
        .add_extension(BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    unlocked = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unlocked) + certificate.public_bytes(pem)
    )
    return path
