"""V2 file names: what is legal, and that every problem is told under the right component."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.filenames import EXAMPLE_NAME, MAX_NAME_LENGTH, NameProblems, V2Name, parse_v2
from ferrero_dagster.domain.name_components import COMPONENTS

RULES = load_site().naming
FIELDS = [component.field for component in COMPONENTS]
TITLES = {component.field: component.title for component in COMPONENTS}


def _matching(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=True)


# Brand and subject are never a number or the code of another component: without one, such a name has two readings.
v2_names = st.builds(
    V2Name,
    job_number=_matching(r"[0-9]{5,10}"),
    brand=_matching(r"[B-Z][A-Z0-9]{2}[A-Z]{0,2}"),
    country=st.sampled_from(["DE", "IT", "FR", "GB", "UK", "EU", "XX"]),
    language=st.sampled_from(["de", "it", "fr", "en"]),
    subject=_matching(r"[A-Za-z]{5}[A-Za-z0-9-]{0,40}"),
    asset_type=st.sampled_from(RULES.asset_types),
    sequence=_matching(r"[0-9]{3}"),
    duration=_matching(r"[0-9]{1,2}S|NA"),
    aspect_ratio=st.sampled_from(RULES.aspect_ratios),
    tracking_id=_matching(r"[A-Z0-9]{6}"),
    extension=_matching(r"[A-Za-z0-9]{1,10}"),
)


def wrong_parts(name: str) -> dict[str, str]:
    """What the parser says, as component and value found."""
    result = parse_v2(name, RULES)
    assert isinstance(result, NameProblems), name
    return {problem.component: problem.found for problem in result.problems}


def renamed(name: V2Name, **values: str) -> str:
    parts = {field: getattr(name, field) for field in FIELDS} | values
    return f"{'_'.join(parts.values())}.{name.extension}"


def test_the_clean_name_is_components_2_to_9():
    name = parse_v2(EXAMPLE_NAME, RULES)
    assert isinstance(name, V2Name)
    assert name.clean_name == "RAF_DE_de_TEST_OLV_001_6S_16x9.mp4"
    assert (name.job_number, name.subject, name.tracking_id) == ("1234567", "TEST", "ABC123")


@given(v2_names)
def test_parsing_is_the_inverse_of_formatting(name):
    assert parse_v2(str(name), RULES) == name


@pytest.mark.fault(49)
@given(st.text() | st.text(alphabet="_.AB19sx", max_size=300))
def test_no_input_crashes_the_parser_and_what_it_accepts_it_writes_back(text):
    result = parse_v2(text, RULES)
    assert str(result) == text if isinstance(result, V2Name) else result.problems


@given(v2_names, st.sampled_from(FIELDS))
def test_a_missing_component_is_called_missing(name, field):
    rest = "_".join(getattr(name, other) for other in FIELDS if other != field)
    assert wrong_parts(f"{rest}.{name.extension}") == {TITLES[field]: ""}


@given(v2_names, st.sampled_from(FIELDS))
def test_an_empty_component_is_called_missing(name, field):
    assert wrong_parts(renamed(name, **{field: ""})) == {TITLES[field]: ""}


@pytest.mark.parametrize(
    ("field", "found", "nearest"),
    [
        ("job_number", "1234", None),
        ("job_number", "OMG1234567", "1234567"),
        ("job_number", "１２３４５６７", None),
        ("brand", "raf", "RAF"),
        ("country", "de", "DE"),
        ("country", "DEU", "DE"),
        ("country", "QQ", None),
        ("language", "DE", "de"),
        ("language", "deu", "de"),
        ("subject", "Früh ling!", "Fruh-ling"),
        ("asset_type", "OLW", "OLV"),
        ("asset_type", "TOC", None),
        ("sequence", "1", "001"),
        ("sequence", "0012", "012"),
        ("duration", "6sec", "6S"),
        ("duration", "6", "6S"),
        ("duration", "n-a", "NA"),
        ("aspect_ratio", "16X9", "16x9"),
        ("aspect_ratio", "9:16", "9x16"),
        ("tracking_id", "abc123", "ABC123"),
        ("tracking_id", "ABC123 (1)", "ABC123"),
    ],
)
def test_a_near_miss_names_its_component_and_the_nearest_legal_value(field, found, nearest):
    good = parse_v2(EXAMPLE_NAME, RULES)
    assert isinstance(good, V2Name)
    result = parse_v2(renamed(good, **{field: found}), RULES)
    assert isinstance(result, NameProblems)
    [problem] = result.problems
    assert (problem.component, problem.position) == (TITLES[field], FIELDS.index(field) + 1)
    assert (problem.found, problem.nearest) == (found, nearest)
    assert f"“{nearest}”" in str(result) if nearest else problem.expected in str(result)
    assert RULES.fits(COMPONENTS[problem.position - 1], problem.example)


@given(v2_names, st.lists(_matching("[a-z]{1,8}"), min_size=1, max_size=3))
def test_an_underscore_in_the_subject_is_a_wrong_subject(name, words):
    subject = "_".join([name.subject, *words])
    assert wrong_parts(renamed(name, subject=subject)) == {"subject title": subject}


def test_every_problem_is_told_at_once():
    assert wrong_parts("1234567_raf_DE_de_TEST_JOB_OLV_001_6S.mp4") == {
        "brand": "raf",
        "subject title": "TEST_JOB",
        "aspect ratio": "",
        "tracking ID": "",
    }


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        (EXAMPLE_NAME.removesuffix(".mp4"), {"extension": ""}),
        (EXAMPLE_NAME + " ", {"extension": "mp4 "}),
        (EXAMPLE_NAME.replace(".", "_v2."), {"one component too many": "v2"}),
        (EXAMPLE_NAME.replace("DE_", "DE__"), {"one component too many": "__"}),
        ("1" * 300, {"length": "300 characters"}),
    ],
)
def test_what_belongs_to_no_component_is_told_too(name, wrong):
    assert wrong_parts(name) == wrong


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            EXAMPLE_NAME.replace("TEST_OLV", "TEST JOB_OLW"),
            "The name is wrong: subject title “TEST JOB” → “TEST-JOB”; asset type “OLW” → “OLV”.",
        ),
        (
            EXAMPLE_NAME.replace("DE", "QQ").replace("_ABC123", ""),
            "The name is wrong: country “QQ”, expected an ISO 3166-1 code of two upper-case letters, or UK, EU, XX; "
            "missing: tracking ID.",
        ),
        (
            "Final film.mp4",
            f"This is not a V2 file name, 10 parts are wrong or missing; a correct one looks like {EXAMPLE_NAME}.",
        ),
    ],
)
def test_the_sentence_tells_what_is_wrong_and_what_is_right(name, sentence):
    assert str(parse_v2(name, RULES)) == sentence


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (EXAMPLE_NAME.replace("TEST_OLV", "TEST JOB_OLW"), EXAMPLE_NAME.replace("TEST", "TEST-JOB")),
        (EXAMPLE_NAME.lower().replace(".mp4", ".mp4 "), EXAMPLE_NAME.replace("TEST", "test")),
        (EXAMPLE_NAME.replace("DE", "QQ"), None),
        (EXAMPLE_NAME.replace("_6S", ""), None),
        (EXAMPLE_NAME.replace(".", "_v2."), None),
        (EXAMPLE_NAME.replace("TEST", "T" * (MAX_NAME_LENGTH - len(EXAMPLE_NAME) + 6)).replace("001", "1"), None),
        (EXAMPLE_NAME.removesuffix(".mp4"), None),
    ],
)
def test_the_whole_name_is_suggested_where_each_wrong_part_has_one_nearest_value(wrong, meant):
    result = parse_v2(wrong, RULES)
    assert isinstance(result, NameProblems)
    assert result.meant == (parse_v2(meant, RULES) if meant else None)


@given(v2_names, st.sampled_from(FIELDS), st.text(alphabet="aAbB19 -é", max_size=8))
def test_a_name_that_is_suggested_is_right(name, field, value):
    result = parse_v2(renamed(name, **{field: value}), RULES)
    if isinstance(result, NameProblems) and result.meant:
        assert parse_v2(str(result.meant), RULES) == result.meant


def test_the_sites_code_lists_decide():
    rules = replace(RULES, brands=("FRR",), asset_types=("OOH",), extra_countries=())
    result = parse_v2(EXAMPLE_NAME.replace("DE", "UK"), rules)
    assert isinstance(result, NameProblems)
    assert [(p.component, p.expected, p.example) for p in result.problems] == [
        ("brand", "one of FRR", "FRR"),
        ("country", "an ISO 3166-1 code of two upper-case letters", "DE"),
        ("asset type", "one of OOH", "OOH"),
    ]
