"""Real cases: prices against true gains, and the orderings of sellers that must hold."""

from collections.abc import Mapping

import numpy as np

from assay_bench.pricing.cases import CASES
from assay_bench.pricing.cases.sellers import FEW, FEW_COPIED, MISLABELLED_30, NEW, OWN_COPY
from assay_bench.pricing.reporting.case_figures import PriceAndGain, best_first, case_figures, mean_figures
from assay_bench.pricing.reporting.result_set import ResultSet
from assay_bench.pricing.reporting.rows import CaseRow, CaseSeedRow, SellerMeans
from assay_bench.pricing.results import CaseResult, SellerResult
from assay_bench.pricing.units import Part, Unit
from assay_pricing import methods


def case_rows(results: ResultSet, method: str = methods.DEFAULT) -> dict[str, CaseRow]:
    """The cases that were computed by a method, by letter."""
    return {
        letter: case_row(name, draws)
        for name, letter in CASES.items()
        if (draws := results.select(Part.CASE, CaseResult, data=name, name=method))
    }


def case_row(name: str, draws: list[tuple[Unit, CaseResult]]) -> CaseRow:
    """Compares price and true gain in each draw, and on average."""
    seeds = tuple(
        CaseSeedRow(
            seed=unit.seed,
            figures=case_figures(case),
            figures_whole=case_figures(case.as_whole),
            orderings=check_orderings(case.sellers),
            **dict(case),
        )
        for unit, case in draws
    )
    means = {seller: _means([one.sellers[seller] for one in seeds]) for seller in seeds[0].sellers}
    orderings = check_orderings(means)
    return CaseRow(
        name=name,
        metric=seeds[0].metric,
        figures=mean_figures([one.figures for one in seeds]),
        figures_whole=mean_figures([one.figures_whole for one in seeds]),
        sellers=means,
        orderings=orderings,
        held={rule: sum(one.orderings[rule] for one in seeds) / len(seeds) for rule in orderings},
        seeds=seeds,
    )


def _means(draws: list[SellerResult]) -> SellerMeans:
    errors = np.array([seller.gain_error for seller in draws])
    return SellerMeans(
        priced=float(np.mean([seller.priced / seller.records for seller in draws])),
        price=float(np.mean([seller.price for seller in draws])),
        set_value=float(np.mean([seller.set_value for seller in draws])),
        gain=float(np.mean([seller.gain for seller in draws])),
        gain_error=float(np.sqrt((errors**2).sum()) / len(draws)),
        gain_validation=float(np.mean([seller.gain_validation for seller in draws])),
        gain_whole=float(np.mean([seller.whole.gain for seller in draws])),
    )


def check_orderings(sellers: Mapping[str, PriceAndGain]) -> dict[str, bool]:
    """Which of the orderings hold that a price must respect in every case."""
    price = {kind: float(seller.price) for kind, seller in sellers.items()}
    return {
        "best_first": best_first(sellers),
        "own_copy_at_most_5_percent": price[OWN_COPY] <= 0.05 * max(price.values()),
        "mislabelled_below_clean": price[MISLABELLED_30] < price[NEW],
        "copied_at_most_1.1_of_few": price[FEW_COPIED] <= 1.1 * price[FEW],
    }
