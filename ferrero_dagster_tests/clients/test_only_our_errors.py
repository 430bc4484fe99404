"""Whatever DAM and Box answer, what comes out of our clients is a value that fits or an error of our own.

In CI a hundred mutated answers for each reader; `pytest --hypothesis-profile=thorough` tries two thousand.
"""

import json
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ferrero_dagster.clients import box_answers, otmm_answers
from ferrero_dagster.clients.answers import Item
from ferrero_dagster.clients.box import Box
from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_imports import ImportWatch, OtmmImports
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.creativex import creativex_of
from ferrero_dagster.domain.errors import FerreroError, PermanentError
from ferrero_dagster.domain.files import Digest
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.domain.otmm.metadata import (
    differing_fields,
    extracted_values,
    fields_by_id,
    in_plain_form,
)
from ferrero_dagster.domain.sound_json import sound_object, sound_value
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.clients.mutations import mutated
from ferrero_dagster_tests.clients.test_otmm import LOCAL, campaign, masters
from ferrero_dagster_tests.clients.uploads import PART_BYTES, large_file
from ferrero_dagster_tests.domain.otmm.test_representation import build
from ferrero_dagster_tests.fix_sandbox import DAM_LOGIN, QUICK
from ferrero_dagster_tests.fix_world import sha1

pytestmark = pytest.mark.fault(57, 59)

SITE = load_site()
SEEDS = st.integers(0, 2**32)
WITH_SERVERS = settings(suppress_health_check=list(HealthCheck), deadline=None)
ID, WHAT = "ab" * 20, "Trying"


def field(field_id: str, value: Any) -> dict[str, Any]:
    return {"id": field_id, "type": "com.artesia.metadata.MetadataField", "value": {"value": value}}


FIELDS = [
    field("CONTENT.SCALING.STATUS", {"type": "string", "value": "A1"}),
    field("FERRERO.FIELD.CAMPAIGN_TYPE", {"field_value": {"type": "string", "value": LOCAL}, "display_value": "Local"}),
    field("FERRERO.FIELD.CAMPAIGN_NUMBER", {"type": "string", "value": "C000000078"}),
    field("FERRERO.FIELD.BRAND", {"type": "com.artesia.metadata.CascadingDomainValue", "field_value": {"value": 7}}),
    {"id": "MAIN_LANGUAGES", "type": "com.artesia.metadata.MetadataTableField", "values": [{"value": {"value": "DE"}}]},
]
METADATA = {"metadata_element_list": [{"id": "CATEGORY", "metadata_element_list": FIELDS}, *FIELDS[:2]]}
ITEM = {
    "asset_id": ID, "original_asset_id": ID, "version": 1, "name": "Hero.mp4", "type": "com.artesia.asset.Asset",
    "deleted": False, "expired": False, "content_state": "NORMAL", "metadata": METADATA,
    "master_content_info": {"content_size": 6, "content_checksum": "0" * 32, "name": "Hero.mp4"},
}  # fmt: skip
FOLDER = ITEM | {"data_type": "CONTAINER", "container_id": ID}
RESULT = {"contains_invalid_conditions": False, "hit_count": 1, "total_hit_count": 1, "asset_id_list": [ID]}


def use_search(body: dict[str, Any]) -> None:
    hits, _, _ = otmm_answers.search_page(body, WHAT)
    for hit in hits:
        with suppress(FerreroError):
            storable(otmm_answers.campaign(hit, SITE.dam))
            otmm_answers.is_folder(hit)
            otmm_answers.is_alive(hit)


def use_children(body: dict[str, Any]) -> None:
    for item in otmm_answers.children(body, WHAT):
        storable(otmm_answers.asset(item), otmm_answers.name_of(item), otmm_answers.is_alive(item))


def use_assets(body: dict[str, Any]) -> None:
    """All that is done with the metadata of an asset."""
    for item in otmm_answers.assets(body, WHAT):
        asset = otmm_answers.full_asset(item)
        nodes = fields_by_id(asset.raw)
        storable([in_plain_form(node) for node in nodes.values()])
        with suppress(PermanentError):
            storable(build(asset.raw).body)
        storable(asset.raw, asset.notes, extracted_values(nodes, list(nodes)), differing_fields(asset.raw, FIELDS))


