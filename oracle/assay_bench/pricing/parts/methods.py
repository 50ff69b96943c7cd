"""The scores that the product's methods give an offer."""

import time
from pathlib import Path

from assay_bench.pricing.parts.draw import draw
from assay_bench.pricing.results import MethodResult
from assay_bench.pricing.scorers.pricer import Pricer
from assay_bench.pricing.units import Part, Unit


def method_scores(unit: Unit, packages: Path) -> MethodResult:
    """Scores by one of the product's methods; the part ``labels`` gives it the model's labels alone."""
    parties, model = draw(unit, packages)
    labels_only = unit.part is Part.LABELS
    pricer = Pricer.fit(parties, model, unit.name, labels_only=labels_only)
    start = time.perf_counter()
    points = pricer.points(parties.offer)
    middle = time.perf_counter()
    sets = tuple(pricer.set_value(batch) for batch in parties.batches)
    end = time.perf_counter()
    return MethodResult(
        points=points.tolist(),
        paid_points=pricer.paid_points(parties.offer).tolist(),
        gate=pricer.junk_score(parties.offer).tolist(),
        sets=sets,
        seconds_fit=pricer.seconds_fit,
        seconds_points=middle - start,
        seconds_set=(end - middle) / len(parties.batches),
        fidelity=pricer.function.fidelity,
        refused=pricer.refused,
        label_only=labels_only or pricer.function.manifest.label_only,
    )
