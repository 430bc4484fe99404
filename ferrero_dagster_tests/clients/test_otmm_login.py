"""The two log-ins that the DAM may want, and what each refusal says (contracts otmm.md 2; customer.md 1)."""

import ssl
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_login import OAuthLogin, token_in
from ferrero_dagster.clients.otmm_session import ClientCertificate, OtmmSession
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import AccessRefused, ConfigurationError, FerreroError, SystemUnavailable
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.clients.certificates import Authority
from ferrero_dagster_tests.clients.wire import answering, ok
from ferrero_dagster_tests.fix_sandbox import DIALECTS, JSON, QUICK, opened_dam, seen

HTML = {"Content-Type": "text/html"}
SECRETS = ("nutella", "kinder", "sesame")
in_the_customers = pytest.mark.parametrize("dialect", ["customer"])

ROOTS = b'{"folders_resource": {}}'
OAUTH2 = b'{"access_token": "t1", "token_type": "Bearer", "expires_in": 3600}'
OTMM = b'{"token_info": {"oauth_token": {"accessToken": "t1"}}}'


def json(body: bytes) -> bytes:
    return ok(body, content_type="application/json")


def refusal(url: str, login: OAuthLogin, **options) -> FerreroError:
    """Why the DAM's root folders cannot be read."""
    limits = replace(QUICK, attempts=2)
    session = OtmmSession(url, login=login, limits=limits, **options)
    with closing(session), pytest.raises(FerreroError) as caught:
        Otmm(session, load_site().dam).check()
    assert not any(secret in str(caught.value) for secret in SECRETS)
    return caught.value


@pytest.mark.parametrize("dialect", DIALECTS)
def test_we_log_in_as_the_dam_wants_it_and_renew_a_token_that_has_expired(served_dam, otmm):
    otmm.check()
    served_dam.store.expire_tokens()
    otmm.check()
    assert seen(served_dam, "POST", "/token$", times=2)


@in_the_customers
def test_client_credentials_name_no_user(served_dam):
    with answering(json(OAUTH2)) as otds:
        login = replace(served_dam.login, username="someone", password="sesame", token_url=otds.url() + "/token")
        assert refusal(served_dam.url, login).code == "DAM access refused", "a token of somebody else's"
    assert b"POST /token" in otds.asked[0]
    assert login.form == {"grant_type": "client_credentials", "client_id": "ferrero-dagster", "client_secret": "kinder"}
    assert "someone" not in repr(login.form) + login.variables


@pytest.mark.parametrize(
    "answer",
    [
        OAUTH2,
        OTMM,
        b'{"access_token": "t1", "token_info": {"oauth_token": {}}}',
        # No lifetime is needed, and none believed: a token is used for as long as the DAM takes it.
        b'{"access_token": "t1"}',
        b'{"access_token": "t1", "expires_in": 0}',
        b'{"access_token": "t1", "expires_in": "-5 s"}',
    ],
)
@pytest.mark.parametrize("grant", ["password", "client_credentials"])
def test_either_form_of_answer_is_read_whatever_the_grant(answer, grant):
    with answering(json(answer)) as otds, answering(json(ROOTS)) as dam:
        login = OAuthLogin(client_id="us", client_secret="kinder", grant=grant, token_url=otds.url() + "/token")
        with opened_dam(dam.url(), login=login) as otmm:
            otmm.check()
    assert b"Authorization: Bearer t1" in dam.asked[0]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_an_answer_of_any_other_form_holds_no_token(value):
    for answer in ({"access_token": [value]}, {"token_info": value}, {"token_info": {"oauth_token": value}}):
        assert token_in(answer) is None


