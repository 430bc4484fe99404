"""Fifty campaigns at once, ten of them spoiled in ten ways: forty end as they should, and somebody is told of each."""

from pathlib import Path

import pytest
import yaml

from ferrero_dagster.operations.status import read_status
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.defs.test_spoiled_answers import changing, sized
from ferrero_dagster_tests.fix_sandbox import JSON, REFUSAL

#: Raises at whatever is written of one campaign, as no code of ours expects.
TRIGGER = """
CREATE FUNCTION no_such_luck() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'password=s3cret'; END $$;
CREATE TRIGGER no_such_luck BEFORE INSERT OR UPDATE ON {table}
FOR EACH ROW WHEN (new.campaign_id = 'YOUR_CAMPAIGN_ID') EXECUTE FUNCTION no_such_luck();
"""


def spoil(world):
    """Ten campaigns, each spoiled in its own way, by what is wrong with it."""
    board = world.dam.board

    def with_fault(name, path, **fault):
        campaign_id = world.campaign({"a.png": b"a"}, name=name)
        board.add(Fault(path=path.format(campaign_id), times=None, **fault))
        return campaign_id

    spoiled = {
        "no folder": world.campaign({}, name="no folder", folders=()),
        "empty file": world.campaign({"a.png": b"a", "b.png": b""}, name="empty file"),
        "folder twice": world.campaign({"a.png": b"a"}, name="folder twice"),
        "refused": with_fault("refused", "/folders/{}$", status=400, body=REFUSAL, headers=JSON),
        "no room": world.campaign({"a.png": b"a"}, name="no room"),
        "other bytes": world.campaign({"d.png": b"four"}, name="other bytes"),
        "status stays": with_fault("status stays", "/folders/{}$", method="PATCH", status=400),
        "download": world.campaign({"c.png": b"c"}, name="download"),
        "bug in the look": world.campaign({"a.png": b"a"}, name="bug in the look"),
        "bug in the run": world.campaign({"a.png": b"a"}, name="bug in the run"),
    }
    world.dam.store.add_folder(spoiled["folder twice"], "Master Assets")
    world.box.store.put_file(world.systems.box_folders["local_masters"], "C000000005-no_room", b"a file, no folder")
    for name, status in {"download": 400, "other bytes": 200}.items():
        [asset] = world.dam.store.assets(world.dam.store.folder(spoiled[name], "01 Master Assets"))
        board.add(Fault(path=f"/assets/{asset.id}/contents$", times=None, status=status, body="?"))
    world.sql(TRIGGER.format(table="campaign_rounds"), of=spoiled["bug in the look"])
    world.sql(TRIGGER.format(table="transfers").replace("no_such_luck", "no_luck_either"), of=spoiled["bug in the run"])
    return spoiled


@pytest.mark.fault(58)
def test_of_fifty_campaigns_ten_are_spoiled_in_ten_ways_and_forty_end_as_they_should(cockpit, tmp_path):
    world, site = cockpit.world, Path(tmp_path / "site.yaml")
    changed = {**yaml.safe_load(site.read_text()), "campaigns": {"per_tick": 50, "digest_weekday": None}}
    site.write_text(yaml.safe_dump(changed))
    spoiled = spoil(world)
    healthy = [world.campaign({"a.png": b"a%d" % number}, name=f"healthy {number}") for number in range(40)]
    assert len(cockpit.tick().run_requests) == 48
    assert [world.dam.store.status(campaign_id) for campaign_id in healthy] == ["A2"] * 40
    assert [world.dam.store.status(campaign_id) for campaign_id in spoiled.values()] == ["A1"] * 10
    job = cockpit.repository.get_job("reconcile")
    assert job.execute_in_process(instance=cockpit.instance, raise_on_error=False).success
    told = told_of(cockpit)
    # One of each, also of the run whose failure no mail of its own tells.
    assert len(told) == 10, [mail.subject for mail in told]
    assert "s3cret" not in "".join(mail.text + mail.html + mail.subject for mail in told)
    assert {(row["about"].partition(" ")[2], row["times"]) for row in unforeseen(world)} == {
        ("bug in the look", 1),
        ("bug in the run", 1),
    }
    assert {row["reference"] in told_text(told) for row in unforeseen(world)} == {True}
    world.sql("DROP TRIGGER no_such_luck ON campaign_rounds", "DROP TRIGGER no_luck_either ON transfers")
    world.sql("UPDATE unforeseen_errors SET last_at = last_at - interval '3 min'")
    cockpit.later(3)
    cockpit.tick()
    assert {world.dam.store.status(spoiled[name]) for name in ("bug in the look", "bug in the run")} == {"A2"}
    assert unforeseen(world) == []


def unforeseen(world):
    return read_status(world.database, world.systems.site).unforeseen_errors


def told_of(cockpit):
    """The mails that the error list has."""
    cockpit.preview("pending_notifications")
    return [mail for mail in cockpit.mailbox.messages() if mail.recipients == ("errors@agency.example",)]


def told_text(mails):
    return "".join(mail.text for mail in mails)


@pytest.mark.fault(57)
def test_an_asset_that_only_the_run_sees_is_told_by_name_once_and_its_campaign_waits_behind_the_others(
    cockpit, tmp_path
):
    world, site = cockpit.world, Path(tmp_path / "site.yaml")
    changed = {**yaml.safe_load(site.read_text()), "dam": {"listing_page_size": 1}, "campaigns": {"per_tick": 1}}
    site.write_text(yaml.safe_dump(changed))
    spoiled = world.campaign({"a.png": b"a", "b.png": b"b"}, name="A spoiled")
    healthy = [world.campaign({"a.png": b"a"}, name=f"B healthy {number}") for number in range(3)]
    world.dam.board.add(changing({"b.png": sized("1,234")}))
    for _ in range(6):
        cockpit.tick()
        cockpit.later()
    assert [world.dam.store.status(id_) for id_ in (spoiled, *healthy)] == ["A1", "A2", "A2", "A2"]
    job = cockpit.repository.get_job("reconcile")
    assert job.execute_in_process(instance=cockpit.instance, raise_on_error=False).success
    told = [mail for mail in told_of(cockpit) if "b.png" in mail.text]
    assert len(told) == 1
    assert "A spoiled" in told[0].text
    assert "b.png comes with '1,234' as content_size" in told[0].text
