import ssl
from contextlib import closing

import pytest

from ferrero_dagster.clients.otmm_session import ClientCertificate, OtmmSession
from ferrero_dagster.domain.errors import ConfigurationError, SystemUnavailable
from ferrero_dagster_tests.clients.certificates import Authority
from ferrero_dagster_tests.clients.wire import answering, ok
from ferrero_dagster_tests.fix_sandbox import QUICK

ANSWER = ok(b'{"folders_resource": {}}', content_type="application/json")
PASSWORD = "open sesame"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def gateway(authority):
    """The address of a server that asks for a client certificate of our authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue_pem("127.0.0.1"))
    context.load_verify_locations(authority.bundle)
    context.verify_mode = ssl.CERT_REQUIRED
    with answering(ANSWER, tls=context) as wire:
        yield wire.url("https")


def ask(url, **options):
    with closing(OtmmSession(url, login=None, limits=QUICK, **options)) as session:
        return session.call("GET", "/folders/rootfolders", "Asking")


def pfx(authority, **options):
    return ClientCertificate(path=authority.issue_pfx("ferrero", PASSWORD, **options), password=PASSWORD)


def test_a_client_certificate_opens_the_gateway(authority, gateway):
    assert ask(gateway, certificate=pfx(authority), ca_bundle=authority.bundle) == {"folders_resource": {}}


def test_our_bundle_counts_and_not_one_from_the_environment(authority, gateway, monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    assert ask(gateway, certificate=pfx(authority), ca_bundle=authority.bundle)


def test_without_a_client_certificate_the_gateway_stays_closed(authority, gateway):
    # TLS 1.3 refuses after the handshake: whether its alert or the lost connection is seen first is a race.
    with pytest.raises(SystemUnavailable, match="connection to DAM failed"):
        ask(gateway, ca_bundle=authority.bundle)


@pytest.mark.fault(13)
@pytest.mark.parametrize("with_certificate", [True, False])
def test_a_server_of_an_unknown_authority_is_not_trusted(authority, gateway, with_certificate):
    with pytest.raises(SystemUnavailable, match="certificate verify failed"):
        ask(gateway, certificate=pfx(authority) if with_certificate else None)


@pytest.mark.fault(13)
def test_a_server_of_another_name_is_not_trusted(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue_pem("127.0.0.9"))
    with answering(ANSWER, tls=context) as wire, pytest.raises(SystemUnavailable, match="certificate verify failed"):
        ask(wire.url("https"), ca_bundle=authority.bundle)


@pytest.mark.fault(70)
def test_https_asked_of_a_plain_port_is_told_so(served_dam):
    address = served_dam.url.replace("http://", "https://")
    with pytest.raises(SystemUnavailable, match="speaks no TLS there, as a port for plain http:// does not"):
        ask(address)


def test_a_client_certificate_that_cannot_be_used_is_a_wrong_setting(authority, gateway, tmp_path):
    good = pfx(authority)
    (tmp_path / "text.pfx").write_text("no certificate")
    for certificate in (
        ClientCertificate(path=good.path, password="swordfish"),
        ClientCertificate(path=tmp_path / "missing.pfx", password=PASSWORD),
        ClientCertificate(path=tmp_path / "text.pfx", password=PASSWORD),
        pfx(authority, days=-1),
    ):
        with pytest.raises(ConfigurationError, match="FERRERO_DAM_PFX_P") as caught:
            ask(gateway, certificate=certificate, ca_bundle=authority.bundle)
        assert str(certificate.path) in str(caught.value)
        assert certificate.password not in str(caught.value) + repr(certificate)


def test_a_bundle_that_cannot_be_used_is_a_wrong_setting(tmp_path):
    (tmp_path / "text.pem").write_text("no certificate")
    for name in ("missing.pem", "text.pem", "."):
        with pytest.raises(ConfigurationError, match="FERRERO_DAM_CA_BUNDLE"):
            ask("https://127.0.0.1", ca_bundle=tmp_path / name)
