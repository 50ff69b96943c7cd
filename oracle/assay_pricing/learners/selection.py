"""Choose the learner whose answers come closest to the model's, over families and capacities.

What a learner makes of more records depends on its family and on its capacity. A learner of the model's family and
capacity, trained on the records that the model was trained on, gives the model's answers: both are found by that. First
the families, and the kinds of a family, are compared at the capacity that libraries have by default; then the capacity
of those that come near the closest is changed, one setting by one step, as long as this brings a learner closer.

Two trainings of one model differ, too: by its seed, or by the order of its columns. A learner of low capacity varies
less, so that it would seem to be closer to a model than a learner of the model's own capacity is. What a learner's own
draw adds to its distance is therefore taken off (``closeness.spreads``).

Many capacities come about as close, and differ in what they make of more records. Among those within one standard
error of the closest (Breiman, Friedman, Olshen, Stone, "Classification and Regression Trees", 1984), the most
conventional one is taken: the fewest steps from what libraries have by default.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from operator import attrgetter

import numpy as np
from torch import Tensor

from assay_pricing.black_box.port import Predictions
from assay_pricing.learners.boosting import Boosting
from assay_pricing.learners.closeness import constant_distance, distances, spreads
from assay_pricing.learners.forest import Forest
from assay_pricing.learners.linear import Linear
from assay_pricing.learners.neighbours import Neighbours
from assay_pricing.learners.perceptron import Perceptron
from assay_pricing.learners.port import Learner
from assay_pricing.learners.random_features import RandomFeatures
from assay_pricing.learners.threads import in_parallel, workers
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
_DRAWS = 2.5
"""How many times as far as the closest a learner of the model's kind is, at most: twice, and a half by chance."""
_MAX_REDRAWN = 8
"""Learners that are trained by a second draw, at most."""
_PARTS = (0.5, 0.25)
"""Of a step of a grid: by so much the capacity of the best learner is moved in the end."""
_PATIENCE = 5
"""Attempts of one learner after the closest, until no better one is expected."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A learner, and the distance of its answers from the model's to each input (m,).

    See ``closeness.distances``; in a ``Choice`` without what the learner's own draw adds.
    """

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


_Attempt = tuple[Candidate, Tensor]
"""A candidate and its outputs (m, k)."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What a search found.

    Attributes:
        best: The most conventional one of the closest's family among ``near``.
        near: All candidates within one standard error of the closest, of any family, the closest first.
        between: The best one at a capacity between those of its grid, where that is closer.
    """

    best: Candidate
    near: tuple[Candidate, ...]
    between: Candidate | None = None

    def learners(self, records: Sample) -> list[Learner]:
        """The best learner, by its likeliest growth, and others that answer as the model does after the records.

        They are the first rival, the best one by other growths, and the other rivals.
        """
        likeliest, *grown = (self.between or self.best).learner.growths(records)
        rivals = self.rivals()
        return [likeliest, *rivals[:1], *grown, *rivals[1:]]

    def rivals(self) -> list[Learner]:
        """Other learners than the best that are as near to the model, those that differ most from it first.

        These are the closest one of each other kind, and then those of the best one's kind by steps of capacity. A
        learner of another kind that only a more unusual capacity than the best's brings near is there by chance.
        """
        best, others = self.best.learner, dict[tuple[str, str], Learner]()
        for one in self.near:
            if one.learner.steps() <= best.steps():
                others.setdefault(_kind(one.learner), one.learner)
        others.pop(_kind(best), None)
        own = [one.learner for one in self.near if _kind(one.learner) == _kind(best) and one is not self.best]
        return [*others.values(), *sorted(own, key=lambda learner: -learner.steps_from(best.capacity))]


