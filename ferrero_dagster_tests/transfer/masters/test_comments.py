"""The mail of a rework quotes what reviewers wrote, in full, and says so where they wrote nothing (SPEC 12)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.config.routes import Routes
from ferrero_dagster.domain.otmm.comments import comment_in
from ferrero_dagster.messages.facts import AssetComments, CampaignComplete, Comment, Comments
from ferrero_dagster.messages.rendering import HTML_LIMIT_BYTES, render
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.gallery.mails import CONTEXT, gallery
from ferrero_dagster_tests.fix_world import A5, World

LEGAL, BRAND = "ARTESIA.FIELD.ASSET DESCRIPTION", "FERRERO.FIELD.CAMPAIGN_NUMBER"
TWO = {"One.png": b"one", "Two.png": b"two"}


def quoting(world: World, *field_ids: str) -> tuple[World, object]:
    """The world at a site whose rework quotes these fields, and its row."""
    routes = world.systems.site.routes
    row = replace(A5, comment_fields=field_ids)
    rows = tuple(row if one == A5 else one for one in routes.rows)
    site = world.systems.site.model_copy(update={"routes": Routes(rows)})
    return replace(world, systems=replace(world.systems, site=site)), row


def told(world: World):
    [comments] = [row[0] for row in world.sql("SELECT fact->'comments' FROM notifications WHERE channel = 'mail'")]
    return comments


def test_comments_of_campaign_and_assets_are_quoted_by_asset(world):
    world, row = quoting(world, LEGAL, BRAND)
    campaign_id = world.campaign(TWO, route=A5)
    assert world.run(campaign_id, row).status == "A6"
    comments = told(world)
    assert comments["campaign"] == [{"field": BRAND, "text": "C000000001"}]
    assert [asset["name"] for asset in comments["assets"]] == ["One.png", "Two.png"]
    assert all([comment["field"] for comment in asset["comments"]] == [LEGAL, BRAND] for asset in comments["assets"])
    assert (comments["unknown"], comments["unread"]) == ([], None)


def test_a_route_that_names_no_field_quotes_nothing_and_asks_nothing(world):
    campaign_id = world.campaign(TWO, route=A5)
    world.run(campaign_id, A5)
    assert told(world) is None


def test_a_field_that_the_dam_does_not_know_is_named_in_the_mail(world):
    world, row = quoting(world, "NO.SUCH FIELD")
    world.run(world.campaign(TWO, route=A5), row)
    assert told(world)["unknown"] == ["NO.SUCH FIELD"]


def test_comments_that_cannot_be_read_hold_nothing_up_and_are_told(world):
    world, row = quoting(world, LEGAL)
    campaign_id = world.campaign({"One.png": b"one"}, route=A5)
    world.run(campaign_id, row)
    world.dam.store.set_status(campaign_id, "A5")
    world.sql("DELETE FROM notifications")
    world.dam.board.add(Fault(method="GET", path="/v6/assets$", status=400, times=None))
    assert world.run(campaign_id, row).status == "A6"
    assert told(world)["unread"]


def mail_of(comments: Comments):
    fact = gallery()["a5_to_a6_complete"]
    assert isinstance(fact, CampaignComplete)
    return render(fact.model_copy(update={"comments": comments}), CONTEXT)


def test_many_lines_and_markup_stay_as_they_were_written():
    text = "First line\n\n  - second <script>alert('x')</script> & more\r\nthird\x00"
    mail = mail_of(Comments(fields=(LEGAL,), campaign=[Comment(field=LEGAL, text=text)]))
    assert "First line\n\n  - second <script>alert('x')</script> & more\nthird\ufffd" in mail.text
    assert "&lt;script&gt;alert(" in mail.html
    assert "<script>" not in mail.html
    assert mail.attachments == ()


def test_where_nobody_wrote_anything_the_mail_says_so():
    mail = mail_of(Comments(fields=(LEGAL, BRAND)))
    assert f"No comments were found in {LEGAL}, {BRAND}." in mail.text
    assert "No comments were found in" in mail.html


@pytest.mark.parametrize(("assets", "length"), [(1, 100_000), (300, 2_000), (1000, 900), (3, 30_000)])
def test_a_very_long_text_does_not_break_the_mail_and_is_attached_in_full(assets, length):
    long = [
        AssetComments(name=f"Film {n}.mp4", comments=[Comment(field=LEGAL, text=f"<{n}>" + "&" * length)])
        for n in range(assets)
    ]
    mail = mail_of(Comments(fields=(LEGAL,), assets=long))
    assert len(mail.html.encode()) < HTML_LIMIT_BYTES
    assert "all of it is in the attached file" in mail.html
    [attached] = mail.attachments
    assert attached.content.decode("utf-8-sig").count("&") == assets * length


def column(field_id, *values):
    rows = [{"value": {"type": "string", "value": value}} if value else {} for value in values]
    return {"id": field_id, "type": "com.artesia.metadata.MetadataTableField", "values": rows}


def test_a_table_is_quoted_row_by_row_and_a_pick_list_as_people_see_it():
    table = {
        "id": "REVIEW",
        "type": "com.artesia.metadata.MetadataTable",
        "metadata_element_list": [column("WHO", "Legal", "", "Brand"), column("WHAT", "No.", "", "Logo!\nToo small.")],
    }
    domained = {"type": "com.artesia.metadata.DomainValue", "field_value": {"value": "R7"}, "display_value": "Rejected"}
    tree = [table, {"id": "VERDICT", "value": {"value": domained}}]
    assert comment_in(tree, "REVIEW") == "Legal | No.\nBrand | Logo!\nToo small."
    assert comment_in(tree, "WHAT") == "No.\nLogo!\nToo small."
    assert comment_in(tree, "VERDICT") == "Rejected"
    assert comment_in(tree, "NOTHING") == ""


_KEYS = st.sampled_from(["id", "value", "values", "type", "display_value"])
_LEAVES = st.none() | st.booleans() | st.floats() | st.text()


@given(st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_KEYS | st.text(), inner)))
def test_any_tree_has_a_comment_or_none(tree):
    assert isinstance(comment_in([tree, {"id": "X", "value": tree}], "X"), str)
