"""`naming` in the site configuration: what patterns may say, and which are refused when it is loaded."""

from pathlib import Path

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.domain.filenames import NamingRules

V2 = "1234567_RAF_DE_de_TEST_OLV_001_6S_16x9_ABC123.mp4"


def rules(folder: Path, text: str) -> NamingRules:
    path = folder / "site.yaml"
    path.write_text(f"naming: {text}\n")
    return load_site(path).naming.rules


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("{job}_{colour}_{tracking}", "{colour} is no component; expected {job}, {brand}, {country}, "),
        ("{job}_{brand}_{type}", "expected {tracking}, not in brackets: it ties a final to its master"),
        ("{job}_{brand}[_{tracking}]", "expected {tracking}, not in brackets"),
        ("{job}_{brand}[_{type}_{tracking}", "expected a ] for every ["),
        ("{job}_{brand}]_{tracking}", "expected a ] for every ["),
        ("{job}_{brand_{tracking}", "is no component"),
        ("{brand}_{brand}_{tracking}", "expected {brand} once"),
        ("{brand}{type}_{tracking}", "expected a sign such as '_' between two components"),
        ("{brand}_[{type}]_{tracking}", "expected a component on both sides of every '_'"),
        ("{job}_{tracking}", "expected a component beside {job} and {tracking}"),
        ("{brand}/{tracking}", "expected no '/' beside components in braces"),
        ("", "expected {tracking}"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused_in_one_sentence(tmp_path, pattern, sentence):
    with pytest.raises(ConfigurationError) as refused:
        rules(tmp_path, f"{{schemes: {{own: '{pattern}'}}}}")
    assert "naming.schemes.own: " in str(refused.value)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "pattern",
    [
        "{job}_{brand}_{country}_{language}_{subject}_{type}_{version}_{duration}_{ratio}_{tracking}",
        "{job}_{brand}_{country}_{language}_{type}_{subject}_{duration}_{ratio}_{tracking}",
    ],
)
def test_two_schemes_that_fit_one_name_are_refused_with_such_a_name(tmp_path, pattern):
    with pytest.raises(ConfigurationError) as refused:
        rules(tmp_path, f"{{schemes: {{own: '{pattern}'}}}}")
    sentence = str(refused.value)
    assert "(schemes.v2) and " in sentence
    assert f"{pattern} (schemes.own); expected schemes of which a name fits one" in sentence
    example = sentence.partition("the name ")[2].partition(" fits both ")[0]
    assert load_site().naming.rules.read(f"{example}.mp4")


def test_a_scheme_is_added_by_its_name_and_a_shipped_one_taken_away(tmp_path):
    own = rules(tmp_path, "{schemes: {v2: null, own: 'FE_{tracking}-{subject}'}}")
    assert own.read(V2) is None
    name = own.read("FE_pOiJ9s-Big film.mp4")
    assert name is not None
    assert (name.scheme, name.tracking_id, name.clean_name) == ("own", "pOiJ9s", "Big film.mp4")


def test_a_pattern_can_say_a_media_code_before_the_tracking_id(tmp_path):
    own = rules(tmp_path, "{schemes: {v2_1: '{job}_{brand}_{subject}_{type}_{ratio}_[{media}$]{tracking}'}}")
    with_code, without = own.read("1_NUT_X_OLV_1x1_IGR$VEElc9.mp4"), own.read("1_NUT_X_OLV_1x1_VEElc9.mp4")
    assert with_code is not None
    assert without is not None
    assert (with_code.media_code, with_code.tracking_id) == ("IGR", "VEElc9")
    assert (with_code.clean_name, without.clean_name) == ("NUT_X_OLV_1x1_IGR.mp4", "NUT_X_OLV_1x1.mp4")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{schemes: {v2: null, v2_1: null}}", "naming: expected at least one pattern in schemes"),
        ("{brands: [A_B]}", "naming.brands.0: "),
        ("{languages: [no]}", "naming.languages.0: expected a valid string"),
        (
            "{extensions_of_asset_types: {OLV: [films]}}",
            "extensions_of_asset_types: films: expected kinds of",
        ),
        (
            "{unfinished_extensions: [part, mp4]}",
            "unfinished_extensions: mp4: expected endings that extensions has not",
        ),
        ("{aspect_ratios: ['16:9']}", "naming.aspect_ratios.0: expected a code without"),
        ("{extensions: {film: [.mp4]}}", "naming.extensions.film.0: expected an ending of small letters"),
        ("{max_subject_length: 0}", "naming.max_subject_length: "),
    ],
)
def test_a_wrong_list_is_refused_by_its_name(tmp_path, text, sentence):
    with pytest.raises(ConfigurationError, match="Site configuration") as refused:
        rules(tmp_path, text)
    assert sentence in str(refused.value)


def test_a_type_may_take_some_kinds_of_files_only(tmp_path):
    own = rules(tmp_path, "{extensions_of_asset_types: {OLV: [film]}}")
    assert own.read(V2) is not None
    assert own.read(V2.replace(".mp4", ".png")) is None
    assert own.read(V2.replace("OLV", "KV").replace(".mp4", ".png")) is not None
