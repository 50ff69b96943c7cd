"""The product's own row: priced by its own code, sold by its own contract, attacked by both sides."""

import pytest

from assay_bench.comparison.approaches import find
from assay_bench.comparison.trade import SELLERS, Gains, draw

pytestmark = pytest.mark.integration


@pytest.mark.slow
@pytest.mark.parametrize(("size", "seed"), [("small", 11), ("large", 701)], ids=["price", "highest_price"])
def test_a_contract_pays_a_price_with_a_proof_and_the_proof_tells_no_more_than_the_price(size: str, seed: int) -> None:
    gains = dict.fromkeys(SELLERS, 0.0)
    trade = draw(size, seed, Gains(validation=gains, test=gains))
    clear, proven = (find(f"ours-{name}").run(trade) for name in ("ridge", "proven"))
    assert proven.fairness == clear.fairness
    assert proven.data_leakage == clear.data_leakage
    assert proven.model_leakage.model_copy(update={"received": clear.model_leakage.received}) == clear.model_leakage
    gas = [row.practicality.gas.value or 0.0 for row in (clear, proven)]
    assert gas[0] + 181_000 < gas[1] < gas[0] + 260_000, "a verified quote, less what a transaction of its own takes"


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
