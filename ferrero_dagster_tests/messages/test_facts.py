"""Facts: safe to store whatever the outside sends, restored as they were, and told to Make.com."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ferrero_dagster.domain.lines import LINE_LIMIT
from ferrero_dagster.messages.facts import (
    CampaignComplete,
    CampaignRef,
    DailyReport,
    Fact,
    FinalsComplete,
    MovedFile,
    NoAssetsWarning,
    PermanentlyFailed,
    UploadFailed,
    fact_from_json,
    webhook_body,
)
from ferrero_dagster.messages.rendering import render
from ferrero_dagster.sandbox.gallery.mails import CONTEXT, LINKS, gallery
from ferrero_dagster.sandbox.gallery.reports import report_of
from ferrero_dagster_tests.fix_world import ROUTES

CAMPAIGN = CampaignRef(id="ea0dbf", number="C000000078", name="Local adaptation test 2")
ANY_TEXT = st.text(st.characters(), max_size=600)


def test_every_fact_survives_the_outbox():
    for title, fact in gallery().items():
        assert fact_from_json(fact.model_dump_json()) == fact, title
        assert fact_from_json(fact.model_dump(mode="json")) == fact, title


@given(ANY_TEXT)
def test_any_text_becomes_one_line_that_postgresql_takes(text):
    stored = CampaignRef(id="1", number=None, name=text).model_dump_json()
    name = CampaignRef.model_validate_json(stored).name
    assert "\\u0000" not in stored
    assert len(name) <= LINE_LIMIT
    assert len(name.splitlines()) <= 1


def test_a_campaign_without_a_name_is_called_by_its_number_or_id():
    assert CampaignRef(id="ea0dbf", number="C000000078", name=" ").shown_name == "C000000078"
    assert CampaignRef(id="ea0dbf", number=None, name="").shown_name == "ea0dbf"


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValidationError, match="kind"):
        fact_from_json({"kind": "birthday"})


def test_the_templates_of_the_specification_are_all_there():
    endings = ("complete", "partial", "no_assets_warning", "no_assets_retry", "permanently_failed")
    wanted = {f"{route.name}_{ending}" for route in ROUTES.masters for ending in endings}
    of_finals = ("file_uploaded", "upload_failed", "complete")
    wanted |= {f"{route.name}_{ending}" for route in ROUTES.finals for ending in of_finals}
    assert {fact.template for fact in gallery().values()} == wanted | {
        "workflow_error",
        "late_score",
        "stuck_campaigns",
        "daily_report",
    }


def test_only_successes_go_to_the_notification_list():
    successes = {fact.template for fact in gallery().values() if fact.audience == "notifications"}
    complete = {f"{route.name}_complete" for route in ROUTES.masters}
    assert successes == complete | {"a2_to_a3_file_uploaded", "a2_to_a3_complete", "late_score", "daily_report"}


def test_a_report_that_needs_somebody_goes_to_those_who_act_too():
    quiet = report_of("Quiet", 0)
    busy = quiet.model_copy(update={"needs_total": 1})
    assert (DailyReport(report=quiet).audience, DailyReport(report=busy).audience) == ("notifications", "everybody")


def test_a_route_is_taken_from_the_table_of_routes():
    fact = NoAssetsWarning(route=ROUTES.masters[2], campaign=CAMPAIGN, polls=20, source_folder="05 Final Assets")
    assert (fact.template, fact.route.status_after) == ("b1_to_b2_no_assets_warning", "B2")


def test_a_second_way_back_has_templates_and_statuses_of_its_own():
    route = replace(ROUTES.finals[0], name="c2_to_c3", status_before="C2", status_after="C3")
    facts: list[Fact] = [
        FinalsComplete(route=route, campaign=CAMPAIGN, files=()),
        UploadFailed(route=route, file_name="a.mp4", box_file_id="7", reason="No tracking ID."),
    ]
    assert [fact.template for fact in facts] == ["c2_to_c3_complete", "c2_to_c3_upload_failed"]
    mail = render(facts[0], CONTEXT)
    assert "campaign now in C3" in mail.subject
    assert "Status: C2 → C3" in mail.text
    assert "A3" not in mail.html + mail.text


def test_make_com_gets_the_campaign_the_change_and_the_assets():
    file = MovedFile(
        name="a.mp4", stored_name="a_ABC123.mp4", tracking_id="ABC123", size_bytes=5, dam_asset_id="0a", box_file_id="7"
    )
    fact = CampaignComplete(route=ROUTES.masters[0], campaign=CAMPAIGN, files=[file], box_folder_id=None)
    assert webhook_body(fact, datetime(2026, 4, 28, 12, tzinfo=timezone.utc), LINKS) == {
        "event": "a1_to_a2_complete",
        "campaign_id": "ea0dbf",
        "campaign_number": "C000000078",
        "campaign_name": "Local adaptation test 2",
        "status_before": "A1",
        "status_after": "A2",
        "timestamp": "2026-04-28T12:00:00+00:00",
        "assets": [
            {
                "name": "a.mp4",
                "stored_name": "a_ABC123.mp4",
                "tracking_id": "ABC123",
                "size_bytes": 5,
                "dam_url": LINKS.asset("0a"),
                "box_url": "https://app.box.com/file/7",
            }
        ],
    }


def test_make_com_hears_that_a_failed_campaign_keeps_its_status():
    fact = PermanentlyFailed(
        route=ROUTES.masters[0], campaign=CAMPAIGN, attempts=3, reason="No folder", reset_sql="", reset_command=""
    )
    body = webhook_body(fact, datetime(2026, 4, 28, 12, tzinfo=timezone.utc), LINKS)
    assert (body["status_after"], body["reason"], body["assets"]) == ("A1", "No folder", [])
