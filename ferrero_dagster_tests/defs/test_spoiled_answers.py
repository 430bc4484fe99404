"""What DAM and Box may answer, sensor tick by sensor tick: a healthy campaign beside each kind reaches its end."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.postgres import EmbeddedPostgres
from ferrero_dagster_tests.fix_dagster import Cockpit
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name

Change = Callable[[dict[str, Any]], object]

RAW = {
    '"DEEP"': '{"value": ' * 3000 + "1" + "}" * 3000,
    '"DEEP 900"': '{"value": ' * 900 + "1" + "}" * 900,
    '"NAN"': "NaN",
    '"HUGE"': "1e400",
}
BROKEN = "\N{REPLACEMENT CHARACTER}"


def changing(changes: dict[str, Change]) -> Fault:
    """Every answer from now on, with these changes of whatever has these names."""

    def rewrite(body: bytes) -> bytes:
        try:
            answer = json.loads(body)
        except ValueError:
            return body
        pending = [answer]
        while pending:
            node = pending.pop()
            if isinstance(node, dict):
                pending.extend(node.values())
                changes.get(str(node.get("name")), lambda _: None)(node)
            elif isinstance(node, list):
                pending.extend(node)
        text = json.dumps(answer)
        for word, raw in RAW.items():
            text = text.replace(word, raw)
        return text.encode()

    return Fault(times=None, rewrite=rewrite)


def sized(value: Any) -> Change:
    return lambda node: node.setdefault("master_content_info", {}).update(content_size=value)


def with_(**values: Any) -> Change:
    return lambda node: node.update(values)


def with_number(value: Any) -> Change:
    """The asset with a further field, wherever it has metadata."""
    node = {"id": "SITE.ODD", "type": "com.artesia.metadata.MetadataField", "value": {"value": {"value": value}}}
    return lambda asset: "metadata" in asset and asset["metadata"]["metadata_element_list"].append(node)


TOLD: dict[str, Change] = {
    "empty size": sized(""),
    "size with a comma": sized("1,234"),
    "size with a fraction": sized(5261334937.6),
    "size that is a list": sized([1]),
    "size below zero": sized(-1),
    "size beyond all": sized(10**30),
    "content that is text": with_(master_content_info="6"),
    "content that is a list": with_(master_content_info=[]),
    "name that is a list": with_(name=["a"]),
    "flag of a third kind": with_(deleted="perhaps"),
    "asset without id": lambda node: node.pop("asset_id", None),
    "asset with a path as id": with_(asset_id="../../x"),
}
TOLD_CAMPAIGNS: dict[str, Change] = {
    "campaign with text as metadata": with_(metadata="none"),
    "campaign whose name is an object": lambda node: node.update(name={"a": 1}),
}
FAIL_ALONE: dict[str, Change] = {
    "metadata 900 levels deep": lambda node: "metadata" in node and node.update(metadata="DEEP 900"),
    "metadata 3000 levels deep": lambda node: "metadata" in node and node.update(metadata="DEEP"),
}
READ: dict[str, Change] = {
    "size as text": lambda node: "content_size" in node and node.update(content_size=str(node["content_size"])),
    "NaN": with_number("NAN"),
    "1e400": with_number("HUGE"),
}


@pytest.mark.fault(57, 59)
def test_a_healthy_campaign_reaches_its_end_beside_each_kind_of_spoiled_one(cockpit: Cockpit) -> None:
    world, changes = cockpit.world, {}
    ids = {}
    for kind, change in (TOLD | FAIL_ALONE | READ).items():
        ids[kind] = world.campaign({f"{kind}.png": b"x", "other.png": b"y"}, name=f"A {kind}")
        changes[f"{kind}.png"] = change
    for kind, change in TOLD_CAMPAIGNS.items():
        ids[kind] = world.campaign(name=f"A {kind}")
        changes[f"A {kind}"] = change
    deep = world.campaign(name="A deep hit")
    changes["A deep hit"] = with_(more="DEEP")
    nameless = world.campaign(name="A nameless hit")
    changes["A nameless hit"] = lambda node: node.pop("asset_id", None)
    healthy = world.campaign(name="Z healthy")
    world.dam.board.add(changing(changes))
    for _ in range(10):
        cockpit.tick()
        cockpit.later()
    store = world.dam.store
    assert [store.status(id_) for id_ in (healthy, deep, *(ids[kind] for kind in READ))] == ["A2"] * 5
    told = {str(line) for (line,) in world.sql("SELECT fact->>'headline' FROM notifications WHERE fact ? 'headline'")}
    for kind in (*TOLD, "campaign with text as metadata"):
        headline = f"A {kind} cannot be read in the DAM"
        assert sum(line.endswith(headline) for line in told) == 1, kind
    assert store.status(ids["empty size"]) == "A1"
    assert any("something that cannot be read" in line for line in told)
    assert store.status(nameless) == "A1"
    partial = [
        (name, reason)
        for (fact,) in world.sql("SELECT fact FROM notifications WHERE template = 'a1_to_a2_partial'")
        for name, reason in ((one["name"], one["reason"]) for one in fact["failed"])
    ]
    assert sorted(name for name, _ in partial) == sorted(f"{kind}.png" for kind in FAIL_ALONE)
    assert all("nested more than 100 levels deep" in reason for _, reason in partial)


@pytest.fixture
def on_postgres(cockpit: Cockpit, postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Cockpit]:
    """Dagster's own storage in PostgreSQL, as in production."""
    (tmp_path / "home").mkdir()
    url = postgres.url("dagster_texts").replace("postgresql://", "postgresql+psycopg2://")
    storage = {"postgres": {"postgres_url": url}}
    with dg.DagsterInstance.local_temp(str(tmp_path / "home"), overrides={"storage": storage}) as instance:
        yield replace(cockpit, instance=instance)
    postgres.drop("dagster_texts")


