"""The two databases that a ledger can lie in."""

import pytest

BOTH_LEDGERS = pytest.mark.parametrize(
    "ledger",
    [
        pytest.param("sqlite", marks=pytest.mark.unit),
        pytest.param("postgresql", marks=pytest.mark.integration),
    ],
    indirect=True,
)
"""For tests that use the fixture ``market``: each runs on both."""
