"""The columns of a row, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of, kept_by_data
from assay_bench.comparison.figures import Figure, measured, undefined
from assay_bench.comparison.meter import Meter
from assay_bench.comparison.reconstruction import guess_psnr, leakage, psnr
from assay_bench.comparison.trade import SELLERS, Gains, Trade, draw

pytestmark = pytest.mark.unit

WORTH = {"useful": 0.4, "few": 0.1, "same": 0.2, "mixed": 0.05, "mislabelled": -0.8, "noise": -0.2}
GAINS = {name: WORTH.get(name, 0.0) for name in SELLERS}


@pytest.fixture(scope="module")
def trade() -> Trade:
    return draw("small", 11, Gains(validation=GAINS, test=GAINS))


def test_a_figure_is_a_finite_number_or_says_why_there_is_none() -> None:
    for impossible in ({}, {"value": 1.0, "why": "none"}, {"value": float("nan")}):
        with pytest.raises(ValidationError, match="expected a finite number or why there is none"):
            Figure(**impossible)  # type: ignore[arg-type]


def test_prices_that_are_the_gains_are_fair(trade: Trade) -> None:
    found = fairness_of(trade, GAINS, cheating_buyer=measured(0))
    assert found.rank.value == pytest.approx(1)
    assert found.to_useless.value == 0
    assert found.cheating_seller.value == 0
    assert found.slope.value == pytest.approx(1)
    half = {name: 0.5 * gain for name, gain in GAINS.items()}
    assert fairness_of(trade, half, cheating_buyer=measured(0)).slope.value == pytest.approx(0.5)


def test_money_for_data_of_no_worth_and_cheats_are_counted(trade: Trade) -> None:
    prices = {**dict.fromkeys(SELLERS, 0.0), "useful": 0.4, "noise": 0.1, "mislabelled": -1.0}
    found = fairness_of(trade, prices, cheating_buyer=measured(0), in_nats=False)
    assert found.to_useless.value == pytest.approx(0.1 / 0.5)
    assert found.cheating_seller.value == pytest.approx(0.1 / 0.4)
    assert found.slope.value is None
    assert fairness_of(trade, prices, cheating_buyer=measured(0), switch=1.0).cheating_seller.value == 1
    nothing = fairness_of(trade, dict.fromkeys(SELLERS, 0.0), cheating_buyer=measured(0))
    assert (nothing.to_useless.why, nothing.rank.value) == ("nothing is paid", 0)
    assert fairness_of(trade, None, cheating_buyer=undefined("no data")).rank.value is None


def test_the_ratio_of_a_tenths_error_is_twenty_decibels_and_of_none_a_hundred() -> None:
    records = np.array([[0.5, 0.5], [0.2, 0.8]])
    assert psnr(records, records[::-1]) == pytest.approx([100, 100])
    assert psnr(records[:1], records[:1] + 0.1) == pytest.approx([20])
    assert psnr(records[:1], np.array([[5.0, -3.0]])) == pytest.approx([-10 * np.log10(0.25)])


def test_a_buyer_that_receives_nothing_guesses_and_one_that_receives_all_has_all(trade: Trade) -> None:
    blind = leakage(trade, "nothing", None, measured(0.5), kept=0, third_party=0)
    assert blind.psnr.value == pytest.approx(guess_psnr(trade))
    assert blind.recovered.value == 0
    assert leakage(trade, "the records", trade.useful.x, measured(1), kept=1, third_party=0).recovered.value == 1


def test_the_weights_are_the_best_copy_and_tell_members(trade: Trade) -> None:
    whole = model_leakage(trade, "the weights", trade.model, queries=0, weights=1)
    assert whole.fidelity.value == 1
    assert whole.membership.value is not None
    assert whole.membership.value > 0.5
    alone = model_leakage(trade, "nothing", copy_alone(trade), queries=0, weights=0)
    assert alone.fidelity == alone.alone == whole.alone


def test_who_keeps_the_useful_data_keeps_all_of_their_gain(trade: Trade) -> None:
    assert kept_by_data(trade, trade.useful).value == pytest.approx(1)
    assert kept_by_data(trade, trade.owner).value == pytest.approx(0, abs=0.2)


def test_a_meter_counts_what_it_is_entered_for(trade: Trade) -> None:
    meter = Meter()
    with meter:
        meter.sent(10)
    with meter:
        meter.sent(5)
        sum(range(10**6))
    found = meter.practicality(replace(trade, training_seconds=meter.seconds / 4), ("oracle",))
    assert (found.bytes_sent.value, found.rounds.value) == (15, 2)
    assert found.trainings.value == pytest.approx(4)
    assert found.gas.why == "no contract takes part"
