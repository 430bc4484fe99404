"""One DAM and one Box for all tests of the stand-ins; each test gets them empty and with their first settings."""

from collections.abc import Iterator

import pytest

from ferrero_dagster_tests.sandbox.box_sdk import SdkBox, sdk_box
from ferrero_dagster_tests.sandbox.otmm_dam import Dam, sample_campaign, signed_in_dam


@pytest.fixture(scope="session")
def running_dam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dam]:
    with signed_in_dam(tmp_path_factory.mktemp("dam")) as dam:
        yield dam


@pytest.fixture
def dam(running_dam: Dam) -> Dam:
    return running_dam.fresh()


@pytest.fixture
def campaign(dam: Dam) -> str:
    return sample_campaign(dam)


@pytest.fixture
def masters(dam: Dam, campaign: str) -> str:
    return dam.store.folder(campaign, "01 Master Assets")


@pytest.fixture(scope="session")
def running_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SdkBox]:
    with sdk_box(tmp_path_factory.mktemp("state") / "box") as box:
        yield box


@pytest.fixture
def box(running_box: SdkBox) -> SdkBox:
    return running_box.fresh()
