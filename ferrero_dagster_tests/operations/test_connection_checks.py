import re
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ferrero_dagster.config.routes import Routes
from ferrero_dagster.config.settings import load_settings
from ferrero_dagster.config.site import load_site
from ferrero_dagster.connections import Connections
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.operations.certificates import client_certificate_end, server_certificate_end
from ferrero_dagster.operations.connection_checks import check_connections, storage_finding
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.mailbox import Mailbox, MailServer
from ferrero_dagster.sandbox.otmm import OTDS_TOKEN_PATH
from ferrero_dagster.sandbox.otmm.metadata import field, scalar_value
from ferrero_dagster.sandbox.site import sandbox_site
from ferrero_dagster_tests.clients.certificates import Authority
from ferrero_dagster_tests.clients.wire import answering, ok
from ferrero_dagster_tests.fix_sandbox import JSON
from ferrero_dagster_tests.fix_world import A5

OUR_URL = "postgresql://ferrero:s3cret@db.example/tracking"


@pytest.fixture
def mailbox(tmp_path) -> Mailbox:
    return Mailbox(tmp_path / "mails")


@pytest.fixture
def connections(database_url, served_dam, served_box, mailbox, tmp_path) -> Iterator[Connections]:
    """Everything as it should be."""
    site = sandbox_site()
    for name, folder_id in site.box.ids.items():
        served_box.store.add_folder(parent_id="0", name=name, folder_id=folder_id)
    with MailServer(mailbox) as mail:
        settings = load_settings(
            database_url=database_url,
            temp_dir=tmp_path / "transit",
            dam_url=served_dam.url,
            dam_username=served_dam.login.username,
            dam_password=served_dam.login.password,
            dam_client_id="ferrero-dagster",
            dam_client_secret="kinder",
            dam_token_url=served_dam.login.token_url,
            box_config=served_box.config,
            box_api_url=served_box.url,
            box_upload_url=f"{served_box.url}/upload/api",
            box_oauth_url=f"{served_box.url}/oauth2",
            smtp_host="127.0.0.1",
            smtp_port=mail.port,
            smtp_security="none",
            mail_from="us@x.example",
            mail_to="you@x.example",
            mail_errors_to="you@x.example",
            make_webhook_url="https://hook.example/s3cret",
        )
        yield Connections(settings, site)


def failures(checks):
    return {(c.system, c.check): c.detail for c in checks if c.state == "failed"}


def test_where_all_is_well_every_check_says_so_or_why_it_was_skipped(connections, served_dam):
    checks = check_connections(connections)
    assert failures(checks) == {}
    skipped = {(c.system, c.check): c.detail for c in checks if c.state == "skipped"}
    assert skipped == {
        ("PostgreSQL", "scores table"): "there is no table creativex_scores (creativex.scores_table)",
        (
            "PostgreSQL",
            "people's edits",
        ): "there is no table override_metadata (overrides.table): nobody's edits are read",
        ("DAM", "server certificate"): "no https",
        ("DAM", "client certificate"): "not used",
        ("Dagster storage", "address"): "DAGSTER_PG_URL is not set",
        ("Dagster storage", "reachable"): "not tried",
    }
    details = {(c.system, c.check): c.detail for c in checks}
    assert details["Box", "folder local_masters"] == "348304357505 is “local_masters”"
    assert details["PostgreSQL", "messages"] == "0 waiting, 0 set aside"
    assert details["site configuration", "asset type overrides"] == (
        "EOL, LTD: only CreativeX fields are left out; ask the customer what else their rights need"
    )
    assert not served_dam.board.requests("HEAD"), "the time is that of answers to other calls"
    assert re.fullmatch(r"differs from the DAM's by \d+ s", details["DAM", "clock"])


def test_what_is_wrong_in_one_place_hides_nothing_elsewhere_and_names_who_must_act(connections, served_dam, served_box):
    served_box.store.delete_folder("348526703108", recursive=True)
    served_dam.board.add(Fault(path="/rootfolders", status=403, times=None))
    wrong = connections.settings.model_copy(update={"smtp_port": 1, "temp_dir": connections.settings.box_config})
    checks = check_connections(replace(connections, settings=wrong))
    found = failures(checks)
    assert set(found) == {
        ("DAM", "log-in"),
        ("Box", "folder agency_uploads"),
        ("SMTP", "log-in"),
        ("temporary directory", "writable"),
    }
    assert "Box folder 348526703108 does not exist" in found["Box", "folder agency_uploads"]
    assert {c.who_must_act for c in checks if c.system == "Box" and c.state == "failed"} == {"administrator"}
    assert {c.detail for c in checks if c.system == "DAM" and c.state == "skipped"} == {"not tried"}


