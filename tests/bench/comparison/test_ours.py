"""The product's own row: priced by its own code, sold by its own contract, attacked by both sides."""

import pytest

from assay_bench.comparison.approaches import find
from assay_bench.comparison.trade import SELLERS, Gains, draw

pytestmark = pytest.mark.integration


def test_a_sale_tells_the_buyer_nothing_before_it_pays_and_the_oracle_everything() -> None:
    gains = {name: 0.1 if name == "useful" else 0.0 for name in SELLERS}
    trade = draw("small", 11, Gains(validation=gains, test=gains))
    row = find("ours-influence").run(trade)
    data, model, cost = row.data_leakage, row.model_leakage, row.practicality
    assert (data.recovered.value, data.kept.value, data.third_party.value) == (0, 0, 1)
    assert model.weights.value == 0
    assert model.fidelity.value is not None
    assert model.alone.value is not None
    assert model.fidelity.value >= model.alone.value
    assert cost.gas.value is not None
    assert 100_000 < cost.gas.value < 160_000
    assert row.fairness.cheating_buyer.value == 0
