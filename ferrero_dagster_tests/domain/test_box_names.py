"""Names for Box are legal whatever people wrote."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.box_names import box_file_name, box_name, campaign_folder_name, same_folder_name
from ferrero_dagster.domain.ids import TrackingId

ODD_CHARACTERS = './\\<>:"|?* \t\n\u00a0\u200d\u202e\ud800e\u0301🎄_a'
odd_names = st.text(max_size=300) | st.text(alphabet=ODD_CHARACTERS, max_size=300)


def is_legal(name: str) -> bool:
    return (
        0 < len(name) <= 255
        and name == name.strip(" .")
        and not set(name) & set('/\\<>:"|?* \t\n')
        and not {unicodedata.category(char) for char in name} & {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}
        and unicodedata.is_normalized("NFC", name)
    )


@given(odd_names)
def test_a_box_name_is_legal_and_stays_as_it_is(name):
    once = box_name(name)
    assert is_legal(once)
    assert box_name(once) == once


@given(odd_names, st.sampled_from(["", ".mp4", ".TIFF"]))
def test_a_box_file_name_is_legal_and_ends_with_tracking_id_and_extension(stem, extension):
    name = box_file_name(f"{stem}x{extension}", TrackingId("ABC123"))
    assert is_legal(name)
    assert name.endswith(extension)
    assert box_name(name) == name


@pytest.mark.parametrize(
    ("name", "in_box"),
    [
        ("06_RAFFAELLO_MAESTRO_SD.mp4", "06_RAFFAELLO_MAESTRO_SD_ABC123.mp4"),
        ("no extension", "no_extension_ABC123"),
        ("Campaign 2.0 final version", "Campaign_2.0_final_version_ABC123"),
        (".hidden", "hidden_ABC123"),
        (".mp4", "mp4_ABC123"),
        ("...", "__ABC123"),
        ("archive.tar.gz", "archive.tar_ABC123.gz"),
        ("../../etc/passwd", "_.._etc_passwd_ABC123"),
        ("NUL.txt", "NUL_ABC123.txt"),
        ("🎄 Weihnacht.png", "🎄_Weihnacht_ABC123.png"),
        ("a" * 300 + ".mp4", "a" * 244 + "_ABC123.mp4"),
        ("cafe\u0301.jpg", "caf\u00e9_ABC123.jpg"),
    ],
)
def test_a_master_carries_its_tracking_id_in_box(name, in_box):
    assert box_file_name(name, TrackingId("ABC123")) == in_box


@pytest.mark.parametrize(
    ("pattern", "number", "name", "folder"),
    [
        ("{number}-{name}", "C000000078", "Local adaptation test 2", "C000000078-Local_adaptation_test_2"),
        ("MASTERS_{name}", "C000000001", "NUTELLA PLANT-BASED LAUNCH", "MASTERS_NUTELLA_PLANT-BASED_LAUNCH"),
        ("{number}-{name}", "C1", "a/b {number} {name}", "C1-a_b_{number}_{name}"),
    ],
)
def test_a_campaigns_folder_is_named_by_the_routes_pattern(pattern, number, name, folder):
    assert campaign_folder_name(pattern, number, name) == folder


@pytest.mark.fault(66)
@pytest.mark.parametrize(
    ("found", "same"),
    [
        ("01 Master Assets", True),
        (" 01 MASTER assets ", True),
        ("Master Assets", True),
        ("01\u00a0Master  Assets\u200b", True),
        ("０１　Ｍaster\tAssets", True),
        ("02 Master Assets", False),
        ("MasterAssets", False),
        ("Master Assets old", False),
        ("", False),
    ],
)
def test_folders_match_as_people_see_them_without_case_and_without_the_leading_number(found, same):
    assert same_folder_name(found, "01 Master Assets") is same
