"""Tables that other programs keep beside ours: where they are, what their columns are called (contract customer.md 4).

Hardly any of their names are certain, so all are settings; a table that is not there stops nothing.
"""

from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ferrero_dagster.config.values import Filled, made_of

_MAX_NAME_BYTES = 63  # PostgreSQL cuts longer ones


def _table(name: str) -> str:
    parts = name.split(".")
    is_name = len(parts) <= 2 and '"' not in name and all(map(_is_identifier, parts))  # noqa: PLR2004  # schema, table
    if not is_name:
        raise ValueError(f"expected the name of a table, or schema.table, without quotation marks, found {name!r:.80}")
    return name


def _column(name: str) -> str:
    if not _is_identifier(name):
        raise ValueError(f"expected the name of a column as PostgreSQL shows it, found {name!r:.80}")
    return name


def _is_identifier(name: str) -> bool:
    return bool(name.strip()) and name == name.strip() and name.isprintable() and len(name.encode()) <= _MAX_NAME_BYTES


#: As PostgreSQL shows it, letter by letter; maybe after its schema and a dot.
TableName = Annotated[str, AfterValidator(_table)]
ColumnName = Annotated[str, AfterValidator(_column)]
#: A place that is asked for score and link of a final.
ScorePlace = Literal["scores_table", "box_template"]
#: What a row of the scores table says.
ScoreColumn = Literal["name", "score", "url", "extracted_at", "status", "box_file_id"]


class CreativexSite(BaseModel):
    """Where scores of finals are found, and in which form the DAM takes them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[ScorePlace, ...]
    scores_table: TableName
    columns: dict[ScoreColumn, ColumnName | None]
    active_status: Filled
    master_status: Filled
    score_value: Annotated[str, made_of("score", "platform")]
    platforms: tuple[Filled, ...]
    missing_score: Filled | None
    missing_link: Annotated[str, Field(pattern=r"^https?://\S+$")] | None
    late_days: Annotated[float, Field(ge=0, le=36_500)]

    @model_validator(mode="after")
    def _fits_together(self) -> "CreativexSite":
        named = {name for _, name, _, _ in Formatter().parse(self.score_value) if name}
        if named != {"score", *(["platform"] if self.platforms else [])}:
            raise ValueError(
                "score_value: expected {score}, and {platform} exactly where platforms names some, "
                f"found {self.score_value!r}"
            )
        if not self.columns.get("name"):
            raise ValueError("columns: expected a name too, which says whose score it is")
        return self

    def score_rows(self, score: str | None) -> tuple[str, ...]:
        """What the DAM's field holds for a score, a row for each platform; none where nothing is to be written."""
        shown = score if score is not None else self.missing_score
        if shown is None:
            return ()
        return tuple(self.score_value.format(score=shown, platform=platform) for platform in self.platforms or ("",))


class OverridesSite(BaseModel):
    """Where people's edits of a final are found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: TableName | None
    key_column: ColumnName
    flag_column: ColumnName
    json_column: ColumnName | None
    #: Field ids by the table's columns, or by keys of its JSON column.
    fields: dict[Filled, Filled]
