"""Folders dropped into the agency's folder: what lies in them is not looked at, which is told once."""

import pytest

from ferrero_dagster.messages.facts import fact_from_json
from ferrero_dagster.messages.rendering import render
from ferrero_dagster.operations.status import read_status
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.gallery.mails import CONTEXT
from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.fix_world import AGENCY_FOLDER
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name

ONE, TWO = final_name("AAA001"), final_name("AAA002")


@pytest.fixture
def folder(agency: Agency) -> str:
    """`Week 12` with one correct film, and one more in a folder inside it."""
    store = agency.world.box.store
    week = store.add_folder(parent_id=AGENCY_FOLDER, name="Week 12")
    store.put_file(week, ONE, b"one")
    store.put_file(store.add_folder(parent_id=week, name="DE"), TWO, b"two")
    return week


def told(agency: Agency) -> list[dict[str, str]]:
    """Names and reasons in each mail."""
    return [dict(fact["details"][1:]) for fact in agency.sql("SELECT fact FROM notifications ORDER BY id")]


def listed(agency: Agency) -> dict[str, str]:
    """What the status page has of refused files."""
    rows = read_status(agency.world.database, agency.world.systems.site).refused_files
    return {str(row["file"]): str(row["reason"]) for row in rows}


@pytest.mark.fault(79)
def test_a_folder_with_films_is_told_once_with_their_number_and_other_files_go_on(agency, folder):
    campaign_id = agency.campaign("AAA003")
    agency.deliver(final_name("AAA003"))
    look = agency.settled_look()
    assert (look.counts, agency.starts(look)) == ({"ready": 1, "refused": 1}, {campaign_id: 1})
    [mail] = told(agency)
    assert mail["Week 12"].startswith("This folder holds 2 files that nobody looks at: ")
    assert listed(agency) == mail
    for _ in range(3):
        agency.look()
    assert len(told(agency)) == 1


@pytest.mark.fault(79)
def test_a_folder_that_was_told_is_counted_anew_only_when_it_changes_and_not_told_again(agency, folder):
    agency.settled_look()
    board = agency.world.box.board
    before = len(board.requests(path=f"/folders/{folder}/items"))
    agency.look()
    assert seen(agency.world.box, path=f"/folders/{folder}/items", times=before)
    agency.world.box.store.put_file(folder, "three.mp4", b"three")
    agency.look()
    assert "holds 3 files" in listed(agency)["Week 12"]
    assert len(told(agency)) == 1


@pytest.mark.fault(79)
def test_a_box_that_says_no_sizes_of_folders_is_asked_for_the_number_each_time(agency, folder, monkeypatch):
    from ferrero_dagster.sandbox.box.answers import Answers

    monkeypatch.setattr(Answers, "_size_below", lambda *_: 0)
    agency.settled_look()
    agency.world.box.store.put_file(folder, "three.mp4", b"three")
    agency.look()
    assert "holds 3 files" in listed(agency)["Week 12"]
    assert len(told(agency)) == 1


@pytest.mark.fault(79)
def test_a_folder_is_the_same_under_another_name_and_another_one_under_the_same_name(agency, folder):
    agency.settled_look()
    store = agency.world.box.store
    store.rename_folder(folder, "Week 13")
    agency.settled_look()
    assert ([*listed(agency)], len(told(agency))) == (["Week 13"], 1)
    store.delete_folder(folder, recursive=True)
    agency.look()
    store.put_file(store.add_folder(parent_id=AGENCY_FOLDER, name="Week 13"), ONE, b"one")
    agency.settled_look()
    assert [mail["Week 13" if "Week 13" in mail else "Week 12"][:24] for mail in told(agency)] == [
        "This folder holds 2 file",
        "This folder holds 1 file",
    ]


@pytest.mark.fault(79)
@pytest.mark.parametrize("way", ["emptied", "deleted", "renamed to be hidden"])
def test_a_folder_that_is_gone_or_empty_is_forgotten(agency, folder, way):
    agency.settled_look()
    store = agency.world.box.store
    if way == "deleted":
        store.delete_folder(folder, recursive=True)
    for item in store.items(folder) if way == "emptied" else []:
        (store.delete if item.type == "file" else lambda id_: store.delete_folder(id_, recursive=True))(item.id)
    if way == "renamed to be hidden":
        store.rename_folder(folder, ".Week 12")
    assert agency.look().counts == {}
    assert listed(agency) == {}