def test_a_box_folder_without_id_is_told_and_the_others_are_looked_at(connections):
    settings = connections.settings.model_copy(update={"box_folder_agency_uploads": "348526703108"})
    found = failures(check_connections(Connections(settings, load_site())))
    assert set(found) == {("Box", "folder local_masters"), ("Box", "folder global_masters")}
    assert found["Box", "folder global_masters"].startswith("No id is set for the Box folder global_masters: set box.")


@pytest.mark.fault(64)
def test_addresses_that_the_mail_server_cannot_serve_are_found_without_sending_a_mail(connections, mailbox):
    mailbox.switches.smtputf8 = False
    mailbox.switches.refused.add("gone@x.example")
    wrong = connections.settings.model_copy(update={"mail_to": "zoë@x.example, Ann <a@x.example>, gone@x.example"})
    found = failures(check_connections(replace(connections, settings=wrong)))
    assert set(found) == {("SMTP", "addresses")}
    assert "gone@x.example: 550" in found["SMTP", "addresses"]
    assert "(no SMTPUTF8): zoë@x.example" in found["SMTP", "addresses"]
    sender = connections.settings.model_copy(update={"mail_from": "zoë@x.example"})
    assert "FERRERO_MAIL_FROM" in failures(check_connections(replace(connections, settings=sender)))["SMTP", "log-in"]
    assert mailbox.messages() == []


def searches(connections, **site):
    changed = connections.site.model_copy(update={"dam": connections.site.dam.model_copy(update=site)})
    checks = check_connections(replace(connections, site=changed))
    return {c.check.removeprefix("search "): (c.state, c.detail) for c in checks if c.check.startswith("search ")}


def test_each_route_tells_how_many_campaigns_its_search_finds(connections, served_dam):
    for number, status in enumerate(["A1", "A1", "A3"]):
        served_dam.store.add_campaign(name=f"{number}", number=f"C{number}", status=status, type="Local Adaptation")
    assert searches(connections) == {
        "a1_to_a2": ("ok", "2 of type Local Adaptation in A1"),
        "a5_to_a6": ("ok", "none of type Local Adaptation in A5; 3 of this type in A1, A3"),
        "b1_to_b2": (
            "ok",
            "none of type Global comm in B1; 0 of this type; folders of the DAM have statuses: A1 “A1 - Masters "
            "ready”, A3 “A3 - Finals delivered”; types: Local Adaptation",
        ),
    }


@pytest.mark.parametrize("dialect", ["customer"])
def test_each_route_tells_how_the_dam_writes_its_status_and_type(connections, served_dam):
    served_dam.store.add_campaign(name="Spring", number="C1", status="A1", type="Local Adaptation")
    otds = {"dam_token_url": f"{served_dam.url}{OTDS_TOKEN_PATH}", "dam_grant": "client_credentials"}
    found = searches(replace(connections, settings=connections.settings.model_copy(update=otds)))
    ids = "; the DAM's id of A1 is SCALING_1A; the DAM's id of Local Adaptation is LOCAL_ADAPTATION"
    assert found["a1_to_a2"] == ("ok", f"1 of type Local Adaptation in A1{ids}")
    assert "statuses: SCALING_1A “A1”; types: LOCAL_ADAPTATION “Local Adaptation”" in found["b1_to_b2"][1]


def test_a_status_field_that_no_campaign_has_is_found_before_the_first_look(connections, served_dam):
    served_dam.store.add_campaign(name="Spring", number="C1", status="A1", type="Local Adaptation")
    state, detail = searches(connections, status_field="FERRERO.FIELD.BRAND")["a1_to_a2"]
    assert state == "failed"
    assert "none of the 1 found of this type has a value in the field dam.status_field" in detail
    state, detail = searches(connections, status_field="NO.SUCH.FIELD")["a1_to_a2"]
    assert state == "failed"
    assert "dropped a condition; check dam.status_field" in detail


def comments(connections, *field_ids):
    row = replace(A5, comment_fields=field_ids)
    routes = Routes(tuple(row if one.name == A5.name else one for one in connections.site.routes.rows))
    checks = check_connections(replace(connections, site=connections.site.model_copy(update={"routes": routes})))
    return [(c.state, c.detail) for c in checks if c.check == "comments a5_to_a6"]


