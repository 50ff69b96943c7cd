"""Prices and true gains of the sellers of a real case."""

import importlib
import time
from pathlib import Path

from assay_bench.pricing.results import CaseResult, SellerResult
from assay_bench.pricing.units import Unit
from assay_pricing.fitting import fit


def real_case(unit: Unit, packages: Path) -> CaseResult:
    """Fits a price function to the case's deployed model, and appraises every seller's offer."""
    case = importlib.import_module(f"assay_bench.pricing.cases.{unit.data}").draw(packages, unit.seed)
    start = time.perf_counter()
    function = fit(case.model, case.owner, validation=case.validation, method=unit.name)
    seconds_fit = time.perf_counter() - start
    sellers = {}
    for seller, offer in case.sellers.items():
        start = time.perf_counter()
        appraisal = function.appraise(offer)
        seconds = time.perf_counter() - start
        sellers[seller] = SellerResult(
            records=offer.n,
            price=appraisal.price,
            set_value=appraisal.set_value,
            gain=case.gain(offer),
            seconds=seconds,
        )
    return CaseResult(fidelity=function.fidelity, seconds_fit=seconds_fit, sellers=sellers)