@pytest.mark.fault(79)
def test_empty_hidden_and_our_own_folders_make_no_noise(agency):
    store = agency.world.box.store
    store.add_folder(parent_id=store.add_folder(parent_id=AGENCY_FOLDER, name="Empty"), name="Empty, too")
    store.put_file(store.add_folder(parent_id=AGENCY_FOLDER, name="Only hidden"), ".DS_Store", b"hidden")
    store.put_file(store.add_folder(parent_id=AGENCY_FOLDER, name=".trash"), ONE, b"one")
    ours = store.add_folder(parent_id=AGENCY_FOLDER, name="C000000001-Spring")
    store.put_file(ours, ONE, b"one")
    moved = store.add_folder(parent_id=store.add_folder(parent_id=AGENCY_FOLDER, name="Old"), name="C000000002-Summer")
    store.put_file(moved, ONE, b"one")
    campaign_id = agency.campaign("AAA001")
    for number, folder_id in enumerate((ours, moved), start=1):
        agency.sql(
            "INSERT INTO campaign_rounds (route, campaign_id, round, box_folder_id) "
            f"VALUES ('route {number}', '{campaign_id}', 1, '{folder_id}') RETURNING 1"
        )
    assert agency.settled_look().counts == {}
    assert told(agency) == []


@pytest.mark.fault(79)
def test_hundreds_of_folders_at_once_are_one_mail_and_a_look_counts_a_few_of_them(agency):
    store = agency.world.box.store
    for number in range(200):
        store.put_file(store.add_folder(parent_id=AGENCY_FOLDER, name=f"Week {number}"), ONE, b"one")
    agency.look()
    assert len(agency.world.box.board.requests(path="/items")) == 1 + 10
    agency.look()
    [mail] = told(agency)
    assert (len(mail), mail["Others"]) == (26, "175")
    assert (len(listed(agency)), sum("holds 1 file" in reason for reason in listed(agency).values())) == (200, 10)
    agency.look()
    assert (sum("holds 1 file" in reason for reason in listed(agency).values()), len(told(agency))) == (20, 1)


@pytest.mark.fault(79)
def test_hundreds_of_empty_folders_cost_a_few_questions_and_hide_none_with_files(agency):
    store = agency.world.box.store
    for number in range(200):
        store.add_folder(parent_id=AGENCY_FOLDER, name=f"Empty {number}")
    store.put_file(store.add_folder(parent_id=AGENCY_FOLDER, name="Week 12"), ONE, b"one")
    agency.settled_look()
    assert len(agency.world.box.board.requests(path="/items")) == 2 * (1 + 1 + 3)
    assert [*listed(agency)] == ["Week 12"]


@pytest.mark.fault(79)
@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_folder_whose_files_box_does_not_let_us_count_holds_up_nothing(agency, folder, status):
    campaign_id = agency.campaign("AAA003")
    agency.deliver(final_name("AAA003"))
    agency.world.box.board.add(Fault(path=f"/folders/{folder}/items", status=status, times=None))
    assert agency.starts(agency.settled_look()) == {campaign_id: 1}
    gone = status == 404
    assert [mail["Week 12"][:28] for mail in told(agency)] == [] if gone else ["This folder is not empty, an"]
    assert agency.sql("SELECT 1 FROM outages") == []


@pytest.mark.fault(79)
def test_names_of_folders_are_text_in_the_mail(agency):
    store = agency.world.box.store
    name = "<img src=x onerror=alert(1)>&\u202e"
    store.put_file(store.add_folder(parent_id=AGENCY_FOLDER, name=name), ONE, b"one")
    agency.settled_look()
    [fact] = agency.sql("SELECT fact FROM notifications")
    mail = render(fact_from_json(fact), CONTEXT)
    assert "<img src=x" not in mail.html
    assert "&lt;img src=x" in mail.html


@pytest.mark.fault(79)
def test_where_folders_are_entered_their_files_are_taken_and_nothing_is_told(agency, folder):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.settled_look()
    agency = agency.with_site(agency={"include_subfolders": True})
    assert agency.starts(agency.settled_look()) == {campaign_id: 2}
    assert listed(agency) == {}
