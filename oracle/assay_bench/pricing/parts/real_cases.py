"""Prices and true gains of the sellers of a real case."""

import importlib
import time
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import numpy as np

from assay_bench.pricing.cases.case import Case
from assay_bench.pricing.results import CaseResult, SellerResult
from assay_bench.pricing.scorers.gate import is_refused, without_gate
from assay_bench.pricing.units import Unit
from assay_pricing.appraisal import Appraisal, Verdict
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from assay_pricing.price import PricingRule, to_micros
from assay_pricing.records.records import Int64, Records

_BUDGET = 10**20
"""Base units, far above the rounding of rates."""


def real_case(unit: Unit, packages: Path) -> CaseResult:
    """Fits a price function to the case's deployed model, and appraises every seller's offer.

    A function that is refused appraises, too, as if it were not: a report says what the refusal kept away.
    """
    case: Case = importlib.import_module(f"assay_bench.pricing.cases.{unit.data}").draw(packages, unit.seed)
    start = time.process_time()
    function = fit(case.model, case.owner, validation=case.validation, method=unit.name)
    seconds_fit = time.process_time() - start
    ungated, tested = without_gate(function), function.manifest.backtest
    appraisals, seconds = {}, {}
    for seller, offer in case.sellers.items():
        start = time.process_time()
        appraisals[seller] = ungated.appraise(offer)
        seconds[seller] = time.process_time() - start
    return CaseResult(
        metric=function.manifest.metric,
        fidelity=function.fidelity,
        refused=is_refused(function),
        tested_rank=tested.rank_agreement if tested else None,
        tested_slope=tested.slope if tested else None,
        seconds_fit=seconds_fit,
        binary_over_graded=_binary_over_graded(function, appraisals.values()),
        sellers={
            seller: _seller(case, offer, appraisals[seller], seconds[seller]) for seller, offer in case.sellers.items()
        },
    )


def _binary_over_graded(function: PriceFunction, appraisals: Collection[Appraisal]) -> float | None:
    """Money that the binary rule pays over the graded one's, with the rates that one budget gives."""
    seen = function.manifest.outlook

    def paid(kind: Literal["graded", "binary"]) -> int:
        rule = PricingRule(kind=kind, rate=seen.suggested_rate(_BUDGET, kind), record_gain=seen.record_gain)
        return sum(rule.price(to_micros(one.predicted_gain), one.distinct) for one in appraisals)

    graded = paid("graded")
    return paid("binary") / graded if graded else None


def _seller(case: Case, offer: Records, appraisal: Appraisal, seconds: float) -> SellerResult:
    """An offer's price and its true gains. One retraining serves both where the whole offer was priced."""
    rows = priced_rows(appraisal)
    whole = case.gain(offer)
    return SellerResult(
        records=offer.n,
        priced=len(rows),
        price=appraisal.price,
        set_value=appraisal.set_value,
        seconds=seconds,
        whole=whole,
        **dict(whole if len(rows) == offer.n else case.gain(offer.take(rows))),
    )


def priced_rows(appraisal: Appraisal) -> Int64:
    """Rows of the records that a price is for: neither exact duplicates nor excluded."""
    return np.flatnonzero([not one.is_duplicate and one is not Verdict.EXCLUDED for one in appraisal.verdicts])
