"""The benchmark of blind quotes, on a few records."""

from pathlib import Path

import pytest

from assay_bench.blind.__main__ import table
from assay_bench.blind.run import run

pytestmark = pytest.mark.unit


def test_a_run_measures_equal_prices_and_bytes_within_the_goals(tmp_path: Path) -> None:
    told: list[str] = []
    found = run((40,), (), tmp_path, told.append)
    assert found.seconds["40"].equal
    assert found.features >= 128
    assert found.bytes_up <= 4_000_000
    assert found.bytes_down <= 1_000_000
    (peer,) = found.peers.values()
    assert peer.agreement > 0.99
    assert "40 records" in told
    assert "MB up" in table(found)
