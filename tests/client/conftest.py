"""A market in memory for every unit test of the client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.market import Market


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    made = Market(tmp_path)
    yield made
    made.journal.close()
