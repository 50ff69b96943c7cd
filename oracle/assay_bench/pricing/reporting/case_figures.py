"""How well the prices of one draw of a real case agree with true gains: in rank, in size, in money."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from assay_bench.figures import Floats, line, mean, payment_share, spearman
from assay_bench.pricing.cases.sellers import NESTED
from assay_bench.pricing.reporting.rows import CaseFigures
from assay_bench.pricing.results import CaseResult, SellerResult


class PriceAndGain(Protocol):
    """What is compared of a seller: one draw's values, or means."""

    @property
    def price(self) -> float:
        """Base units."""

    @property
    def gain(self) -> float:
        """True gain on test records."""

    @property
    def gain_error(self) -> float:
        """Its standard error."""


def case_figures(case: CaseResult) -> CaseFigures:
    """The figures of one draw.

    A seller is useful if the true gain exceeds its standard error, and harmful if the loss does.
    """
    sellers = list(case.sellers.values())
    gain, error = np.array([one.gain for one in sellers]), np.array([one.gain_error for one in sellers])
    value, price = np.array([one.set_value for one in sellers]), np.array([one.price_in_gain for one in sellers])
    halves = np.array([one.gain_halves for one in sellers])
    slope, r2 = line(_bought(gain), _bought(value))
    slope_full, r2_full = line(gain, value)
    price_slope, price_r2 = line(_bought(gain), price)
    useful, harmful = gain > error, gain < -error
    return CaseFigures(
        rho=price_gain_correlation(case.sellers),
        rho_set_value=spearman(gain, value),
        ceiling=spearman(_bought(halves[:, 0]), _bought(halves[:, 1])),
        ceiling_validation=spearman(_bought(np.array([one.gain_validation for one in sellers])), _bought(gain)),
        slope=slope,
        r2=r2,
        slope_full=slope_full,
        r2_full=r2_full,
        price_slope=price_slope,
        price_r2=price_r2,
        paid_over_true=float(price[useful].sum() / gain[useful].sum()) if useful.any() else None,
        harmful_paid=None if case.refused or not price.any() else payment_share(price, harmful),
        monotone=mean(larger.price >= smaller.price for smaller, larger in useful_pairs(case.sellers)),
        best_first=not case.refused and best_first(case.sellers),
        best_first_ceiling=mean(
            _names_best(halves[:, i], halves[:, 1 - i], error * np.sqrt(2)) for i in range(halves.shape[1])
        ),
        best_first_validation=_names_best(np.array([one.gain_validation for one in sellers]), gain, error),
        refused=case.refused,
        fidelity=case.fidelity,
        tested_rank=case.tested_rank,
        tested_slope=case.tested_slope,
        binary_over_graded=case.binary_over_graded,
        seconds_fit=case.seconds_fit,
        seconds_appraise=mean(one.seconds for one in sellers),
    )


def mean_figures(draws: Sequence[CaseFigures]) -> CaseFigures:
    """The mean of each figure over the draws that define it."""
    return CaseFigures.model_validate(
        {name: mean(getattr(one, name) for one in draws) for name in CaseFigures.model_fields}
    )


def _bought(gain: Floats) -> Floats:
    """Gains of what is bought: a harmful offer counts as 0, as no price is below 0."""
    return np.clip(gain, 0, None)


def price_gain_correlation(sellers: Mapping[str, PriceAndGain]) -> float:
    """Spearman's rank correlation of price and true gain over sellers; those with a negative gain tie at 0."""
    price = np.array([float(seller.price) for seller in sellers.values()])
    return spearman(price, _bought(np.array([seller.gain for seller in sellers.values()])))


def best_first(sellers: Mapping[str, PriceAndGain]) -> bool:
    """Whether something is paid, and most to the best seller, or to one as good within the best's standard error."""
    price, gain, error = (
        np.array([getattr(one, name) for one in sellers.values()]) for name in ("price", "gain", "gain_error")
    )
    return bool(price.max() > 0) and _names_best(price, gain, error)


def _names_best(scores: Floats, gain: Floats, error: Floats) -> bool:
    """Whether a seller of the highest score has the highest gain, or one below it by at most the best's error."""
    best = gain.argmax()
    return bool(gain[scores == scores.max()].max() >= gain[best] - error[best])


def useful_pairs(sellers: Mapping[str, SellerResult]) -> list[tuple[SellerResult, SellerResult]]:
    """Nested pairs, the smaller offer first, in which the added records are useful.

    They are where the true gains differ by more than the standard error of the difference of two independent ones.
    """
    pairs = [(sellers[smaller], sellers[larger]) for smaller, larger in NESTED if {smaller, larger} <= sellers.keys()]
    return [(a, b) for a, b in pairs if b.gain - a.gain > float(np.hypot(a.gain_error, b.gain_error))]
