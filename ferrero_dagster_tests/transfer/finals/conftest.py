"""The agency of one test."""

import pytest

from ferrero_dagster_tests.fix_world import World
from ferrero_dagster_tests.transfer.finals.agency_world import Agency


@pytest.fixture
def agency(world: World) -> Agency:
    world.dam.settings.job_polls = 0
    return Agency(world)
