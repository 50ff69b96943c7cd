"""How each part of a run is computed."""

from collections.abc import Callable
from pathlib import Path

from assay_bench.pricing.parts.baselines import baseline_scores, library_scores
from assay_bench.pricing.parts.methods import method_scores
from assay_bench.pricing.parts.purchases import purchase
from assay_bench.pricing.parts.real_cases import real_case
from assay_bench.pricing.parts.robustness import payments_to_attackers, value_of_copies
from assay_bench.pricing.parts.scale import scale
from assay_bench.pricing.parts.speed import speed
from assay_bench.pricing.parts.truth import true_gains
from assay_bench.pricing.results import Result
from assay_bench.pricing.units import Part, Unit

COMPUTE: dict[Part, Callable[[Unit, Path], Result]] = {
    Part.TRUTH: true_gains,
    Part.BASELINE: baseline_scores,
    Part.LIBRARY: library_scores,
    Part.METHOD: method_scores,
    Part.LABELS: method_scores,
    Part.COPIES: value_of_copies,
    Part.ATTACKS: payments_to_attackers,
    Part.PURCHASE: purchase,
    Part.SPEED: speed,
    Part.SCALE: scale,
    Part.CASE: real_case,
}


def compute(unit: Unit, packages: Path) -> Result:
    """Computes a unit.

    Args:
        unit: What to compute.
        packages: Folder of downloaded packages and of features.

    Raises:
        BenchError: Data that the unit needs cannot be fetched.
        PricingError: The price function cannot be fitted.
    """
    return COMPUTE[unit.part](unit, packages)
