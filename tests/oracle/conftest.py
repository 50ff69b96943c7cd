"""An oracle in memory for every unit test of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.journal.close()
