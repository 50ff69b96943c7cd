"""Numerai's stakes and OpenMined's layout: what each gives away, and what its contract costs."""

import pytest

from assay_bench.comparison.approaches import find
from assay_bench.comparison.trade import SELLERS, Gains, draw

pytestmark = pytest.mark.integration

WORTH = {name: 0.1 if name == "useful" else 0.0 for name in SELLERS}
TRADE = draw("small", 11, Gains(validation=WORTH, test=WORTH))


def test_predictions_for_features_of_the_buyers_choice_tell_the_sellers_records() -> None:
    row = find("stakes").run(TRADE)
    assert row.data_leakage.membership.value is not None
    assert row.data_leakage.membership.value > 0.8
    assert row.practicality.gas.value is not None
    assert 80_000 < row.practicality.gas.value < 130_000


def test_the_key_server_can_read_the_model_and_the_buyer_reads_records_off_a_gradient() -> None:
    row = find("openmined").run(TRADE)
    assert row.data_leakage.recovered.value is not None
    assert row.data_leakage.recovered.value > 0.3
    assert row.data_leakage.third_party == row.data_leakage.recovered
    assert row.model_leakage.third_party.value == 1
    assert row.practicality.seconds.formula
    assert row.fairness.cheating_buyer.value is not None
    assert row.fairness.cheating_buyer.value > 0
