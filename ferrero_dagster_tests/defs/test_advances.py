"""People advance a campaign: by the form in Dagster, by the command line; ticks, status page and checks until then."""

import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from ferrero_dagster.cli import main
from ferrero_dagster.defs.ageing import build_ageing_checks
from ferrero_dagster.defs.status import status_metadata
from ferrero_dagster_tests.fix_dagster import Cockpit, resources
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name


@pytest.fixture
def people(cockpit: Cockpit, tmp_path) -> Cockpit:
    """The cockpit of a site where people set the status."""
    cockpit.world.dam.settings.job_polls = 0
    path = tmp_path / "site.yaml"
    site = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**site, "agency": {"advance_when_complete": False, "settle_looks": 1}}))
    return cockpit


def arrived(people: Cockpit) -> str:
    agency = Agency(people.world)
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    people.tick("agency_files")
    people.tick("agency_files")
    return campaign_id


def tracking() -> Any:
    return resources()["tracking"]


def status_page() -> dict[str, Any]:
    return {name: value.value for name, value in status_metadata(tracking()).items()}


def advance(people: Cockpit, **form):
    job = people.repository.get_job("advance_campaigns")
    values = {"done_by": "Maria Rossi", **form}
    return job.execute_in_process(
        run_config={"ops": {"advance": {"config": values}}}, instance=people.instance, raise_on_error=False
    )


def shown(result):
    [event] = [event for event in result.all_events if event.is_successful_output]
    table = event.step_output_data.metadata["campaigns"]
    return [record.data for record in table.records], event.step_output_data.metadata["result"].value


def test_the_form_shows_first_and_advances_when_told_so_and_the_status_page_says_who_is_ready(people):
    campaign_id = arrived(people)
    store = people.world.dam.store
    assert status_page()["number of campaigns ready to be advanced"] == 1
    assert "AAA001\\): DE de" in status_page()["campaigns ready to be advanced"]
    assert people.preview("agency_files").run_requests == []
    [row], result = shown(advance(people, campaigns=["C000000001"]))
    assert (row["status"], result) == ("A2, then A3", "1 campaign would be advanced; this was a dry run.")
    assert store.status(campaign_id) == "A2"
    assert advance(people, campaigns=["C000000001"], dry_run=False).success
    assert store.status(campaign_id) == "A3"
    assert status_page()["number of campaigns ready to be advanced"] == 0
    assert people.world.sql("SELECT done_by, run_id IS NOT NULL FROM operations") == [("Maria Rossi", True)]


def test_a_run_that_left_a_campaign_as_it_is_is_red_with_the_table_and_advances_the_others(people):
    campaign_id = arrived(people)
    result = advance(people, campaigns=["C9", campaign_id], dry_run=False)
    assert not result.success
    [event] = result.filter_events(lambda event: event.is_step_failure)
    failure = event.step_failure_data.user_failure_data
    assert failure.description == "1 campaign advanced. Left as they are: 1, see why."
    assert len(failure.metadata["campaigns"].records) == 2
    assert people.world.dam.store.status(campaign_id) == "A3"


def test_the_command_line_does_the_same(people):
    campaign_id = arrived(people)

    def call(*arguments):
        return CliRunner().invoke(main, ["advance", *arguments], env={"COLUMNS": "250"}, catch_exceptions=False)

    looked = call("C000000001")
    assert (looked.exit_code, "To be advanced from A2 to A3." in looked.output) == (0, True)
    assert "1 campaign would be advanced; this was a dry run. Add --yes to do it." in looked.output
    done = call("C000000001", "no such one", "--by", "Maria", "--yes", "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)["campaigns"]
    assert [campaign["is_refused"] for campaign in told] == [False, True]
    assert people.world.dam.store.status(campaign_id) == "A3"


def test_a_campaign_over_its_time_that_is_ready_is_called_ready_not_held_up(people):
    arrived(people)
    people.world.sql("UPDATE campaign_status SET status_since = now() - interval '40 days'")
    [check, *_] = build_ageing_checks(people.world.systems.site.routes.masters)
    result: Any = check(tracking())
    table = result.metadata["campaigns"].value
    assert "every master has a final: advance_campaigns" in table
    assert "held up" not in table
