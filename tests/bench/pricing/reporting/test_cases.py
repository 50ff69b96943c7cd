"""Real cases: their rows, and the orderings, by hand."""

import pytest

from assay_bench.pricing.reporting.cases import case_row, case_rows, check_orderings
from assay_bench.pricing.reporting.result_set import ResultSet
from assay_bench.pricing.units import Part
from tests.bench.pricing.synthetic import DEFAULT, case, results, unit

pytestmark = pytest.mark.unit

ALL_HOLD = {
    "best_first": True,
    "own_copy_at_most_5_percent": True,
    "mislabelled_below_clean": True,
    "copied_at_most_1.1_of_few": True,
}


def test_all_orderings_hold_for_a_good_price() -> None:
    assert check_orderings(case().sellers) == ALL_HOLD


@pytest.mark.parametrize(
    ("rule", "seller", "price"),
    [
        ("best_first", "few", 0.51),
        ("own_copy_at_most_5_percent", "own_copy", 0.026),
        ("mislabelled_below_clean", "mislabelled_30", 0.5),
        ("copied_at_most_1.1_of_few", "few_copied", 0.23),
    ],
)
def test_a_price_that_breaks_one_ordering_breaks_no_other(rule: str, seller: str, price: float) -> None:
    gain = case().sellers[seller].gain
    assert check_orderings(case(**{seller: (price, gain)}).sellers) == ALL_HOLD | {rule: False}


def test_nothing_is_first_if_nothing_is_paid() -> None:
    free = case(**{name: (0.0, seller.gain) for name, seller in case().sellers.items()})
    assert not check_orderings(free.sellers)["best_first"]


def test_a_row_has_means_over_seeds_and_the_share_of_seeds_in_which_an_ordering_holds() -> None:
    draws = [
        (unit(Part.CASE, DEFAULT, data="news", setting="-", seed=seed), case(few=(price, 0.2)))
        for seed, price in ((1, 0.2), (2, 0.6))
    ]
    row = case_row("news", draws)
    assert row.held == dict.fromkeys(ALL_HOLD, 1.0) | {"best_first": 0.5}
    assert row.sellers["few"].price == pytest.approx(0.4 * 10**18)
    assert row.orderings == ALL_HOLD
    assert [one.seed for one in row.seeds] == [1, 2]
    assert row.metric == "log_loss"
    assert row.sellers["few"].gain_error == pytest.approx(0.01 / 2**0.5)
    rho = [one.figures.rho for one in row.seeds if one.figures.rho is not None]
    assert row.figures.rho == pytest.approx(sum(rho) / 2)


def test_cases_without_results_are_left_out() -> None:
    assert list(case_rows(results())) == ["C"]
    assert case_rows(ResultSet({})) == {}