@in_the_customers
@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (
            Fault(status=404, body="{}", headers=JSON),
            ConfigurationError,
            "is no token address (404): correct",
        ),
        (Fault(status=405, headers=HTML), ConfigurationError, "correct FERRERO_DAM_TOKEN_URL."),
        (
            Fault(status=302, headers={"Location": "/login"}),
            ConfigurationError,
            "none of our secrets: correct",
        ),
        (Fault(status=200, headers=HTML), SystemUnavailable, "web page instead of a token; if it stays so, correct FE"),
        *(
            (Fault(status=200, body=body, headers=JSON), SystemUnavailable, "answers 200 without a token; if it stays")
            for body in ("[]", "", '{"expires_in": 3600}', '{"access_token": ""}', '{"status": "failed"}')
        ),
        (Fault(status=200, body='{"error": "invalid_client"}', headers=JSON), AccessRefused, "(200 invalid_client)"),
        (Fault(status=403, body="<h1>No</h1>", headers=HTML), AccessRefused, "have this machine put on its white list"),
        (
            Fault(status=401, body='{"error": "invalid_client"}', headers=JSON),
            AccessRefused,
            "does not know our",
        ),
        (
            Fault(status=400, body='{"error": "unsupported_grant_type"}', headers=JSON),
            AccessRefused,
            "GRANT to pass",
        ),
        (
            Fault(status=400, body='{"error": "unauthorized_client"}', headers=JSON),
            AccessRefused,
            "the grant client_cre",
        ),
        (
            Fault(status=400, body='{"error": ["sesame"]}', headers=JSON),
            AccessRefused,
            "(400); check FERRERO_DAM_CLIENT",
        ),
        (Fault(status=400, body='{"error": "our sesame"}', headers=JSON), AccessRefused, "refused our log-in (400);"),
        (Fault(status=503, headers=HTML), SystemUnavailable, "Logging in at 127.0.0.1: the DAM is unavailable (503)."),
        (Fault(drop_answer=True), SystemUnavailable, "Logging in at 127.0.0.1: the connection to DAM failed"),
    ],
)
def test_each_reason_why_there_is_no_token_has_its_sentence(served_dam, fault, error, words):
    served_dam.board.add(replace(fault, path="/token$", times=None))
    found = refusal(served_dam.url, served_dam.login)
    assert (type(found), words in str(found)) == (error, True), found
    assert str(found).endswith(".")


@in_the_customers
def test_a_grant_and_a_client_that_the_dam_does_not_know_are_told_apart(served_dam):
    by_password = replace(served_dam.login, grant="password", username="ferrero", password="nutella")
    assert "set FERRERO_DAM_GRANT to client_credentials" in str(refusal(served_dam.url, by_password))
    assert "_CLIENT_SECRET" in str(refusal(served_dam.url, replace(served_dam.login, client_secret="sesame")))
    assert "set FERRERO_DAM_TOKEN_URL where OTDS" in str(
        refusal(served_dam.url, replace(served_dam.login, token_url=""))
    )


@in_the_customers
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(status=403, body="<h1>No</h1>", headers=HTML), "the gateway before the DAM refuses us (403); have this"),
        (Fault(status=200, body="<h1>Hi</h1>", headers=HTML), "FERRERO_DAM_URL or FERRERO_DAM_API_PATH is wrong."),
        (Fault(status=404, body="<h1>No</h1>", headers=HTML), "FERRERO_DAM_URL or FERRERO_DAM_API_PATH is wrong."),
        (Fault(status=200, body='{"hello": 1}', headers=JSON), "not as OTMM does: correct FERRERO_DAM_URL or FERRERO_"),
    ],
)
def test_a_gateway_and_an_address_that_is_no_otmm_are_told_apart(served_dam, fault, words):
    served_dam.board.add(replace(fault, path="/rootfolders", times=None))
    assert words in str(refusal(served_dam.url, served_dam.login))


@in_the_customers
def test_another_api_path_is_asked_where_the_settings_say_so(served_dam):
    assert "FERRERO_DAM_API_PATH" in str(refusal(served_dam.url, served_dam.login, api_path="/gateway/api"))
    assert served_dam.board.requests(path="^/gateway/api/v6/folders/rootfolders$")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


def tls(authority, mode: ssl.VerifyMode) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue_pem("127.0.0.1"))
    context.load_verify_locations(authority.bundle)
    context.verify_mode = mode
    return context


@pytest.mark.parametrize(
    ("wanted", "offered", "gets_in"),
    [
        (ssl.CERT_NONE, True, True),
        (ssl.CERT_NONE, False, True),
        (ssl.CERT_REQUIRED, True, True),
        (ssl.CERT_REQUIRED, False, False),
    ],
)
def test_certificate_and_client_credentials_go_together(authority, wanted, offered, gets_in):
    certificate = ClientCertificate(path=authority.issue_pfx("us", "sesame"), password="sesame")
    with (
        answering(json(OAUTH2), tls=tls(authority, wanted)) as otds,
        answering(json(ROOTS), tls=tls(authority, ssl.CERT_REQUIRED)) as gateway,
    ):
        login = OAuthLogin(
            client_id="us",
            client_secret="kinder",
            grant="client_credentials",
            token_url=otds.url("https") + "/otdsws/oauth2/token",
            offers_certificate=offered,
        )
        options = {"certificate": certificate, "ca_bundle": authority.bundle}
        if not gets_in:
            assert "Logging in at 127.0.0.1" in str(refusal(gateway.url("https"), login, **options))
            return
        with closing(OtmmSession(gateway.url("https"), login=login, limits=QUICK, **options)) as session:
            Otmm(session, load_site().dam).check()
    assert b"Authorization: Bearer t1" in gateway.asked[0]
    assert otds.asked[0].startswith(b"POST /otdsws/oauth2/token")
