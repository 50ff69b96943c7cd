"""The summary of the real cases: the worst case of each figure, or the mean over the cases."""

from collections.abc import Mapping, Sequence

from assay_bench.figures import mean
from assay_bench.pricing.reporting.rows import CaseFigures, CaseRow

_WELL_RANKED, _BELOW_CEILING, _UNINFORMATIVE = 0.9, 0.05, 0.5
_SIZES = ("slope", "price_slope", "paid_over_true")
_FITS = ("r2", "price_r2")
_MEANS = ("harmful_paid", "monotone", "best_first", "best_first_ceiling", "best_first_validation")
_WHOLE = "_whole"


def summarise_cases(cases: Mapping[str, CaseRow]) -> dict[str, float | None]:
    """The figures of the summary that are of the cases, over those that were run; None for one that no case defines."""
    figures = [case.figures for case in cases.values()]
    summary = _extremes(figures, _SIZES, _FITS)
    summary |= {name: mean(getattr(one, name) for one in figures) for name in _MEANS}
    binary = mean(one.binary_over_graded for one in figures)
    summary["binary_difference"] = None if binary is None else abs(binary - 1)
    whole = [case.figures_whole for case in cases.values()]
    summary |= _extremes(whole, ("slope", "paid_over_true"), ("r2",), _WHOLE)
    summary[f"harmful_paid{_WHOLE}"] = mean(one.harmful_paid for one in whole)
    summary["rho_shortfall"] = max(map(shortfall, figures), default=None)
    refused = [one.figures for case in cases.values() for one in case.seeds if one.refused]
    summary["informative_refusals"] = mean((one.rho or 0.0) < _UNINFORMATIVE for one in refused)
    return summary


def _extremes(
    figures: Sequence[CaseFigures], sizes: Sequence[str], fits: Sequence[str], suffix: str = ""
) -> dict[str, float | None]:
    """The lowest case of each figure, and of ``sizes`` also the highest; None for one that no case defines."""
    found: dict[str, float | None] = {}
    for name in (*sizes, *fits):
        known = [value for one in figures if (value := getattr(one, name)) is not None]
        found[f"{name}{suffix}_lowest"] = min(known, default=None)
        if name in sizes:
            found[f"{name}{suffix}_highest"] = max(known, default=None)
    return found


def shortfall(figures: CaseFigures) -> float:
    """How much the rank correlation is under 0.9 or, if that is less, under its ceiling less 0.05; below 0 if above."""
    return min(_WELL_RANKED, (figures.ceiling or 0.0) - _BELOW_CEILING) - (figures.rho or 0.0)
