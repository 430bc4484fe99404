"""What a final of some file name would be sent with, as far as the tracking database knows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.creativex import CreativeX
from ferrero_dagster.domain.errors import FileRefused
from ferrero_dagster.domain.filenames import AgencyName, parse_name
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.otmm.field_rows import FinalField, FinalInputs
from ferrero_dagster.domain.otmm.representation import Representation, build_representation
from ferrero_dagster.tracking import masters
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.tracking.masters import Master
from ferrero_dagster.transfer.finals.neighbours import Neighbours


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """The representation of a final, where each value comes from, and what is only known when it is moved."""

    name: AgencyName
    master_dam_id: DamId | None
    finals_folder_id: DamId | None
    representation: Representation
    notes: tuple[str, ...]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each field, those that are not sent last."""
        fields = sorted(self.representation.fields, key=lambda field: not field.is_sent)
        return [_row(field) for field in fields]

    @property
    def told(self) -> dict[str, Any]:
        """All of it, for scripts."""
        return {
            "file_name": str(self.name),
            "clean_name": self.name.clean_name,
            "tracking_id": self.name.tracking_id,
            "master_dam_id": self.master_dam_id,
            "upload_directory": self.finals_folder_id,
            "fields": self.rows,
            "notes": list(self.notes),
            "asset_representation": self.representation.body,
        }


def representation_preview(database: Database, site: Site, file_name: str) -> Preview:
    """The representation of a final of this name, were it moved now.

    Raises:
        FileRefused: the name is wrong, or no active master has its tracking ID.
        PermanentError: the master has too few of the fields.
    """
    name = parse_name(file_name, site.naming.rules)
    if not isinstance(name, AgencyName):
        raise FileRefused(str(name), code="wrong name")
    master = database.transact(masters.master, name.tracking_id)
    if master is None:
        raise FileRefused(f"No active master has the tracking ID {name.tracking_id}.", code="unknown tracking ID")
    return _preview(database, site, name, master)


def _preview(database: Database, site: Site, name: AgencyName, master: Master) -> Preview:
    told = Neighbours(database, site).told(name, str(name))
    creativex, edits, box_note = told.creativex, told.edits, _note(site, told.creativex)
    rules = site.representation_rules
    inputs = FinalInputs(
        name=name,
        master_metadata=master.full_metadata(),
        master_dam_id=master.dam_id,
        today=datetime.now(site.zone).date(),
        creativex_scores=site.creativex.score_rows(creativex.shown_score),
        creativex_link=creativex.url or site.creativex.missing_link,
        edits=edits.values,
    )
    representation = build_representation(inputs, rules)
    media = {source for row in rules.fields for source in row.sources if source.startswith("media_")}
    media_note = ("The file itself is not read here, so what comes from it is missing.",) if media else ()
    return Preview(
        name=name,
        master_dam_id=master.dam_id,
        finals_folder_id=master.finals_folder_id,
        representation=representation,
        notes=(*representation.notes, *creativex.notes, *edits.notes, *box_note, *media_note),
    )


def _note(site: Site, in_table: CreativeX) -> tuple[str, ...]:
    if in_table.score is not None:
        return (f"The score {in_table.shown_score} is from the table {site.creativex.scores_table}.",)
    if "box_template" not in site.creativex.sources:
        return ()
    return ("Box is not asked here: score and link may come from its template when the final is moved.",)


def _row(field: FinalField) -> dict[str, Any]:
    kind = field.form.replace("_", " ") + (f" of {field.table}" if field.table else "")
    values = ["" if value is None else value for value in field.values]
    made = "" if field.in_master or not field.is_sent else "made"
    return {"field": field.id, "kind": kind, "value": values, "from": field.origin, "not in the master": made}
