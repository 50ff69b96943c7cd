"""Prices and true gains of the sellers of a real case."""

import importlib
import time
from pathlib import Path

from assay_bench.pricing.cases.case import Case
from assay_bench.pricing.results import CaseResult, SellerResult
from assay_bench.pricing.scorers.gate import is_refused, without_gate
from assay_bench.pricing.units import Unit
from assay_pricing.fitting import fit


def real_case(unit: Unit, packages: Path) -> CaseResult:
    """Fits a price function to the case's deployed model, and appraises every seller's offer.

    A function that is refused appraises, too, as if it were not: a report says what the refusal kept away.
    """
    case: Case = importlib.import_module(f"assay_bench.pricing.cases.{unit.data}").draw(packages, unit.seed)
    start = time.perf_counter()
    function = fit(case.model, case.owner, validation=case.validation, method=unit.name)
    seconds_fit = time.perf_counter() - start
    ungated = without_gate(function)
    sellers = {}
    for seller, offer in case.sellers.items():
        start = time.perf_counter()
        appraisal = ungated.appraise(offer)
        seconds = time.perf_counter() - start
        gain = case.gain(offer)
        sellers[seller] = SellerResult(
            records=offer.n,
            price=appraisal.price,
            set_value=appraisal.set_value,
            gain=gain.test,
            gain_error=gain.error,
            gain_halves=gain.halves,
            gain_validation=gain.validation,
            seconds=seconds,
        )
    return CaseResult(
        metric=function.manifest.metric,
        fidelity=function.fidelity,
        refused=is_refused(function),
        seconds_fit=seconds_fit,
        sellers=sellers,
    )
