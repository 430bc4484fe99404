"""The rows of a final's fields are replaced one by one, and a wrong one is refused in one sentence (SPEC 12)."""

import pytest

from ferrero_dagster.config.site import Site, load_site
from ferrero_dagster.domain.errors import ConfigurationError


@pytest.fixture
def loaded(tmp_path):
    def load(text: str) -> Site:
        path = tmp_path / "site.yaml"
        path.write_text(f"representation:\n  {text}\n")
        return load_site(path)

    return load


def test_the_shipped_rows_are_those_of_the_customer_and_what_the_seeds_name_beside():
    rows = {row.id: row for row in load_site().representation_rules.fields}
    assert len(rows) == 34
    assert rows["MAIN_LANGUAGES"].table == "FERRERO.TABULAR.FIELD.MAIN LANGUAGES"
    assert rows["FERRERO.FIELD.MKTG.ASSET TYPE"].sources == ("asset_type",)
    assert "FERRERO.FIELD.ASSET TYPE" not in rows
    assert sum(row.kind == "as_master" for row in rows.values()) == 20


def test_a_site_replaces_one_row_adds_one_and_takes_one_out(loaded):
    site = loaded(
        "fields: {MARKETING_TAG: {kind: text, value: fixed, fixed: Tag}, NEW: {kind: pick}, FERRERO.FIELD.MUSIC: null}"
    )
    rows = {row.id: row for row in site.representation_rules.fields}
    shipped = {row.id: row for row in load_site().representation_rules.fields}
    assert rows.keys() ^ shipped.keys() == {"NEW", "FERRERO.FIELD.MUSIC"}
    assert (rows["MARKETING_TAG"].kind, rows["MARKETING_TAG"].sources) == ("text", ("fixed",))
    assert rows["NEW"].sources == ("master",)
    assert [rows[key] for key in rows.keys() & shipped.keys() - {"MARKETING_TAG"}] == [
        shipped[key] for key in rows.keys() & shipped.keys() - {"MARKETING_TAG"}
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "fields: {F: {value: master}}",
            "representation.fields.F: expected a kind (text, pick, column, cascading, date, as_master), found none.",
        ),
        ("fields: {F: {kind: list}}", "representation.fields.F.kind: expected 'text', 'pick', 'column', "),
        ("fields: {F: text}", "representation.fields.F: expected a row such as {kind: text, value: master}."),
        ("fields: {F: {kind: column}}", "F: a column needs table, the id of its table, or table: null where only the "),
        ("fields: {F: {kind: cascading}}", "F: a cascading needs table, the id of its table, or table: null where "),
        (
            'fields: {F: {kind: column, table: "T\'; DROP"}}',
            'F.table: expected an id of letters, digits, blanks and . _ - : / & + # ( ), found "T\'; DROP".',
        ),
        (
            "fields: {'F\"': {kind: text}}",
            "expected an id of letters, digits, blanks and . _ - : / & + # ( ), found 'F",
        ),
        ("fields: {F: {kind: text, table: T}}", "F: only column and cascading have a table, not text."),
        ("fields: {F: {kind: text, value: langauge}}", "representation.fields.F.value.0: expected 'clean_name', "),
        ("fields: {F: {kind: text, value: [master, master]}}", "F: a source stands twice in value."),
        ("fields: {F: {kind: text, value: []}}", "F.value: expected a source, such as master, or a list of them."),
        ("fields: {F: {kind: as_master, value: language}}", "F: as_master takes its value from the master only."),
        ("fields: {F: {kind: date, value: language}}", "F: a date comes from master, fixed or today."),
        ("fields: {F: {kind: text, value: fixed}}", "F: the source fixed and the text fixed need each other."),
        ("fields: {F: {kind: text, fixed: x}}", "F: the source fixed and the text fixed need each other."),
        ("fields: {F: {kind: date, days: 7}}", "F: days are for the source today."),
        ("fields: {F: {kind: text, case: upper}}", "F: case is for components of the name."),
        ("fields: {F: {kind: text, colour: red}}", "representation.fields.F.colour: no such setting"),
        ("fields: {F: {kind: text, value: fixed, fixed: yes}}", "F.fixed: expected text or a number, found true"),
        (
            "fields: {ferrero.field.state: {kind: pick}}",
            "fields has FERRERO.FIELD.STATE and ferrero.field.state, which differ in case only; name one of them.",
        ),
        ("fields: {F: {kind: text}, G: {kind: text}, F: {kind: pick}}", "F stands twice, the second time at line 2; "),
        ("fields: {}", "min_fields expects 10 fields, but fields has only 0 rows."),
        ("min_fields: 35", "min_fields expects 35 fields, but fields has only 34 rows."),
        ("field_ids: [F]", "representation.field_ids: no such setting"),
    ],
)
def test_a_wrong_row_is_refused_in_one_sentence(loaded, text, sentence):
    with pytest.raises(ConfigurationError) as refused:
        loaded(text)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
