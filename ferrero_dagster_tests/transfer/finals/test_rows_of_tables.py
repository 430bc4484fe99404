"""A final's parallel columns arrive as the rows that were sent, or people are told by name that they did not."""

from contextlib import closing

import pytest

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.otmm.metadata import field_values
from ferrero_dagster.transfer.finals.metadata import FinalMetadata
from ferrero_dagster_tests.domain.otmm.otmm_fields import Node, column
from ferrero_dagster_tests.fix_sandbox import DAM_LOGIN, QUICK, seen

TABLE, COUNTRY, LANGUAGE = "MKTG", "MKTG COUNTRY", "MKTG LANGUAGE"


def columns(*rows: tuple[str, str]) -> list[Node]:
    held = zip((COUNTRY, LANGUAGE), zip(*rows, strict=True), strict=True)
    texts = ((id_, [{"type": "string", "value": value} for value in values]) for id_, values in held)
    return [{**column(id_, *cells), "parent_table_id": TABLE} for id_, cells in texts]


SENT = {"metadata": columns(("CH", "fr"), ("AT", "de"))}


@pytest.fixture
def dam(served_dam):
    with closing(OtmmSession(served_dam.url, login=DAM_LOGIN, limits=QUICK)) as session:
        yield Otmm(session, load_site().dam)


@pytest.fixture
def final(served_dam, dam):
    """Puts a final with these rows into the DAM, gives it as the DAM shows it."""
    campaign = served_dam.store.add_campaign(name="T", number="C1", status="A2", type="Local Adaptation")
    folder = served_dam.store.folder(campaign, "01 Final Assets")

    def put(*rows):
        asset_id = served_dam.store.add_asset(folder, "final.mp4", b"final")
        stored = [{**node, "table_id": node.pop("parent_table_id")} for node in columns(*rows)]
        served_dam.store.write_fields(asset_id, stored)
        return next(iter(dam.load_assets([DamId(asset_id)])))

    return put


def settled(dam, asset, mismatch="warn"):
    site = load_site()
    said = site.model_copy(update={"dam_import": site.dam_import.model_copy(update={"metadata_mismatch": mismatch})})
    return FinalMetadata(dam, said).settled(asset, SENT)


def rows_of(dam, asset):
    [now] = dam.load_assets([asset.id])
    return sorted(zip(field_values(now.raw, COUNTRY), field_values(now.raw, LANGUAGE), strict=True))


@pytest.mark.parametrize(
    "shown",
    [
        [("CH", "de"), ("AT", "fr")],
        [("AT", "it"), ("CH", "fr")],
        [("AT", "fr"), ("CH", "it"), ("IT", "it")],
    ],
    ids=["paired the wrong way", "another value in another order", "one row too many"],
)
def test_rows_that_the_dam_shows_otherwise_are_set_as_rows(dam, final, shown):
    asset = final(*shown)
    assert settled(dam, asset) == ()
    assert rows_of(dam, asset) == [("AT", "de"), ("CH", "fr")]


def test_rows_that_only_stand_in_another_order_are_left_alone(served_dam, dam, final):
    asset = final(("AT", "de"), ("CH", "fr"))
    assert settled(dam, asset) == ()
    assert seen(served_dam, "PATCH", times=0)


def test_a_dam_that_keeps_one_column_only_is_told_though_each_has_the_right_values(served_dam, dam, final):
    served_dam.settings.fields_lost_by_patches = {COUNTRY}
    asset = final(("AT", "fr"), ("CH", "de"))
    assert settled(dam, asset) == (COUNTRY, LANGUAGE)
    assert rows_of(dam, asset) == [("AT", "fr"), ("CH", "de")]
    with pytest.raises(PermanentError, match=f"does not keep {COUNTRY}, {LANGUAGE} of final.mp4 as sent"):
        settled(dam, asset, "refuse")


def test_a_column_that_is_set_beside_rows_in_another_order_is_told_as_the_pairing_that_it_makes(served_dam, dam, final):
    served_dam.settings.fields_lost_by_patches = {COUNTRY}
    asset = final(("AT", "it"), ("CH", "fr"))
    assert settled(dam, asset) == (COUNTRY, LANGUAGE)
