"""People want files once more: by the form in Dagster, by the command line."""

import json

from click.testing import CliRunner

from ferrero_dagster.cli import main
from ferrero_dagster_tests.fix_world import ASSETS, sha1

WHOLE = sorted(sha1(content) for content in ASSETS.values())


def deleted(cockpit):
    """A campaign whose masters went to Box by themselves, and were all deleted there."""
    campaign_id = cockpit.world.campaign()
    cockpit.tick()
    for (file_id,) in cockpit.world.sql("SELECT target_id FROM transfers"):
        cockpit.world.box.store.delete(file_id)
    return campaign_id


def redeliver(cockpit, **form):
    job = cockpit.repository.get_job("redeliver_files")
    values = {"done_by": "Maria Rossi", **form}
    return job.execute_in_process(
        run_config={"ops": {"redeliver": {"config": values}}}, instance=cockpit.instance, raise_on_error=False
    )


def shown(result):
    [event] = [event for event in result.all_events if event.is_successful_output]
    told = event.step_output_data.metadata
    return [record.data["result"] for record in told["files"].records], told["result"].value


def contents(cockpit):
    return sorted(cockpit.world.box.store.tree().values())


def test_the_form_shows_first_and_delivers_when_told_so(cockpit):
    deleted(cockpit)
    results, told = shown(redeliver(cockpit, campaigns=["C000000001"]))
    assert (set(results), told) == ({"To be delivered again."}, "3 files looked at; this was a dry run.")
    assert contents(cockpit) == []
    results, _ = shown(redeliver(cockpit, campaigns=["C000000001"], dry_run=False))
    assert all(result.startswith("Delivered as ") for result in results)
    assert contents(cockpit) == WHOLE
    assert set(cockpit.world.sql("SELECT done_by, run_id IS NOT NULL FROM operations")) == {("Maria Rossi", True)}


def test_a_redelivery_that_could_not_have_all_is_red_with_the_table(cockpit):
    campaign_id = deleted(cockpit)
    store = cockpit.world.dam.store
    asset = store.assets(store.folder(campaign_id, "01 Master Assets"))[0]
    store.delete(asset.id)
    result = redeliver(cockpit, campaigns=[campaign_id], dry_run=False)
    assert not result.success
    [event] = result.filter_events(lambda event: event.is_step_failure)
    failure = event.step_failure_data.user_failure_data
    assert failure.description.endswith("Not to be had: 1, see why.")
    assert len(failure.metadata["files"].records) == len(ASSETS)
    assert len(contents(cockpit)) == len(ASSETS) - 1


def test_the_command_line_does_the_same(cockpit):
    deleted(cockpit)

    def call(*arguments):
        return CliRunner().invoke(main, ["redeliver", *arguments], env={"COLUMNS": "250"}, catch_exceptions=False)

    looked = call("--campaign", "C000000001")
    assert (looked.exit_code, "To be delivered again." in looked.output) == (0, True)
    assert "3 files looked at; this was a dry run. Add --yes to do it." in looked.output
    done = call("--campaign", "C000000001", "--by", "Maria", "--yes", "--json")
    assert done.exit_code == 0
    assert [file["is_refused"] for file in json.loads(done.stdout)["files"]] == [False] * len(ASSETS)
    assert contents(cockpit) == WHOLE
    refused = call("--tracking-id", "NOBODY")
    sentence = "No master with tracking ID NOBODY was delivered. Nothing was changed."
    assert (refused.exit_code, refused.stderr) == (1, f"ferrero-dagster: {sentence}\n")