def storable(*values: Any) -> None:
    """PostgreSQL and Dagster take it: no NaN, no NUL, no half of a pair, nothing too deep to be written."""
    text = json.dumps(values, allow_nan=False, ensure_ascii=False, default=repr)
    text.encode()
    assert "\\u0000" not in text.replace("\\\\", "")


def use_box_listing(body: dict[str, Any]) -> None:
    entries, marker = box_answers.page(body, WHAT)
    for entry in entries:
        file = box_answers.listed_file(entry, "ferrerodammetadata")
        storable(file.name, file.template, file.problem, creativex_of(file.template).notes, marker)
        assert 0 <= file.size_bytes < 2**63


FILE = {
    "type": "file", "id": "12", "etag": "0", "name": "a.mp4", "size": 7, "sha1": "0" * 40,
    "metadata": {"enterprise_1": {"ferrerodammetadata": {"creativexScore": 90.5, "creativexUrl": "https://a.example"}}},
}  # fmt: skip
PARENTS = {"total_count": 1, "entries": [{"type": "folder", "id": "1", "name": "x"}]}

READERS: dict[str, tuple[Any, Any]] = {
    "search": ({"search_result_resource": {"search_result": RESULT, "asset_list": [FOLDER, FOLDER]}}, use_search),
    "folder": ({"folder_resource": {"folder": FOLDER}},
               lambda body: otmm_answers.campaign(otmm_answers.folder(body, WHAT), SITE.dam)),
    "folders": ({"folders_resource": {"folder_list": [FOLDER]}},
                lambda body: [otmm_answers.id_of(one) for one in otmm_answers.folders(body, WHAT)]),
    "children": ({"folder_children": {"asset_list": [ITEM, FOLDER]}}, use_children),
    "assets": ({"assets_resource": {"asset_list": [ITEM, ITEM]}}, use_assets),
    "import": ({"job_handle": {"job_id": "7"}}, lambda body: otmm_answers.job_id(body, WHAT)),
    "import with any body": ({"job_resource": [{"job_id": 7}]}, otmm_answers.named_by_import),
    "made by job": ({"assets_resource": {"asset_list": [ITEM]}}, lambda body: otmm_answers.made_by_job(body, WHAT)),
    "job": ({"job": {"status": "DONE", "steps": [{"state": "x"}]}}, otmm_answers.job_statuses),
    "reason": ({"exception_body": {"message": "No.", "http_response_code": 500}}, otmm_answers.reason_in),
    "Box listing": ({"entries": [FILE, {"type": "folder", "id": "5"}], "next_marker": "m"}, use_box_listing),
    "Box events": ({"entries": [{"source": {"id": "1", "type": "file", "path_collection": PARENTS}}],
                    "next_stream_position": 7}, lambda body: box_answers.events(body, WHAT)),
    "Box realtime server": ({"entries": [{"url": "https://a.example/s", "max_retries": "10", "retry_timeout": 610}]},
                            lambda body: box_answers.realtime_server(body, WHAT, schemes=("https",))),
    "Box place": ({"id": "1", "etag": "0", "path_collection": PARENTS}, lambda body: box_answers.place(body, WHAT)),
    "Box upload": ({"entries": [FILE]}, lambda body: box_answers.stored_file(body, WHAT)),
    "Box folder": ({"id": "5", "name": "x"}, lambda body: box_answers.folder(Item("Box", WHAT, body))),
    "Box conflict": ({"conflicts": [FILE]}, lambda body: box_answers.conflict(body, WHAT)),
    "Box session": ({"part_size": 8_000_000}, lambda body: box_answers.part_bytes(body, WHAT)),
    "Box template": ({"creativexScore": 1.5, "a": ["x"]}, lambda body: storable(box_answers.instance(body))),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
@given(seed=SEEDS)
def test_a_mutated_answer_is_read_or_refused_in_our_own_words(name: str, seed: int) -> None:
    valid, use = READERS[name]
    body = mutated(valid, seed)
    value = json.loads(sound_object(body)) if name.startswith("Box") else sound_value(body)
    if not isinstance(value, dict):
        return
    told = ""
    try:
        use(value)
    except FerreroError as error:
        told = str(error)
    assert len(told.encode()) < 3000


@pytest.mark.parametrize("name", READERS)
def test_the_valid_answers_are_read(name: str) -> None:
    valid, use = READERS[name]
    use(valid)


# --- over HTTP, through the clients as the rest of the program calls them -------------------------------------------


def spoiling(seed: int, path: str) -> Fault:
    def rewrite(body: bytes) -> bytes:
        try:
            return mutated(json.loads(body), seed)
        except ValueError:
            return body

    return Fault(path=path, times=None, rewrite=rewrite)


@given(seed=SEEDS)
@WITH_SERVERS
def test_every_call_to_a_dam_that_answers_anything_ends_in_our_own_error_or_well(served_dam, tmp_path, seed):
    served_dam.board.clear()
    campaign_id = campaign(served_dam)
    folder, ids = masters(served_dam, "a.jpg", "b.jpg", campaign_id=campaign_id)
    film = tmp_path / "a.jpg"
    film.write_bytes(b"a")
    served_dam.board.add(spoiling(seed, "folders|assets|jobs|search" if seed % 5 else ""))
    with closing(OtmmSession(served_dam.url, login=DAM_LOGIN, limits=QUICK)) as session:
        dam = Otmm(session, SITE.dam)
        imports = OtmmImports(session, SITE.dam_import.model_copy(update={"job_timeout_s": 0.001}))
        calls = [
            lambda: dam.search_campaigns(status="A1", campaign_type=LOCAL),
            lambda: dam.campaign(campaign_id),
            lambda: dam.child_folders(campaign_id),
            lambda: (dam.list_assets(folder), dam.has_assets(folder), dam.names_directly_in(folder)),
            lambda: dam.load_assets(ids),
            lambda: dam.set_status(campaign_id, "A2", expected="A1"),
            lambda: imports.wait(_imported(imports, film, folder), "c.jpg"),
        ]
        with suppress(FerreroError):
            calls[seed % len(calls)]()
    served_dam.store.delete(campaign_id)


def _imported(imports: OtmmImports, film: Path, folder: Any) -> str:
    watch = ImportWatch(uploaded=lambda _: None, begins=lambda: None, refused=lambda: None)
    started = imports.start(film, "c.jpg", "image/jpeg", folder_id=folder, representation={}, watch=watch)
    return started.job_id or "7"


@given(seed=SEEDS)
@WITH_SERVERS
def test_every_call_to_a_box_that_answers_anything_ends_in_our_own_error_or_well(served_box, box_client, seed):
    served_box.board.clear()
    folder_id = BoxId(served_box.store.add_folder(name=f"F{seed}"))
    values = {"creativexScore": 90, "creativexUrl": "https://a.example"}
    file_id = BoxId(served_box.store.put_file(folder_id, "a.png", b"content", values))
    served_box.settings.part_size_bytes, served_box.settings.chunked_minimum_bytes = PART_BYTES, 10
    digest = Digest(size_bytes=1, sha1_hex=sha1(b"b"), md5_hex="")
    agency, box = BoxAgency(box_client, template="ferrerodammetadata", limits=QUICK), Box(box_client, SITE.box)
    served_box.board.add(spoiling(seed, "/files|/folders"))
    calls = [
        lambda: box.folder_name(folder_id),
        lambda: box.ensure_folder(folder_id, "new"),
        lambda: box.ensure_folder(BoxId("0"), f"F{seed}"),
        lambda: box.upload(folder_id, "b.png", BytesIO(b"b"), digest),
        lambda: box.upload(folder_id, "a.png", BytesIO(b"b"), digest),
        lambda: box.upload_large(large_file(name="c.mp4", folder=folder_id)),
        lambda: box.upload_large(large_file(name="a.png", folder=folder_id)),
        lambda: [creativex_of(file.template) for file in agency.list_files(folder_id, subfolders=True)],
        lambda: agency.now(file_id),
        lambda: creativex_of(agency.instance(file_id)),
        lambda: box.delete(file_id, etag="0"),
    ]
    with suppress(FerreroError):
        calls[seed % len(calls)]()
    served_box.store.clear()
