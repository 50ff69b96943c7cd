"""Real cases: prices against true gains, and the orderings of sellers that must hold."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from assay_bench.figures import spearman
from assay_bench.pricing.cases import CASES
from assay_bench.pricing.cases.case import FEW, FEW_COPIED, MISLABELLED, NEW, OWN_COPY
from assay_bench.pricing.reporting.result_set import ResultSet
from assay_bench.pricing.reporting.rows import CaseRow, CaseSeedRow, SellerMeans
from assay_bench.pricing.results import CaseResult, SellerResult
from assay_bench.pricing.units import Part, Unit


class PriceAndGain(Protocol):
    """What is compared of a seller: one draw's values, or means."""

    @property
    def price(self) -> float:
        """Base units."""

    @property
    def gain(self) -> float:
        """True gain, log loss."""


def case_rows(results: ResultSet) -> dict[str, CaseRow]:
    """The cases that were computed, by letter."""
    return {
        letter: case_row(name, draws)
        for name, letter in CASES.items()
        if (draws := results.select(Part.CASE, CaseResult, data=name))
    }


def case_row(name: str, draws: list[tuple[Unit, CaseResult]]) -> CaseRow:
    """Compares price and true gain in each draw, and on average."""
    seeds = tuple(
        CaseSeedRow(
            seed=unit.seed,
            fidelity=case.fidelity,
            seconds_fit=case.seconds_fit,
            sellers=case.sellers,
            spearman=price_gain_correlation(case.sellers),
            orderings=check_orderings(case.sellers),
        )
        for unit, case in draws
    )
    means = {seller: _means([one.sellers[seller] for one in seeds]) for seller in seeds[0].sellers}
    orderings = check_orderings(means)
    return CaseRow(
        name=name,
        sellers=means,
        spearman=float(np.mean([one.spearman for one in seeds])),
        spearman_of_means=price_gain_correlation(means),
        orderings=orderings,
        held={rule: sum(one.orderings[rule] for one in seeds) / len(seeds) for rule in orderings},
        fidelity=float(np.mean([one.fidelity for one in seeds])),
        seeds=seeds,
    )


def _means(draws: list[SellerResult]) -> SellerMeans:
    return SellerMeans(
        price=float(np.mean([seller.price for seller in draws])),
        set_value=float(np.mean([seller.set_value for seller in draws])),
        gain=float(np.mean([seller.gain for seller in draws])),
    )


def price_gain_correlation(sellers: Mapping[str, PriceAndGain]) -> float:
    """Spearman's rank correlation of price and true gain over sellers.

    Sellers with a negative gain tie at 0: their data would not be bought, and no price is below 0.
    """
    price = np.array([float(seller.price) for seller in sellers.values()])
    return spearman(price, np.clip([seller.gain for seller in sellers.values()], 0, None))


def check_orderings(sellers: Mapping[str, PriceAndGain]) -> dict[str, bool]:
    """Which of the orderings hold that a price must respect in every case."""
    price = {kind: float(seller.price) for kind, seller in sellers.items()}
    gain = {kind: max(float(seller.gain), 0.0) for kind, seller in sellers.items()}
    highest = max(price.values())
    return {
        "best_first": price[max(gain, key=gain.__getitem__)] == highest and highest > 0,
        "own_copy_at_most_5_percent": price[OWN_COPY] <= 0.05 * highest,
        "mislabelled_below_clean": price[MISLABELLED] < price[NEW],
        "copied_at_most_1.1_of_few": price[FEW_COPIED] <= 1.1 * price[FEW],
    }
