"""Figures of a proven price, of a small circuit."""

import pytest

from assay_bench.blind.proof import measured

pytestmark = pytest.mark.integration


def test_a_proof_has_the_size_and_the_gas_that_its_goals_allow() -> None:
    found = measured(4, 2)
    assert found.bytes == 256
    assert 181_000 < found.gas <= 260_000, "four pairings alone take 181,000"
    assert found.verifier_bytes < 24_576
    assert found.processor_seconds > 0