def _kind(learner: Learner) -> tuple[str, str]:
    return learner.family, learner.kind


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
        progress: Called for each kind of each family.
    """
    kinds = [kind for name in families for kind in _kinds(FAMILIES[name], encoder)]
    steps = 2 * len(kinds)
    search = _Search(encoder, records, inputs, answers)
    first = []
    for done, starts in enumerate(kinds):
        progress("choosing a learner", done, steps)
        search.train(starts)
        first.append(min(map(search.closest, starts), key=_distance))
    first.sort(key=_distance)
    same = _SAME * constant_distance(encoder, answers)
    best = first[0]
    if search.is_another_draw(best):
        same = best.distance
    for done, candidate in enumerate(first, len(kinds)):
        progress("choosing a learner", done, steps)
        is_kin = candidate.learner.family == first[0].learner.family  # it may come as near as its kin has come by now
        if best.distance > same and candidate.distance <= _NEAR * (first[0] if is_kin else best).distance:
            best = min(best, search.refined(candidate, same), key=_distance)
    progress("choosing a learner", steps, steps)
    choice = choose_among(search.contenders())
    return replace(choice, between=search.between(choice.best))


def _kinds(family: type[Learner], encoder: Encoder) -> list[list[Learner]]:
    """The learners that a search of a family starts with, by kind."""
    starts = sorted(family.starts(encoder), key=attrgetter("kind"))
    return [list(kind) for _, kind in groupby(starts, attrgetter("kind"))]


def choose_among(found: Sequence[Candidate]) -> Choice:
    """The choice among candidates: the closest family, at its most conventional capacity that is near the closest."""
    closest = min(found, key=_distance)
    near = sorted((candidate for candidate in found if candidate.is_near(closest)), key=_distance)
    own = [candidate for candidate in near if candidate.learner.family == closest.learner.family]
    best = min(own, key=lambda candidate: candidate.learner.steps(), default=closest)
    return Choice(best, tuple(near) or (closest,))


class _Search:
    """Tries learners, and keeps what all of them answered."""

    def __init__(self, encoder: Encoder, records: Sample, inputs: Sample, answers: Predictions) -> None:
        self._encoder, self._inputs, self._answers = encoder, inputs, answers
        self._many, self._few = records, thinned(records, encoder)
        self._tried: list[list[_Attempt]] = []
        self._trained: dict[str, list[_Attempt]] = {}

    def train(self, learners: Sequence[Learner]) -> None:
        """Trains learners at the same time, once each; those that ``closest`` is never asked for are no contenders."""
        new = {learner.training(): learner for learner in learners}
        new = {training: learner for training, learner in new.items() if training not in self._trained}
        self._trained |= zip(new, in_parallel(self._attempts, new.values(), len(self._many)), strict=True)

    def closest(self, learner: Learner) -> Candidate:
        """The closest of a learner's attempts, which become contenders."""
        self.train([learner])
        self._tried.append(self._known(learner))
        return min((candidate for candidate, _ in self._tried[-1]), key=_distance)

    def refined(self, candidate: Candidate, same: float) -> Candidate:
        """A candidate after ``_refined``; learners that this will ask for are trained at the same time.

        They are those that come next if none of them comes closer. Which learners are tried in the end does not depend
        on how many are trained at a time.
        """
        while ahead := self._ahead(candidate, same):
            self.train(ahead[: workers(len(self._many))])
        return _refined(candidate, self.closest, same)

    def _ahead(self, candidate: Candidate, same: float) -> list[Learner]:
        """The learners that ``_refined`` asks for and that are not trained yet, if none of them comes closer."""
        found: list[Learner] = []

        def closest(learner: Learner) -> Candidate:
            if learner.training() in self._trained:
                return min((known for known, _ in self._known(learner)), key=_distance)
            found.append(learner)
            return Candidate(learner, np.array([np.inf]))

        _refined(candidate, closest, same)
        return found

    def _known(self, learner: Learner) -> list[_Attempt]:
        """The attempts of a trained learner; the training may be another's that gives the same answers."""
        return [
            (Candidate(learner.at(attempt.learner), attempt.distances), outputs)
            for attempt, outputs in self._trained[learner.training()]
        ]

    def _attempts(self, learner: Learner) -> list[_Attempt]:
        """A learner's attempts; the rest is left out once several in a row came no closer."""
        tried: list[_Attempt] = []
        least, waited = float("inf"), 0
        for attempt, outputs in learner.attempts(self._learned(learner), self._inputs):
            tried.append((Candidate(attempt, distances(self._encoder, outputs, self._answers)), outputs.float()))
            distance = tried[-1][0].distance
            waited = 0 if distance < least else waited + 1
            least = min(least, distance)
            if waited >= _PATIENCE:
                break
        return tried

    def _learned(self, learner: Learner) -> Sample:
        """The records for a learner: all, or as many as it is trained on."""
        return self._many if learner.most > MAX_BASE else self._few

    def is_another_draw(self, candidate: Candidate) -> bool:
        """Whether the model differs from a learner no more than the learner's own draws do, by one standard error."""
        if not candidate.learner.varies_as_model:
            return False
        kept = {_capacity(known.learner): outputs for known, outputs in self._known(candidate.learner)}
        one = kept[_capacity(candidate.learner)].double()
        other = candidate.learner.redrawn(1).outputs(self._learned(candidate.learner), self._inputs)
        distance = (candidate.distances + distances(self._encoder, other, self._answers)) / 2
        excess = distance - 2 * spreads(self._encoder, one, other)
        return bool(excess.mean() <= excess.std(ddof=1) / np.sqrt(len(excess)))

    def between(self, best: Candidate) -> Candidate:
        """The best candidate after moves by parts of a step, each of which brings it closer by one standard error."""
        for part in _PARTS:
            is_closer = True
            while is_closer:
                others = [self.closest(learner) for learner in best.learner.nearby(part)]
                other = min(others, key=_distance, default=best)
                is_closer = other.distance < best.distance and not best.is_near(other)
                best = other if is_closer else best
        return best

    def contenders(self) -> list[Candidate]:
        """Candidates that may be of the model's kind, without what their own draws add to their distance.

        A learner of the model's kind is in the mean at most twice as far as the closest: the model's own draw is in
        every distance, and its own adds as much.
        """
        closest = min(candidate.distance for tried in self._tried for candidate, _ in tried)
        bound = max(_DRAWS * closest, closest)  # rounding can make the distance of equal answers negative
        near = [[one for one in tried if one[0].distance <= bound] for tried in self._tried]
        near = sorted(filter(None, near), key=lambda tried: min(candidate.distance for candidate, _ in tried))
        groups: dict[str, list[list[_Attempt]]] = {}
        for tried in near[:_MAX_REDRAWN]:
            groups.setdefault(tried[0][0].learner.redrawn(1).training(), []).append(tried)
        return [
            candidate
            for redrawn in in_parallel(self._redrawn, groups.values(), len(self._many))
            for candidate in redrawn
        ]

    def _redrawn(self, group: list[list[_Attempt]]) -> list[Candidate]:
        """The same candidates by two draws, where the second draws of a group are one training."""
        if not group[0][0][0].learner.is_random:
            return [candidate for tried in group for candidate, _ in tried]
        learner = group[0][0][0].learner.redrawn(1)
        waiting = [{_capacity(one.learner): (one, outputs) for one, outputs in tried} for tried in group]
        found: list[list[Candidate]] = [[] for _ in group]
        for attempt, outputs in learner.attempts(self._learned(learner), self._inputs):
            other = distances(self._encoder, outputs, self._answers)
            for tried, by_capacity, redrawn in zip(group, waiting, found, strict=True):
                same = by_capacity.pop(_capacity(tried[0][0].learner.at(attempt)), None)
                if same is not None:
                    mean = (same[0].distances + other) / 2
                    spread = spreads(self._encoder, same[1].double(), outputs)
                    redrawn.append(Candidate(same[0].learner, mean - spread))
            if not any(waiting):
                break
        return [candidate for redrawn in found for candidate in redrawn]


