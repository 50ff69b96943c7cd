"""The scores that baselines and other libraries give an offer."""

import time
from pathlib import Path

from assay_bench.errors import LibraryMissing
from assay_bench.pricing.parts.draw import draw
from assay_bench.pricing.results import MissingLibrary, ScoreResult
from assay_bench.pricing.scorers.baselines import BASELINES, OF_SETS
from assay_bench.pricing.scorers.libraries import LIBRARIES
from assay_bench.pricing.units import Unit


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
