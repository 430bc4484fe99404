"""The asset representation of a final (SPEC 6): its master's MVP fields, updated from its file name and from Box."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.filenames import V2Name
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.otmm.metadata import (
    FieldNode,
    Scalar,
    columns_beside,
    field_values,
    fields_by_id,
    new_field,
    row_count,
    with_value,
)

#: The fields that the rules below are about; which fields a final has at all is site configuration.
ASSET_NAME = "ARTESIA.FIELD.ASSET NAME"
DESCRIPTION = "ARTESIA.FIELD.ASSET DESCRIPTION"
STATE = "FERRERO.FIELD.STATE"
LANGUAGES = "MAIN_LANGUAGES"
COMPLIANCE = "FERRERO.FIELD.ASSETCOMPLIANCE"
MARKETING_TAG = "MARKETING_TAG"
CREATIVEX_LINK = "FERRERO.FIELD.CREATIVEX LINK"
CREATIVEX_FIELDS = ("FERRERO.TAB.FIELD.CREATIVEX", CREATIVEX_LINK)


@dataclass(frozen=True, kw_only=True, slots=True)
class RepresentationRules:
    """What the site wants in the DAM for a final."""

    #: The MVP fields.
    field_ids: tuple[str, ...]
    metadata_model_id: str
    security_policy_ids: tuple[int, ...]
    #: By asset type code and field id: an empty value removes the field, another replaces or appends it.
    asset_type_overrides: Mapping[str, Mapping[str, Scalar]]
    #: Field ids that take the media's facts.
    media_fields: Mapping[Literal["width", "height", "duration"], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaFacts:
    """What could be read from the file itself."""

    width_px: int | None = None
    height_px: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalInputs:
    """All that a final's fields are made of."""

    name: V2Name
    #: The master's `full_metadata`, in whatever form it was stored.
    master_metadata: object
    master_dam_id: DamId | None
    #: The day of upload, in the site's time zone.
    today: date
    media: MediaFacts = MediaFacts()
    #: As the DAM is to show them, a row each; none where the final has no score.
    creativex_scores: tuple[str, ...] = ()
    creativex_link: str | None = None
    #: What a person set for this final, by field id; empty texts change nothing.
    edits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Representation:
    """A final's `asset_representation` for the import; `str()` is a line for logs."""

    #: `{"asset_resource": {"asset": …}}` with a flat field list (contract otmm.md 8.1).
    body: dict[str, Any]
    #: MVP fields that the master has.
    found: tuple[str, ...]
    #: Fields of the result that the master does not have.
    added: tuple[str, ...]
    #: Fields that the asset type's override takes out.
    removed: tuple[str, ...]
    #: MVP fields that neither the master nor a rule provides.
    missing: tuple[str, ...]

    def __str__(self) -> str:
        parts = (("added", self.added), ("removed", self.removed), ("missing", self.missing))
        told = [f"{word}: {', '.join(ids)}" for word, ids in parts if ids]
        return "; ".join([f"{len(self.found)} MVP fields from the master", *told])


def build_representation(final: FinalInputs, rules: RepresentationRules) -> Representation:
    """The representation of a final.

    What comes later wins: the master's value, the file name's, CreativeX, a person's edit, the asset type's override.

    Raises:
        PermanentError: the master's metadata hold none of the MVP fields, so nothing could be carried over.
    """
    name, full_metadata = final.name, final.master_metadata
    master = fields_by_id(full_metadata)
    found = tuple(field_id for field_id in rules.field_ids if field_id in master)
    if not found:
        raise PermanentError(
            f"The stored metadata of the master {name.tracking_id} hold none of the {len(rules.field_ids)} fields that "
            f"{name} needs; correct full_metadata of that master in the table master_assets.",
            code="master metadata unreadable",
        )
    overrides = rules.asset_type_overrides.get(name.asset_type, {})
    removed = tuple(field_id for field_id, value in overrides.items() if value == "")
    edits = {field_id: text for field_id, text in final.edits.items() if text.strip()}
    values = _mvp_values(master, final, rules) | _media_values(final.media, rules) | edits | dict(overrides)
    ids = [field_id for field_id in dict.fromkeys([*found, *values]) if field_id not in removed]
    kept = {field_id for field_id in ids if field_id not in values}

    def final_field(field_id: str) -> FieldNode:
        if field_id in kept:
            return deepcopy(master[field_id])
        if field_id not in master:
            return new_field(field_id, values[field_id])
        beside = [
            row_count(column) for column in columns_beside(full_metadata, master[field_id]) if column["id"] in kept
        ]
        return with_value(master[field_id], values[field_id], rows=max(beside, default=1))

    return Representation(
        body=_body([final_field(field_id) for field_id in ids], rules),
        found=found,
        added=tuple(field_id for field_id in ids if field_id not in master),
        removed=removed,
        missing=tuple(field_id for field_id in rules.field_ids if field_id not in {*ids, *removed}),
    )


def _mvp_values(master: Mapping[str, FieldNode], final: FinalInputs, rules: RepresentationRules) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {
        ASSET_NAME: final.name.clean_name,
        DESCRIPTION: final.name.subject,
        STATE: "Local",
        LANGUAGES: final.name.language.upper(),
    }
    defaults = {COMPLIANCE: "-", MARKETING_TAG: "Tag"}
    values |= {id_: value for id_, value in defaults.items() if not field_values(master.get(id_), id_)}
    if final.creativex_link:
        values[CREATIVEX_LINK] = final.creativex_link
    return {field_id: value for field_id, value in values.items() if field_id in rules.field_ids}


def _media_values(media: MediaFacts, rules: RepresentationRules) -> dict[str, Scalar]:
    known = {"width": media.width_px, "height": media.height_px, "duration": media.duration_s}
    return {field_id: value for fact, field_id in rules.media_fields.items() if (value := known[fact]) is not None}


def _body(fields: list[FieldNode], rules: RepresentationRules) -> dict[str, Any]:
    asset = {
        "metadata_model_id": rules.metadata_model_id,
        "security_policy_list": [{"id": policy_id} for policy_id in rules.security_policy_ids],
        "metadata": {"metadata_element_list": fields},
    }
    return {"asset_resource": {"asset": asset}}
