"""True gains of an offer, by retraining."""

import time
from pathlib import Path

from assay_bench.pricing.parts.draw import draw
from assay_bench.pricing.results import TruthResult
from assay_bench.pricing.truth import gains, nets
from assay_bench.pricing.units import Unit


def true_gains(unit: Unit, packages: Path) -> TruthResult:
    """Retrains the true model for every record and every set."""
    parties, model = draw(unit, packages)
    start = time.perf_counter()
    records = gains.record_gains(parties, model)
    middle = time.perf_counter()
    sets = gains.set_gains(parties, parties.batches)
    end = time.perf_counter()
    return TruthResult(
        kinds=parties.kinds.tolist(),
        update=records.update.tolist(),
        validation=records.validation.tolist(),
        test=records.test.tolist(),
        sets_validation=sets.validation.tolist(),
        sets_test=sets.test.tolist(),
        seconds_points=middle - start,
        seconds_sets=end - middle,
        accuracy=nets.accuracy(model, parties.test) if parties.base.classes else None,
        test_loss=float(nets.mean_loss(model, parties.test)[0]),
    )
