"""Choose the learner whose answers come closest to the model's, over families and capacities.

What a learner makes of more records depends on its family and on its capacity. A learner of the model's family and
capacity, trained on the records that the model was trained on, gives the model's answers: both are found by that. First
the families are compared at the capacity that libraries have by default; then the capacity of those that come near the
closest is changed, one setting by one step, as long as this brings a learner closer.

Many capacities come about as close, and differ in what they make of more records. Among those within one standard
error of the closest (Breiman, Friedman, Olshen, Stone, "Classification and Regression Trees", 1984), the most
conventional one is taken: the fewest steps from what libraries have by default.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assay_pricing.black_box.port import Predictions
from assay_pricing.learners.boosting import Boosting
from assay_pricing.learners.closeness import constant_distance, distances
from assay_pricing.learners.forest import Forest
from assay_pricing.learners.linear import Linear
from assay_pricing.learners.neighbours import Neighbours
from assay_pricing.learners.perceptron import Perceptron
from assay_pricing.learners.port import Learner
from assay_pricing.learners.random_features import RandomFeatures
from assay_pricing.records.records import Float64
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import MAX_BASE, Progress, Sample, no_progress, thinned

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
    """A learner, and the distance of its answers from the model's to each input (m,), see ``closeness.distances``."""

    learner: Learner
    distances: Float64

    @cached_property
    def distance(self) -> float:
        """Mean distance."""
        return float(self.distances.mean())

    def is_near(self, closest: "Candidate") -> bool:
        """Whether the mean excess over the closest is within one standard error of the paired differences."""
        if not np.isfinite(self.distance):
            return False
        excess = self.distances - closest.distances
        return bool(excess.mean() <= excess.std(ddof=1) / np.sqrt(len(excess)))


@dataclass(frozen=True, eq=False)
class Choice:
    """What a search found.

    Attributes:
        best: The most conventional one of the closest's family among ``near``.
        near: All candidates within one standard error of the closest, of any family, the closest first.
    """

    best: Candidate
    near: tuple[Candidate, ...]

    def rivals(self) -> list[Learner]:
        """Other learners than the best that are as near to the model, those that differ most from it first.

        These are the closest one of each other family, and then the best one's family by steps of capacity.
        """
        best, others = self.best.learner, {one.learner.family: one.learner for one in reversed(self.near)}
        own = [one.learner for one in self.near if one.learner.family == best.family and one is not self.best]
        far = sorted(own, key=lambda learner: -learner.steps_from(best.capacity))
        return [*(learner for family, learner in others.items() if family != best.family), *far]


def choose(
    encoder: Encoder,
    records: Sample,
    inputs: Sample,
    answers: Predictions,
    families: Sequence[str] = tuple(FAMILIES),
    progress: Progress = no_progress,
) -> Choice:
    """The learner to retrain, and those that are as close to the model.

    Args:
        encoder: Of the records.
        records: What the model was trained on, or some thousand weighted records that represent it.
        inputs: Inputs that the learners are compared on.
        answers: The model's answers to them.
        families: To choose among.
        progress: Called for each family.
    """
    steps = 2 * len(families)
    found: list[Candidate] = []
    few = thinned(records, encoder)

    def closest(learner: Learner) -> Candidate:
        learned = records if learner.most > MAX_BASE else few
        attempts = _attempts(learner, encoder, learned, inputs, answers)
        found.extend(attempts)
        return min(attempts, key=_distance)

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
    return choose_among(found)


def choose_among(found: Sequence[Candidate]) -> Choice:
    """The choice among candidates: the closest family, at its most conventional capacity that is near the closest."""
    closest = min(found, key=_distance)
    near = sorted((candidate for candidate in found if candidate.is_near(closest)), key=_distance)
    own = [candidate for candidate in near if candidate.learner.family == closest.learner.family]
    best = min(own, key=lambda candidate: candidate.learner.steps(), default=closest)
    return Choice(best, tuple(near) or (closest,))


def _attempts(
    learner: Learner, encoder: Encoder, records: Sample, inputs: Sample, answers: Predictions
) -> list[Candidate]:
    """A learner's attempts; the rest is left out once several in a row came no closer."""
    found: list[Candidate] = []
    closest, waited = float("inf"), 0
    for attempt, outputs in learner.attempts(records, inputs):
        candidate = Candidate(attempt, distances(encoder, outputs, answers))
        found.append(candidate)
        waited = 0 if candidate.distance < closest else waited + 1
        closest = min(closest, candidate.distance)
        if waited >= _PATIENCE:
            break
    return found


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
