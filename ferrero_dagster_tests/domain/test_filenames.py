"""The agency's file names: what is legal in both schemes, and that every problem is told under the right component."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.filenames import MAX_NAME_LENGTH, AgencyName, NameProblems, parse_name
from ferrero_dagster.domain.name_components import COMPONENTS

RULES = load_site().naming.rules
V2 = "1234567_RAF_DE_de_TEST_OLV_001_6S_16x9_ABC123.mp4"
V2_1 = "6666_NUT_SUMMER_OLV_30S_16x9_DE_de_pOiJ9s.mp4"
TITLES = {component.key: component.title for component in COMPONENTS}


def parsed(text: str) -> AgencyName:
    name = parse_name(text, RULES)
    assert isinstance(name, AgencyName), str(name)
    return name


FULL = {order.scheme: order for order in reversed(RULES.orders)}


def _matching(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=True)


# Brand, subject and tracking ID never look like another component: without one, such a name has two readings.
agency_names = st.builds(
    AgencyName,
    scheme=st.just("v2"),
    pattern=st.just(next(order.pattern for order in RULES.orders if order.scheme == "v2")),
    job_number=_matching(r"[0-9]{5,10}"),
    brand=_matching(r"[B-Z][A-Z0-9]{2}[A-Z]{2}"),
    country=st.sampled_from(["DE", "IT", "FR", "GB", "UK", "EU", "XX", "GL"]),
    language=st.sampled_from(["de", "it", "fr", "en", "fr-CA", "Global"]),
    subject=_matching(r"[A-Za-z]{7}[A-Za-z0-9-]{0,15}"),
    asset_type=st.sampled_from(RULES.codes.asset_types),
    version=_matching(r"[0-9]{3}(MST)?"),
    duration=_matching(r"[0-9]{1,2}S|NA"),
    aspect_ratio=st.sampled_from(["16x9", "9x16", "1x1", "3x2"]),
    tracking_id=_matching(r"[a-z][A-Z0-9][A-Za-z0-9]{4}"),
    extension=st.sampled_from(["mp4", "MOV", "png", "pdf"]),
)


def wrong_parts(name: str) -> dict[str, str]:
    """What the parser says, as component and value found."""
    result = parse_name(name, RULES)
    assert isinstance(result, NameProblems), name
    return {problem.component: problem.found for problem in result.problems}


def renamed(name: AgencyName, **values: str) -> str:
    parts = name.components | values
    return f"{'_'.join(parts[key] for key in name.pattern[1:-1].split('}_{'))}.{name.extension}"


@pytest.mark.parametrize(
    ("text", "scheme", "clean_name"),
    [
        (V2, "v2", "RAF_DE_de_TEST_OLV_001_6S_16x9.mp4"),
        ("12345_RAF_IT_it_ME MOMENT_OLV_6S_1x1_a7K9mP.mp4", "v2", "RAF_IT_it_ME MOMENT_OLV_6S_1x1.mp4"),
        ("1_MC_DE_de_X_KV_001MST_00S_1x1_ABC123.png", "v2", "MC_DE_de_X_KV_001MST_00S_1x1.png"),
        ("1_MC_DE_de_X_KV_MST_NA_1x1_ABC123.png", "v2", "MC_DE_de_X_KV_MST_NA_1x1.png"),
        (V2_1, "v2_1", "NUT_SUMMER_OLV_30S_16x9_DE_de.mp4"),
        ("7777_ROC_TEST-E2E2_EHI_1x1_DE_de_a7K9mP.png", "v2_1", "ROC_TEST-E2E2_EHI_1x1_DE_de.png"),
        ("7777_ROC_TEST_EHI_002_6S_1x1_CA_fr-CA_bvSGyd.mp4", "v2_1", "ROC_TEST_EHI_002_6S_1x1_CA_fr-CA.mp4"),
        ("7777_ROC_TEST_EHI_MST_1x1_GL_Global_bvSGyd.mp4", "v2_1", "ROC_TEST_EHI_MST_1x1_GL_Global.mp4"),
        ("7777_KPI_TEST_TIK_9x16_CH_gsw_bvSGyd.MP4", "v2_1", "KPI_TEST_TIK_9x16_CH_gsw.MP4"),
    ],
)
def test_each_scheme_takes_its_names_and_keeps_its_order_in_the_dam(text, scheme, clean_name):
    name = parsed(text)
    assert (name.scheme, name.clean_name, str(name)) == (scheme, clean_name, text)


def test_a_name_tells_its_components_whatever_their_order():
    name = parsed(V2_1)
    assert (name.subject, name.language, name.asset_type, name.tracking_id) == ("SUMMER", "de", "OLV", "pOiJ9s")
    assert (name.version, name.duration) == ("", "30S")


def test_an_unknown_asset_type_of_the_right_form_is_taken_with_a_note():
    assert parsed(V2).notes == ()
    [note] = parsed(V2.replace("OLV", "Q7Z")).notes
    assert note == "The asset type Q7Z is not among the known ones (naming.asset_types)."


@given(agency_names)
def test_parsing_is_the_inverse_of_formatting(name):
    assert replace(parsed(str(name)), notes=()) == name


@pytest.mark.fault(49)
@given(st.text() | st.text(alphabet="_.AB19sx $-", max_size=300))
def test_no_input_crashes_the_parser_and_what_it_accepts_it_writes_back(text):
    result = parse_name(text, RULES)
    assert str(result) == text if isinstance(result, AgencyName) else result.problems


# Without its version such a name is a right one.
@given(agency_names, st.sampled_from([key for key in TITLES if key not in {"version", "media"}]))
def test_a_missing_component_is_called_missing(name, key):
    parts = [value for other, value in name.components.items() if other not in {key, "media"}]
    assert wrong_parts(f"{'_'.join(parts)}.{name.extension}") == {TITLES[key]: ""}


@given(agency_names, st.sampled_from([key for key in TITLES if key not in {"version", "media"}]))
def test_an_empty_component_is_called_missing(name, key):
    assert wrong_parts(renamed(name, **{key: ""})) == {TITLES[key]: ""}


@pytest.mark.parametrize(
    ("key", "found", "nearest"),
    [
        ("job", "12345678901", None),
        ("job", "OMG1234567", "1234567"),
        ("job", "１２３４５６７", "1234567"),
        ("job", "1234x67", None),
        ("brand", "raf", "RAF"),
        ("country", "de", "DE"),
        ("country", "DEU", "DE"),
        ("country", "QQ", None),
        ("language", "DE", "de"),
        ("language", "DEU", "deu"),
        ("language", "FR-ca", "fr-CA"),
        ("language", "global", "Global"),
        ("subject", "Früh ling!", "Fruh ling"),
        ("subject", "T" * 26, None),
        ("type", "olv", "OLV"),
        ("version", "1", "001"),
        ("version", "0012", "012"),
        ("version", "001mst", "001MST"),
        ("duration", "6sec", "6S"),
        ("duration", "6", "6S"),
        ("duration", "n-a", "NA"),
        ("ratio", "16X9", "16x9"),
        ("ratio", "9:16", "9x16"),
        ("tracking", "ABC-123", "ABC123"),
    ],
)
def test_a_near_miss_names_its_component_and_the_nearest_legal_value(key, found, nearest):
    good = parsed(V2)
    result = parse_name(renamed(good, **{key: found}), RULES)
    assert isinstance(result, NameProblems)
    [problem] = result.problems
    assert problem.component == TITLES[key]
    assert good.pattern[1:-1].split("}_{")[problem.position - 1] == key
    assert (problem.found, problem.nearest) == (found, nearest)
    assert f"“{nearest}”" in str(result) if nearest else problem.expected in str(result)


@given(agency_names, st.lists(_matching("[a-z]{4,8}"), min_size=1, max_size=3))
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
        (V2.removesuffix(".mp4"), {"extension": ""}),
        (V2 + " ", {"extension": "mp4 "}),
        (V2.replace(".", "_v2."), {"one component too many": "v2"}),
        (V2.replace("DE_", "DE__"), {"one component too many": "__"}),
        ("1" * 300, {"length": "300 characters, 1 parts"}),
    ],
)
def test_what_belongs_to_no_component_is_told_too(name, wrong):
    assert wrong_parts(name) == wrong


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            V2.replace("TEST_OLV_001", "Spaß_OLV_1"),
            "The name is wrong: subject title “Spaß” → “Spass”; version “1” → “001”.",
        ),
        (
            V2_1.replace("DE", "QQ").replace("_pOiJ9s", ""),
            "The name is wrong: country “QQ”, expected an ISO 3166-1 code of two upper-case letters, or GL, UK, EU, "
            "XX; missing: tracking ID; a correct one looks like 1234567_RAF_TEST-JOB_OLV_6S_16x9_DE_de_ABC123.mp4.",
        ),
        (
            "Final film.mp4",
            "This is no name of a final, 7 parts are wrong or missing; a correct one looks like "
            "1234567_RAF_TEST-JOB_OLV_001_6S_16x9_DE_de_ABC123.mp4.",
        ),
    ],
)
def test_the_sentence_tells_what_is_wrong_and_what_is_right(name, sentence):
    assert str(parse_name(name, RULES)) == sentence


@pytest.mark.parametrize(("name", "scheme"), [(V2, "v2"), (V2_1, "v2_1")])
def test_problems_are_told_against_the_scheme_that_comes_nearest(name, scheme):
    wrong = parse_name(name.replace("OLV", "olv"), RULES)
    assert isinstance(wrong, NameProblems)
    assert [problem.component for problem in wrong.problems] == ["asset type"]
    assert parsed(wrong.example).scheme == scheme


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (V2.replace("TEST_OLV", "Spaß_olv"), V2.replace("TEST", "Spass")),
        (V2.lower().replace("abc123", "ABC123").replace(".mp4", ".mp4 "), V2.replace("TEST", "test")),
        (V2.replace("DE", "QQ"), None),
        (V2.replace("_6S", ""), None),
        (V2.replace("TEST", "TE_ST"), None),
        (V2.replace(".", "_v2."), None),
        (V2.removesuffix(".mp4"), None),
    ],
)
def test_the_whole_name_is_suggested_where_it_is_beyond_doubt(wrong, meant):
    result = parse_name(wrong, RULES)
    assert (result.meant if isinstance(result, NameProblems) else result) == (parsed(meant) if meant else None)


@given(agency_names, st.sampled_from([*TITLES]), st.text(alphabet="aAbB19 -é", max_size=8))
def test_a_name_that_is_suggested_is_right(name, key, value):
    result = parse_name(renamed(name, **{key: value}), RULES)
    if isinstance(result, NameProblems) and result.meant:
        assert parsed(str(result.meant)) == result.meant
    assert len(str(result)) > 0


def test_no_name_is_suggested_that_is_too_long():
    name = V2.replace("ABC123", "ABC123" + " " * (MAX_NAME_LENGTH - len(V2)))
    assert len(name) == MAX_NAME_LENGTH
    assert isinstance(parse_name(name + " ", RULES), NameProblems)


def test_the_sites_code_lists_decide():
    naming = load_site().naming.model_copy(
        update={"brands": ("FRR",), "asset_types": ("OOH",), "other_asset_types": False, "extra_countries": ()}
    )
    result = parse_name(V2.replace("DE", "UK"), type(naming).model_validate(naming.model_dump()).rules)
    assert isinstance(result, NameProblems)
    assert [(p.component, p.expected, p.example) for p in result.problems] == [
        ("brand", "one of FRR", "FRR"),
        ("country", "an ISO 3166-1 code of two upper-case letters", "DE"),
        ("asset type", "one of OOH", "OOH"),
    ]
