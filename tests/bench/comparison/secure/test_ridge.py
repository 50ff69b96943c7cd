"""Two owners and an engine fit one ridge model; the holder of the key solves it blindly."""

import numpy as np
import pytest

from assay_bench.comparison.secure.paillier import SecretKey
from assay_bench.comparison.secure.ridge import solved

pytestmark = pytest.mark.unit

DRAW = np.random.default_rng(0)
OWNERS = [(DRAW.integers(-8, 9, (20, 4)), DRAW.integers(0, 2, (20, 2))) for _ in range(2)]


def test_the_model_is_that_of_all_records_in_the_clear() -> None:
    found = solved(SecretKey(512), OWNERS, damping=3)
    x, y = (np.vstack(parts) for parts in zip(*OWNERS, strict=True))
    assert np.allclose(found.weights, np.linalg.solve(x.T @ x + 3 * np.eye(4), x.T @ y), rtol=1e-12)
    assert found.sizes == [(10 + 8) * 128] * 2 + [(16 + 8) * 128, 8 * 64]


def test_a_key_without_room_for_the_fractions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least \d+ bits, got 64"):
        solved(SecretKey(64), OWNERS, damping=3)
