"""The five resources: who uses which, what Dagster shows of them, and that no run can point them elsewhere."""

import json

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value

from ferrero_dagster.config.settings import Settings
from ferrero_dagster.definitions import definitions
from ferrero_dagster.defs.failed_runs import failed_run
from ferrero_dagster.defs.resources import FIVE
from ferrero_dagster_tests.fix_dagster import resources

#: What every sensor, job and check works with.
USES = {
    "a1_campaigns": "dam tracking",
    "a5_campaigns": "dam tracking",
    "b1_campaigns": "dam tracking",
    "agency_files": "box tracking",
    "pending_notifications": "mail tracking webhook",
    "failed_runs": "tracking",
    "a1_to_a2": "box dam mail tracking webhook",
    "a5_to_a6": "box dam mail tracking webhook",
    "b1_to_b2": "box dam mail tracking webhook",
    "a2_to_a3": "box dam mail tracking webhook",
    "daily_report": "mail tracking webhook",
    "operations_status": "tracking",
    "reset_campaign_retries": "tracking",
    "release_set_aside_files": "tracking",
    "redeliver_files": "box dam mail tracking webhook",
    "withdraw_masters": "tracking",
    "advance_campaigns": "dam tracking webhook",
    "resend_notifications": "tracking",
    "reconcile": "box dam tracking",
    "audit": "box dam mail tracking webhook",
    "check_connections": "box dam mail tracking webhook",
    "all_files_there": "tracking",
    "no_refused_files": "tracking",
    "no_overdue_campaigns": "tracking",
    "audit_finds_nothing": "tracking",
    "report_was_sent": "tracking",
}
#: Settings of this project itself and of this machine, which no outside system needs.
OUR_OWN = {"site_config", "temp_dir", "sensors", "campaign_poll_seconds", "agency_poll_seconds", "dagster_url"}
SECRETS = {
    "DATABASE_URL": "postgresql://sesame-user:sesame-1@db.example:5437/ferrero_tracking?password=sesame-2",
    "DAM_URL": "https://sesame-3:sesame-4@dam.example/gateway?key=sesame-5",
    "DAM_CLIENT_SECRET": "sesame-6",
    "DAM_PASSWORD": "sesame-7",
    "DAM_PFX_PASSWORD": "sesame-8",
    "SMTP_PASSWORD": "sesame-9",
    "MAKE_WEBHOOK_URL": "https://sesame-10@hook.make.example/sesame-11",
}
OTHERS = {
    "BOX_CONFIG": "/etc/ferrero/Box-config.json",
    "BOX_FOLDER_AGENCY_UPLOADS": "4711",
    "SMTP_HOST": "smtp.example",
    "MAIL_FROM": "dagster@agency.example",
    "MAIL_TO": "team@agency.example, boss@agency.example",
    "MAIL_ERRORS_TO": "errors@agency.example",
}


@pytest.fixture
def repository_of_a_site(monkeypatch, tmp_path) -> dg.RepositoryDefinition:
    monkeypatch.chdir(tmp_path)
    for name, value in (SECRETS | OTHERS).items():
        monkeypatch.setenv(f"FERRERO_{name}", value)
    return definitions().get_repository_def()


def shown(repository):
    """What the page Resources shows: description and fields by name."""
    snaps = {snap.name: snap for snap in RepositorySnap.from_def(repository).resources or ()}
    return {
        name: (snap.resource_snapshot.description, {f: json.loads(str(v)) for f, v in snap.configured_values.items()})
        for name, snap in snaps.items()
        if snap.resource_type.startswith("ferrero_dagster")
    }


def test_everything_names_exactly_what_it_uses(repository):
    needed = {sensor.name: sensor.required_resource_keys for sensor in repository.sensor_defs}
    for job in repository.get_all_jobs():
        if not job.name.startswith("__"):
            needed[job.name] = set().union(*(node.definition.required_resource_keys for node in job.nodes))
    status = repository.asset_graph.get(dg.AssetKey(["operations", "status"]))
    needed["operations_status"] = status.assets_def.required_resource_keys
    for key, check in repository.asset_checks_defs_by_key.items():
        needed[key.name] = check.required_resource_keys
    assert {name: " ".join(sorted(keys & FIVE)) for name, keys in needed.items()} == USES


def test_each_says_what_it_is_where_it_points_and_what_it_reads(repository_of_a_site):
    found = shown(repository_of_a_site)
    assert set(found) == FIVE
    assert all(description and fields["reads"] for description, fields in found.values())
    fields = {name: {f: v for f, v in values.items() if f != "reads"} for name, (_, values) in found.items()}
    assert fields == {
        "dam": {"address": "https://dam.example/gateway", "log_in": "oauth2"},
        "box": {
            "address": "https://api.box.com",
            "log_in": "/etc/ferrero/Box-config.json",
            "folders": {"agency_uploads": "4711"},
            "uploads_per_minute": 240,
            "calls_per_minute": 1000,
        },
        "tracking": {"database_name": "ferrero_tracking at db.example:5437"},
        "mail": {
            "server": "smtp.example:587 (starttls)",
            "sender": "dagster@agency.example",
            "notifications": ["team@agency.example", "boss@agency.example"],
            "errors": ["errors@agency.example"],
        },
        "webhook": {"host": "hook.make.example"},
    }


def test_every_variable_is_read_by_a_resource_or_is_our_own(repository):
    read = [variable for _, fields in shown(repository).values() for variable in fields["reads"]]
    assert sorted(read) == sorted(f"FERRERO_{name.upper()}" for name in Settings.model_fields if name not in OUR_OWN)


def test_nothing_that_dagster_stores_of_the_definitions_holds_a_secret(repository_of_a_site):
    stored = serialize_value(RepositorySnap.from_def(repository_of_a_site, defer_snapshots=False))
    assert "hook.make.example" in stored
    assert "sesame" not in stored


def test_what_is_not_set_is_said_so(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FERRERO_{name.upper()}", raising=False)
    found = shown(definitions().get_repository_def())
    assert (found["dam"][1]["address"], found["tracking"][1]["database_name"]) == ("not set", "not set")
    assert (found["mail"][1]["server"], found["mail"][1]["errors"]) == ("not set", [])
    assert found["webhook"][1]["host"] == "not set"


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("dam", "address", "https://elsewhere.example"),
        ("box", "folders", {"agency_uploads": "0815"}),
        ("mail", "errors", []),
        ("webhook", "host", "elsewhere.example"),
    ],
)
def test_a_run_that_would_point_us_elsewhere_is_refused_before_anything_is_sent(cockpit, name, field, value):
    changed = resources()[name].model_dump() | {field: value}
    result = cockpit.repository.get_job("check_connections").execute_in_process(
        instance=cockpit.instance, run_config={"resources": {name: {"config": changed}}}, raise_on_error=False
    )
    assert not result.success
    assert failed_run(cockpit.instance, result.run_id).message == (
        "The run's configuration sets fields of a resource, which only show where it points: addresses come from the "
        "environment alone. Start the run without `resources` in its configuration."
    )
    assert cockpit.world.dam.board.requests() == []