def test_fields_to_quote_that_the_dam_does_not_know_are_named(connections, served_dam):
    assert comments(connections) == []
    assert comments(connections, "NO.SUCH FIELD") == [
        ("ok", "the DAM's search does not know NO.SUCH FIELD, and there is no campaign of this type to look at")
    ]
    served_dam.store.add_campaign(name="Spring", number="C1", status="A1", type="Local Adaptation")
    assert comments(connections, "FERRERO.FIELD.CAMPAIGN_NUMBER", "NO.SUCH FIELD") == [
        (
            "failed",
            "The DAM's search does not know NO.SUCH FIELD, nor has any campaign of type Local Adaptation that was "
            "looked at, or an asset of it, such a field: correct routes.a5_to_a6.comment_fields, or the mail quotes "
            "nothing.",
        )
    ]
    assert comments(connections, "FERRERO.FIELD.CAMPAIGN_NUMBER")[0] == (
        "ok",
        "the DAM knows FERRERO.FIELD.CAMPAIGN_NUMBER",
    )


def test_a_field_that_is_not_indexed_is_found_on_an_asset(connections, served_dam):
    campaign_id = served_dam.store.add_campaign(
        name="Spring", number="C1", status="A1", type="Local Adaptation", folders={"01 Master Assets": None}
    )
    folder_id = served_dam.store.folder(campaign_id, "01 Master Assets")
    asset_id = served_dam.store.add_asset(folder_id, "Film.mp4", b"film")
    served_dam.store.write_fields(asset_id, [field("AGENCY.NOTE", scalar_value("louder"))])
    dropped = '{"search_result_resource": {"search_result": {"contains_invalid_conditions": true}}}'
    fault = Fault(path="/search/text", holding="AGENCY.NOTE", status=200, body=dropped, headers=JSON, times=None)
    served_dam.board.add(fault)
    assert comments(connections, "AGENCY.NOTE") == [("ok", "the DAM knows AGENCY.NOTE")]


def test_missing_settings_and_an_empty_database_are_failures_with_a_sentence(connections, empty_database_url):
    settings = load_settings(database_url=empty_database_url, box_config="nowhere.json")
    checks = check_connections(replace(connections, settings=settings))
    found = failures(checks)
    assert "db upgrade" in found["PostgreSQL", "schema"]
    assert "nowhere.json" in found["Box", "configuration"]
    assert "FERRERO_DAM_URL" in found["DAM", "log-in"]
    assert "FERRERO_SMTP_HOST" in found["SMTP", "log-in"]


def test_no_secret_is_ever_shown(connections):
    wrong = connections.settings.model_copy(update={"dam_username": "nobody", "smtp_port": 1})
    report = str(check_connections(replace(connections, settings=wrong)))
    config = connections.settings.box_config.read_text()
    assert not [secret for secret in ("s3cret", "nutella", "kinder", config[40:80]) if secret in report]


@pytest.mark.parametrize(
    ("dagster_url", "finding"),
    [
        ("postgresql+psycopg2://u:p@db.example:5432/tracking?options=-csearch_path%3Ddagster", "the schema dagster"),
        ("postgresql+psycopg2://u:p@db.example/dagster", "a database of its own"),
        ("postgresql+psycopg2://u:s3cret@db.example/tracking", "append ?options=-csearch_path%3Ddagster"),
        ("postgresql://u:s3cret@db.example/dagster", "a database of its own"),
        ("postgres://u:s3cret@db.example:5432/tracking", "append ?options=-csearch_path%3Ddagster"),
        ("s3cret", "is not an address"),
    ],
)
def test_dagsters_storage_must_not_mix_with_our_tables(dagster_url, finding):
    found = str(storage_finding(dagster_url, OUR_URL))
    assert finding in found
    assert "s3cret" not in found


def test_a_server_that_shows_nothing_is_no_error():
    assert server_certificate_end("https://127.0.0.1:1", None) is None


def test_the_end_of_certificates_is_read_from_the_server_and_from_our_own_file(tmp_path):
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue_pem("127.0.0.1"))
    with answering(ok(b""), tls=context) as wire:
        ends = server_certificate_end(wire.url("https"), authority.bundle)
    assert ends
    assert timedelta(0) < ends - datetime.now(timezone.utc) < timedelta(days=1)
    assert wire.asked == [b""], "nothing but the handshake"
    ours = client_certificate_end(authority.issue_pfx("us", "s3cret", days=40), "s3cret")
    assert (ours - datetime.now(timezone.utc)).days == 39
    with pytest.raises(ConfigurationError, match="FERRERO_DAM_PFX_PATH"):
        client_certificate_end(authority.issue_pfx("us", "s3cret", days=40), "wrong")
