"""What people wrote into fields of a campaign or an asset, as text to quote (SPEC 12, `comment_fields`)."""

from ferrero_dagster.domain.otmm.metadata import FieldNode, cells, fields_by_id, table_columns


def has_field(tree: object, field_id: str) -> bool:
    """Whether the tree has the field at all, filled or empty."""
    return field_id in fields_by_id(tree)


def comment_in(tree: object, field_id: str) -> str:
    """What a field says, empty if nothing: each row of a table or column on a line of its own, as people see it."""
    node = fields_by_id(tree).get(field_id)
    return "\n".join(_rows(node)) if node else ""


def _rows(node: FieldNode) -> list[str]:
    columns = [[_text(cell.shown, cell.value) for cell in cells(column)] for column in table_columns(node) or [node]]
    count = max(map(len, columns), default=0)
    rows = [[column[row] for column in columns if row < len(column) and column[row]] for row in range(count)]
    return [" | ".join(row) for row in rows if row]


def _text(shown: str | None, value: object) -> str:
    return (shown or ("" if value is None else str(value))).strip()
