"""True gains of an offer, and the scores that baselines, libraries and methods give it."""

import time
from pathlib import Path

from assay_bench.errors import LibraryMissing
from assay_bench.pricing.parts.draw import draw
from assay_bench.pricing.results import MethodResult, MissingLibrary, ScoreResult, TruthResult
from assay_bench.pricing.scorers.baselines import BASELINES, OF_SETS
from assay_bench.pricing.scorers.libraries import LIBRARIES
from assay_bench.pricing.scorers.pricer import Pricer
from assay_bench.pricing.truth import gains, nets
from assay_bench.pricing.units import Part, Unit


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


def baseline_scores(unit: Unit, packages: Path) -> ScoreResult:
    """Scores by a baseline; a set's score is the sum over its records."""
    parties, model = draw(unit, packages)
    score = BASELINES[unit.name]
    start = time.perf_counter()
    points = score(parties, model, parties.offer)
    seconds = time.perf_counter() - start
    sets = None
    if unit.name in OF_SETS:
        sets = tuple(float(score(parties, model, batch).sum()) for batch in parties.batches)
    return ScoreResult(points=points.tolist(), sets=sets, seconds_fit=0.0, seconds_points=seconds)


def library_scores(unit: Unit, packages: Path) -> ScoreResult | MissingLibrary:
    """Scores by another library's exact influence."""
    parties, model = draw(unit, packages)
    try:
        scores = LIBRARIES[unit.name](parties, model, parties.offer)
    except LibraryMissing as error:
        return MissingLibrary(missing=str(error))
    return ScoreResult(
        points=scores.points.tolist(), sets=None, seconds_fit=scores.seconds_fit, seconds_points=scores.seconds_points
    )


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
