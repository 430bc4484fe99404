"""Box's limits per minute and user, as the stand-in keeps them where they are switched on."""

import io

import pytest
import requests
from box_sdk_gen import UploadFileAttributes, UploadFileAttributesParentField

from ferrero_dagster.domain.files import Digest
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.sandbox.box import BoxSettings
from ferrero_dagster.sandbox.box.limits import MinuteLimits
from ferrero_dagster.sandbox.world import World
from ferrero_dagster_tests.fix_sandbox import opened_box
from ferrero_dagster_tests.fix_world import sha1


def ask(box, *, user="", times=1):
    """The statuses of so many calls of one user, each asked once."""
    token = box.auth.retrieve_token(network_session=box.client.network_session).access_token
    headers = {"Authorization": f"Bearer {token}", **({"As-User": user} if user else {})}
    return [requests.get(f"{box.url}/2.0/folders/0/items", headers=headers, timeout=10) for _ in range(times)]


def statuses(answers):
    return [answer.status_code for answer in answers]


def test_too_many_calls_of_one_user_are_told_to_come_again(box):
    box.settings.calls_per_minute = 3
    answers = ask(box, times=4)
    assert statuses(answers) == [200, 200, 200, 429]
    assert answers[-1].json()["code"] == "rate_limit_exceeded"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert statuses(ask(box, user="17")) == [200]


def test_uploads_are_counted_beside_the_calls(box):
    box.settings.uploads_per_minute, box.settings.minute_s = 2, 0.5
    attributes = UploadFileAttributes(name="a", parent=UploadFileAttributesParentField(id="0"))
    box.client.uploads.upload_file(attributes, io.BytesIO(b"a"))
    for name in "bc":
        attributes = UploadFileAttributes(name=name, parent=UploadFileAttributesParentField(id="0"))
        box.client.uploads.upload_file(attributes, io.BytesIO(b"a"))
    assert statuses(ask(box, times=5)) == [200] * 5
    assert [seen.status for seen in box.board.requests("POST", "/content")] == [201, 201, 429, 201]


@pytest.mark.parametrize(("minute", "pauses"), [("sliding", [0, 0, 51, 0, 9]), ("fixed", [0, 0, 51, 0, 0])])
def test_a_sliding_minute_forgets_one_by_one_what_a_fixed_one_forgets_at_once(minute, pauses):
    moments = iter([120.0, 129.0, 129.0, 180.0, 180.0])
    limits = MinuteLimits(BoxSettings(calls_per_minute=2, minute=minute), clock=lambda: next(moments))
    assert [round(limits.pause_s("", is_upload=False)) for _ in pauses] == pauses


def test_users_in_turn_have_an_allowance_each(served_box):
    served_box.settings.uploads_per_minute = 2
    digest = Digest(size_bytes=1, sha1_hex=sha1(b"x"), md5_hex="")
    with opened_box(served_box, as_users=("17", "18")) as box:
        for number in range(4):
            box.upload(BoxId("0"), str(number), io.BytesIO(b"x"), digest)
    assert {request.status for request in served_box.board.requests("POST", "/content")} == {201}


def test_a_world_with_limits_has_us_keep_to_what_its_box_takes(tmp_path):
    world = World(tmp_path / "limited", box_limits=True)
    assert (world.box_settings.uploads_per_minute, world.box_settings.calls_per_minute) == (240, 1000)
    assert World(tmp_path / "free").box_settings.uploads_per_minute == 0
