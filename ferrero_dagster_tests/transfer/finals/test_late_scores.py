"""A score that comes after its final is brought into the DAM, once, and over nobody's own value (SPEC 12)."""

from contextlib import nullcontext

import pytest

from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.housekeeping import put_right
from ferrero_dagster.operations.status import read_status
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.neighbours import add_neighbour_tables, add_score
from ferrero_dagster_tests.transfer.finals.agency_world import CREATIVEX, ONE, clean_name

NAME = clean_name("AAA001")
LINK = "FERRERO.FIELD.CREATIVEX LINK"
URL = "https://x.example/late"


class Scene:
    """A final that arrived, and the housekeeping of the hours after."""

    def __init__(self, agency, creativex=None):
        self.agency, self.site = agency, agency.world.systems.site
        add_neighbour_tables(agency.world.database_url)
        self.campaign_id = agency.campaign("AAA001")
        agency.deliver(ONE, creativex=creativex)
        agency.settle_and_move(self.campaign_id)
        [self.asset] = agency.assets(self.campaign_id)
        self.warnings = []

    def score(self, score="87", url=URL):
        add_score(self.agency.world.database_url, NAME, score, url)

    def set_link(self, value):
        systems = self.agency.world.systems
        [asset] = systems.dam.load_assets([DamId(self.asset.id)])
        field = {"id": LINK, "type": "com.artesia.metadata.MetadataField"}
        systems.dam.set_fields(asset, [{**field, "value": {"value": {"type": "string", "value": value}}}])

    def hour(self):
        systems = self.agency.world.systems
        request = Request(done_by="reconcile", dry_run=False)
        rows = put_right(
            systems.database,
            systems.site,
            lambda: nullcontext(systems.dam),
            lambda: nullcontext((systems.box, systems.agency)),
            request,
            warn=self.warnings.append,
        )
        return [row["about"] for row in rows if row["what"] == "late score"]

    def value(self, field_id):
        return self.agency.world.dam.store.value(self.asset.id, field_id)

    @property
    def link(self):
        return self.value(LINK)

    def mails(self):
        return self.agency.sql("SELECT fact FROM notifications WHERE template = 'late_score' ORDER BY id")

    def unscored(self):
        return [row["name"] for row in read_status(self.agency.world.database, self.site).unscored_finals]


@pytest.fixture
def scene(agency):
    return Scene(agency)


def test_a_late_score_is_brought_once_and_told_as_a_changed_field(scene):
    assert (scene.hour(), scene.unscored()) == ([], [NAME])
    scene.score()
    assert scene.hour() == [f"{NAME}: score 87 is in the DAM"]
    assert (scene.hour(), scene.link, scene.unscored()) == ([], URL, [])
    [mail] = scene.mails()
    assert mail["changed_fields"] == ["FERRERO.TAB.FIELD.CREATIVEX", LINK]
    assert scene.value("FERRERO.TAB.FIELD.CREATIVEX") == "87"
    assert (mail["creativex_score"], mail["creativex_url"], mail["remark"]) == ("87", URL, None)


def test_a_score_that_is_replaced_later_is_brought_too(scene):
    scene.score("61", "https://x.example/first")
    scene.hour()
    scene.score()
    assert scene.hour() == [f"{NAME}: score 87 is in the DAM"]
    assert (scene.link, len(scene.mails())) == (URL, 2)


def test_a_value_that_a_person_has_set_meanwhile_stays(scene):
    scene.set_link("https://person.example")
    scene.score()
    scene.hour()
    assert (scene.hour(), scene.link) == ([], "https://person.example")
    assert len(scene.mails()) == 1


def test_a_value_of_ours_that_a_person_has_changed_stays(agency):
    scene = Scene(agency, CREATIVEX)
    assert scene.link == CREATIVEX["creativexUrl"]
    scene.set_link("https://person.example")
    scene.score()
    scene.hour()
    assert scene.link == "https://person.example"


def test_of_a_final_that_was_deleted_it_is_told_once_and_never_tried_again(scene):
    scene.agency.world.dam.store.delete(scene.asset.id)
    scene.score()
    assert scene.hour() == [f"{NAME}: The final is not in the DAM any more."]
    assert scene.hour() == []
    assert [mail["remark"] for mail in scene.mails()] == ["The final is not in the DAM any more."]


def test_a_late_score_that_is_no_number_is_one_sentence(scene):
    scene.score("good", "nowhere")
    [line] = scene.hour()
    assert line == (
        f"{NAME}: The score ignored: expected a number, found 'good'. "
        "The link ignored: expected an http(s) address, found 'nowhere'."
    )
    assert (scene.hour(), len(scene.mails()), scene.unscored()) == ([], 1, [NAME])


def test_with_the_dam_out_the_score_waits_for_the_next_hour(scene):
    scene.score()
    scene.agency.world.dam.board.add(Fault(path="/assets", status=503, times=50))
    assert scene.hour() == []
    assert "Late scores could not be brought into the DAM" in scene.warnings[0]
    scene.agency.world.dam.board.clear()
    assert scene.hour() == [f"{NAME}: score 87 is in the DAM"]


def test_a_final_that_somebody_edits_waits_but_not_for_ever(scene):
    scene.score()
    scene.agency.world.dam.store.lock(scene.asset.id, "jsmith")
    assert scene.hour()[0].endswith("It is tried again in an hour.")
    scene.agency.sql("UPDATE final_scores SET late_attempts = 23")
    scene.hour()
    assert (scene.hour(), len(scene.mails()), scene.link) == ([], 1, "")


def test_a_table_that_is_not_there_or_of_no_concern_is_not_asked(scene):
    scene.agency.sql("DROP TABLE creativex_scores")
    assert (scene.hour(), scene.warnings) == ([], [])