def broken_texts(body: bytes) -> bytes:
    return body.replace(b"NULL", rb"\u0000").replace(b"HALF", rb"\ud83d").replace(b"ODDNUMBER", b"C1\\u0000")


@pytest.mark.fault(59)
def test_texts_that_postgresql_refuses_move_a_campaign_all_the_way_through_dagster_s_own_tables(
    on_postgres: Cockpit,
) -> None:
    cockpit, world = on_postgres, on_postgres.world
    campaign_id = world.campaign({"film NULL HALF.mp4": b"film"}, name="Spring NULL HALF", number="ODDNUMBER")
    world.dam.board.add(Fault(times=None, rewrite=broken_texts))
    cockpit.tick()
    assert world.dam.store.status(campaign_id) == "A2"
    [run] = cockpit.instance.get_runs()
    assert run.tags["ferrero/campaign_name"] == f"Spring {BROKEN} {BROKEN}"
    assert run.tags["ferrero/campaign_number"] == f"C1{BROKEN}"
    assert cockpit.instance.get_dynamic_partitions("campaigns") == [f"C1{BROKEN} Spring {BROKEN} {BROKEN}"]
    assert any(f"film {BROKEN} {BROKEN}" in str(entry) for entry in cockpit.instance.all_logs(run.run_id))
    cockpit.preview("pending_notifications")
    assert any(f"Spring {BROKEN} {BROKEN}" in subject for subject in cockpit.subjects())


@pytest.mark.fault(57, 59)
def test_a_spoiled_entry_of_the_agency_s_folder_is_refused_once_and_the_others_arrive(cockpit: Cockpit) -> None:
    agency = Agency(cockpit.world)
    cockpit.world.dam.settings.job_polls = 0
    campaign_id = agency.campaign("AAA001")
    entries: dict[str, Change] = {
        "size list.mp4": with_(size=[1]),
        "deep.mp4": with_(size="DEEP"),
        "no id.mp4": with_(id=None),
        "odd hash.mp4": with_(sha1={}),
    }
    for name in (*entries, final_name("AAA001")):
        agency.deliver(name)
    good = with_(metadata={"enterprise": {"ferrerodammetadata": {"creativexScore": "NAN", "creativexUrl": "DEEP"}}})
    cockpit.world.box.board.add(changing(entries | {final_name("AAA001"): good}))
    for _ in range(4):
        cockpit.tick("agency_files")
    assert len(agency.assets(campaign_id)) == 1
    refused = cockpit.world.sql("SELECT count(*) FROM notifications WHERE template = 'a2_to_a3_upload_failed'")
    assert refused == [(len(entries),)]


@pytest.mark.fault(63)
def test_a_link_in_the_agency_s_folder_is_refused_by_name_once_and_never_becomes_a_final(cockpit: Cockpit) -> None:
    agency = Agency(cockpit.world)
    cockpit.world.dam.settings.job_polls = 0
    campaign_id = agency.campaign("AAA001", "AAA002")
    link = final_name("AAA001")
    for name in (link, final_name("AAA002")):
        agency.deliver(name)
    cockpit.world.box.board.add(changing({link: with_(type="web_link")}))
    for _ in range(4):
        cockpit.tick("agency_files")
    assert len(agency.assets(campaign_id)) == 1
    [(told,)] = cockpit.world.sql("SELECT fact::text FROM notifications WHERE template = 'a2_to_a3_upload_failed'")
    assert "It is a link and no file" in told
    assert link in told