def _refined(candidate: Candidate, closest: Callable[[Learner], Candidate], same: float) -> Candidate:
    """Coordinate descent over the capacity: one setting after the other is moved while that brings a learner closer."""
    tried = {_key(candidate.learner)}

    def is_closer(name: str, by: int) -> bool:
        nonlocal candidate
        learner = candidate.learner.moved(name, by)
        if learner is None or _key(learner) in tried or len(tried) >= learner.tries or candidate.distance <= same:
            return False
        tried.add(_key(learner))
        other = closest(learner)
        if other.distance < candidate.distance:
            candidate = other
            return True
        return False

    moved = True
    while moved:
        moved = False
        for name in candidate.learner.settings():
            values = candidate.learner.grid[name]
            if isinstance(values[0], str):  # texts have no order: a farther one says nothing of the next
                for there in range(len(values)):
                    by = there - values.index(candidate.learner.capacity[name])
                    moved = (by != 0 and is_closer(name, by)) or moved
            else:
                for by in (1, -1):
                    while is_closer(name, by):
                        moved = True
    return candidate


def _distance(candidate: Candidate) -> float:
    return candidate.distance


def _capacity(learner: Learner) -> str:
    return json.dumps(learner.capacity, sort_keys=True)


def _key(learner: Learner) -> str:
    """The capacity without what ``attempts`` varies."""
    return json.dumps({name: value for name, value in learner.capacity.items() if name != "rounds"}, sort_keys=True)
