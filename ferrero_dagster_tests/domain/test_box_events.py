"""Which events of Box make a listing necessary."""

import pytest

from ferrero_dagster.domain.box_events import BoxEvent
from ferrero_dagster.domain.ids import BoxId

FOLDER, ELSEWHERE, FILE = BoxId("10"), BoxId("20"), BoxId("1")


def event(*folders, item_id=FILE, is_file=True, is_whole_path=True):
    return BoxEvent(item_id=item_id, is_file=is_file, folders=frozenset(folders), is_whole_path=is_whole_path)


@pytest.mark.parametrize(
    ("event", "known", "is_ours", "is_ours_with_subfolders"),
    [
        (event(FOLDER), (), True, True),
        (event(BoxId("0"), FOLDER, BoxId("11")), (), True, True),
        (event(ELSEWHERE), (), False, False),
        (event(ELSEWHERE), (FILE,), True, True),  # it was moved away
        (event(), (), True, True),  # deleted, from wherever
        (event(ELSEWHERE, item_id=None), (), True, True),
        (BoxEvent(), (), True, True),
        (event(ELSEWHERE, item_id=FOLDER, is_file=False), (), True, True),
        (event(ELSEWHERE, is_file=False), (), False, True),  # a folder of ours may have been moved there
        (event(ELSEWHERE, is_whole_path=False), (), False, True),  # and that may lie in a folder of ours
    ],
)
def test_what_may_concern_the_folder_does(event, known, is_ours, is_ours_with_subfolders):
    assert event.may_concern(FOLDER, known=known, subfolders=False) == is_ours
    assert event.may_concern(FOLDER, known=known, subfolders=True) == is_ours_with_subfolders
