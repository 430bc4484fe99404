"""Tables and columns of other programs are named in the site configuration, safely."""

from typing import Any

import pytest
import yaml

from ferrero_dagster.config.site import Site, load_site
from ferrero_dagster.domain.errors import ConfigurationError


@pytest.fixture
def load(tmp_path):
    def load(**sections: dict[str, Any]) -> Site:
        path = tmp_path / "site.yaml"
        path.write_text(yaml.safe_dump(sections))
        return load_site(path)

    return load


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        (
            {"creativex": {"scores_table": 'creativex"scores'}},
            "creativex.scores_table: expected the name of a table, or schema.table, without quotation marks, "
            "found 'creativex\"scores'.",
        ),
        (
            {"overrides": {"table": "a.b.c"}},
            "overrides.table: expected the name of a table, or schema.table, without quotation marks, found 'a.b.c'.",
        ),
        (
            {"overrides": {"flag_column": ""}},
            "overrides.flag_column: expected the name of a column as PostgreSQL shows it, found ''.",
        ),
        (
            {"creativex": {"score_value": "{platform}^{score}"}},
            "creativex: score_value: expected {score}, and {platform} exactly where platforms names some, "
            "found '{platform}^{score}'.",
        ),
        (
            {"creativex": {"columns": {"name": None}}},
            "creativex: columns: expected a name too, which says whose score it is.",
        ),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_in_one_sentence(load, section, sentence):
    with pytest.raises(ConfigurationError) as raised:
        load(**section)
    assert str(raised.value).endswith(sentence)


@pytest.mark.parametrize("table", ["Creativex Scores", "reports.creativex_scores", "o'brien; DROP TABLE x", "número"])
def test_any_other_name_is_taken_letter_by_letter(load, table):
    assert load(creativex={"scores_table": table}).creativex.scores_table == table


COMBINED = {"score_value": "{platform}^{score}", "platforms": ["TikTok", "YouTube"]}


def test_combined_scores_for_a_row_that_takes_none_are_refused_in_one_sentence(load):
    with pytest.raises(ConfigurationError) as raised:
        load(creativex=COMBINED)
    assert str(raised.value).endswith(
        "creativex.score_value: '{platform}^{score}' is a combined value, which only a row of the kind cascading "
        "takes, and representation.fields.FERRERO.TAB.FIELD.CREATIVEX is a column; change either."
    )


def test_a_score_is_written_in_a_row_for_each_platform(load):
    field = {"kind": "cascading", "table": "FERRERO.TABULAR.FIELD.PLATFORMRATING", "value": "creativex_score"}
    site = load(creativex=COMBINED, representation={"fields": {"FERRERO.TAB.FIELD.CREATIVEX": field}})
    assert site.creativex.score_rows("87") == ("TikTok^87", "YouTube^87")
    assert site.creativex.score_rows(None) == ()
    assert load(creativex={"missing_score": "0"}).creativex.score_rows(None) == ("0",)
    assert load().creativex.score_rows("87") == ("87",)
