"""The summary of the real cases: the worst case of each figure, or the mean over the cases."""

from collections.abc import Mapping

from assay_bench.figures import mean
from assay_bench.pricing.reporting.rows import CaseFigures, CaseRow

_WELL_RANKED, _BELOW_CEILING, _UNINFORMATIVE = 0.9, 0.05, 0.5
_SIZES = ("slope", "price_slope", "paid_over_true")
_FITS = ("r2", "price_r2")
_MEANS = ("harmful_paid", "monotone", "best_first")


def summarise_cases(cases: Mapping[str, CaseRow]) -> dict[str, float | None]:
    """The figures of the summary that are of the cases, over those that were run; None for one that no case defines."""
    figures = [case.figures for case in cases.values()]
    summary: dict[str, float | None] = {}
    for name in _SIZES + _FITS:
        known = [value for one in figures if (value := getattr(one, name)) is not None]
        summary[f"{name}_lowest"] = min(known, default=None)
        if name in _SIZES:
            summary[f"{name}_highest"] = max(known, default=None)
    summary |= {name: mean(getattr(one, name) for one in figures) for name in _MEANS}
    summary["rho_shortfall"] = max(map(shortfall, figures), default=None)
    refused = [one.figures for case in cases.values() for one in case.seeds if one.refused]
    summary["informative_refusals"] = mean((one.rho or 0.0) < _UNINFORMATIVE for one in refused)
    return summary


def shortfall(figures: CaseFigures) -> float:
    """How much the rank correlation is under 0.9 or, if that is less, under its ceiling less 0.05; below 0 if above."""
    return min(_WELL_RANKED, (figures.ceiling or 0.0) - _BELOW_CEILING) - (figures.rho or 0.0)
