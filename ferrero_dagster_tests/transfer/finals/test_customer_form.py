"""A final in the customer's dialect: made of a master as that DAM shows it, taken by it, shown again as it was sent."""

from contextlib import closing
from datetime import date

import pytest

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_imports import ImportWatch, OtmmImports
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.otmm.field_rows import FinalInputs
from ferrero_dagster.domain.otmm.metadata import differing_fields, field_values
from ferrero_dagster.domain.otmm.representation import build_representation
from ferrero_dagster_tests.domain.otmm.test_representation import NAME, SCORED
from ferrero_dagster_tests.fix_sandbox import DAM_LOGIN, QUICK

MADE = {
    "MAIN_LANGUAGES": ["DE"],
    "FERRERO.FIELD.ASSETCOMPLIANCE": ["-"],
    "MARKETING_TAG": ["Tag"],
    "FERRERO.TAB.FIELD.CREATIVEX": ["90"],
    "FERRERO.FIELD.CREATIVEX LINK": ["https://www.bbc.com"],
}


@pytest.fixture
def session(served_dam):
    served_dam.settings.job_polls = 0
    with closing(OtmmSession(served_dam.url, login=DAM_LOGIN, limits=QUICK)) as session:
        session.call("GET", "/folders/rootfolders", "Logging in")  # how one logs in is the matter of other tests
        served_dam.settings.dialect = "customer"
        yield session


@pytest.fixture
def folder(served_dam):
    campaign = served_dam.store.add_campaign(name="T", number="C1", status="A2", type="Local Adaptation")
    return served_dam.store.folder(campaign, "01 Master Assets")


@pytest.fixture
def sent(served_dam, session, folder):
    """The representation of a final of a master as the DAM shows it."""
    master_id = DamId(served_dam.store.add_asset(folder, "Master.mp4", b"master"))
    [master] = Otmm(session, load_site().dam).load_assets([master_id])
    inputs = FinalInputs(
        name=NAME, master_metadata=master.raw, master_dam_id=master_id, today=date(2026, 3, 1), **SCORED
    )
    return build_representation(inputs, load_site().representation_rules).body


@pytest.fixture
def imported(session, folder, tmp_path):
    """Imports a final with a representation and gives the asset as the DAM shows it."""
    path = tmp_path / "final"
    path.write_bytes(b"final")

    def bring(representation):
        imports = OtmmImports(session, load_site().dam_import)
        watch = ImportWatch(uploaded=lambda _: None, begins=lambda: None, refused=lambda: None)
        content = {"folder_id": folder, "representation": representation, "watch": watch}
        started = imports.start(path, NAME.clean_name, "video/mp4", **content)
        assert started.job_id
        asset_id = imports.wait(started.job_id, NAME.clean_name)
        [asset] = Otmm(session, load_site().dam).load_assets([DamId(asset_id)])
        return asset.raw

    return bring


@pytest.mark.parametrize("as_objects", [False, True])
def test_what_the_dam_takes_it_shows_as_it_was_sent(imported, sent, served_dam, as_objects):
    served_dam.settings.single_items_as_objects = as_objects
    shown = imported(sent)
    assert differing_fields(sent, shown) == []
    for field_id, values in MADE.items():
        assert field_values(shown, field_id) == values
    assert field_values(shown, "FERRERO.FIELD.STATE") == ["LOCAL"]
    assert field_values(shown, "FERRERO.FIELD.MKTG.ASSET TYPE") == ["OLV"]


def test_a_form_that_the_dam_does_not_take_is_told_in_its_words_and_nothing_is_imported(
    imported, sent, served_dam, folder
):
    elements = sent["asset_resource"]["asset"]["metadata"]["metadata_element_list"]
    del elements[0]["type"]
    with pytest.raises(PermanentError, match=r"Validation error: ARTESIA\.FIELD\.ASSET NAME"):
        imported(sent)
    assert [asset.name for asset in served_dam.store.assets(folder)] == ["Master.mp4"]
