"""The gate of a price function, and the same function without it."""

from typing import cast

import pytest

from assay_bench.pricing.scorers.gate import is_refused, without_gate
from assay_pricing.function import PriceFunction
from assay_pricing.manifest import Backtest
from assay_pricing.methods import Method
from tests.pricing.contexts import manifest

pytestmark = pytest.mark.unit

UNINFORMATIVE = Backtest(
    truth="learners",
    episodes=10,
    rank_agreement=0.1,
    rank_error=0.3,
    ceiling=0.9,
    slope=0.1,
    slope_error=0.2,
    expected_error=0.1,
)


@pytest.mark.parametrize("changes", [{"fidelity": 0.5}, {"fidelity": 0.99, "backtest": UNINFORMATIVE}])
def test_a_refused_function_prices_without_its_gate(changes: dict[str, object]) -> None:
    function = PriceFunction(manifest(**changes), cast(Method, None), {})
    assert is_refused(function)
    assert not is_refused(without_gate(function))
