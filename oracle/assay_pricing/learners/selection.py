"""Choose the learner whose answers come closest to the model's, over families and capacities.

What a learner makes of more records depends on its family and on its capacity. A learner of the model's family and
capacity, trained on the records that the model was trained on, gives the model's answers: both are found by that. First
the families are compared at the capacity that libraries have by default; then the capacity of those that come near the
closest is changed, one setting by one step, as long as this brings a learner closer.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay_pricing.black_box.port import Predictions
from assay_pricing.learners.boosting import Boosting
from assay_pricing.learners.closeness import constant_distance, distance
from assay_pricing.learners.forest import Forest
from assay_pricing.learners.linear import Linear
from assay_pricing.learners.neighbours import Neighbours
from assay_pricing.learners.perceptron import Perceptron
from assay_pricing.learners.port import Learner
from assay_pricing.learners.random_features import RandomFeatures
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import Progress, Sample, no_progress

FAMILIES: dict[str, type[Learner]] = {
    family.family: family for family in (Perceptron, Linear, RandomFeatures, Boosting, Forest, Neighbours)
}
_NEAR = 4.0
"""A family is refined if its first learner is at most this many times as far from the model as the closest."""
_SAME = 1e-3
"""A learner this near, as a share of the distance of a constant answer, is the model's equal: no other is tried."""
_PATIENCE = 5
"""Attempts of one learner after the closest, until no better one is expected."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A learner, and the mean distance of its answers from the model's, see ``closeness.distance``."""

    learner: Learner
    distance: float


def choose(
    encoder: Encoder,
    records: Sample,
    inputs: Sample,
    answers: Predictions,
    families: Sequence[str] = tuple(FAMILIES),
    progress: Progress = no_progress,
) -> Candidate:
    """The closest learner.

    Args:
        encoder: Of the records.
        records: What the model was trained on, or some thousand weighted records that represent it.
        inputs: Inputs that the learners are compared on.
        answers: The model's answers to them.
        families: To choose among.
        progress: Called for each family.
    """
    steps = 2 * len(families)

    def closest(learner: Learner) -> Candidate:
        return _closest_attempt(learner, encoder, records, inputs, answers)

    first = []
    for done, name in enumerate(families):
        progress("choosing a learner", done, steps)
        first.append(min(map(closest, FAMILIES[name].starts(encoder)), key=_distance))
    first.sort(key=_distance)
    same = _SAME * constant_distance(encoder, answers)
    best = first[0]
    for done, candidate in enumerate(first, len(families)):
        progress("choosing a learner", done, steps)
        if best.distance > same and candidate.distance <= _NEAR * best.distance:
            best = min(best, _refined(candidate, closest, same), key=_distance)
    progress("choosing a learner", steps, steps)
    return best


def _closest_attempt(
    learner: Learner, encoder: Encoder, records: Sample, inputs: Sample, answers: Predictions
) -> Candidate:
    """The closest of a learner's attempts; the rest is left out once several in a row came no closer."""
    best = Candidate(learner, float("inf"))
    waited = 0
    for attempt, outputs in learner.attempts(records, inputs):
        candidate = Candidate(attempt, distance(encoder, outputs, answers))
        waited = 0 if candidate.distance < best.distance else waited + 1
        best = min(best, candidate, key=_distance)
        if waited >= _PATIENCE:
            break
    return best


def _refined(candidate: Candidate, closest: Callable[[Learner], Candidate], same: float) -> Candidate:
    """Coordinate descent over the capacity: each step that comes closer is taken."""
    tried = {_key(candidate.learner)}
    moved = True
    while moved:
        moved = False
        for learner in candidate.learner.variations():
            if _key(learner) in tried or len(tried) >= learner.tries or candidate.distance <= same:
                continue
            tried.add(_key(learner))
            other = closest(learner)
            if other.distance < candidate.distance:
                candidate, moved = other, True
    return candidate


def _distance(candidate: Candidate) -> float:
    return candidate.distance


def _key(learner: Learner) -> str:
    """The capacity without what ``attempts`` varies."""
    return json.dumps({name: value for name, value in learner.capacity.items() if name != "rounds"}, sort_keys=True)
