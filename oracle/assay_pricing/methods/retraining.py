"""Retraining: learn the owner's records with and without the offer, as the model learns them.

The learner is of the family and the capacity whose answers come closest to the model's (``learners/selection.py``). A
network's learner is a distilled student, fine-tuned: it carries what the model has learned from other records, too.
Where the labels of the owner's records alone draw the student away from the model, it is fine-tuned anchored at its
answers to these records (``methods/families/fine_tuning.py``). Every other family learns from nothing. Values of single
records are the student's.
"""

import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from assay_pricing.artifact import check_part
from assay_pricing.errors import DataError
from assay_pricing.learners import label_noise, selection
from assay_pricing.learners.closeness import constant_distance, distances
from assay_pricing.learners.linear import Linear
from assay_pricing.learners.perceptron import Perceptron
from assay_pricing.learners.port import Learner
from assay_pricing.learners.threads import Run, in_parallel
from assay_pricing.methods.distillation import Distillation
from assay_pricing.methods.families.base import Parts, RefitMethod, prefixed, without_prefix
from assay_pricing.methods.families.fine_tuning import anchored
from assay_pricing.methods.families.network import Goal
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.distillation import agreement, fidelity
from assay_pricing.surrogate.network import Network, deterministic
from assay_pricing.surrogate.outlook import model_risk
from assay_pricing.surrogate.queries import mixtures
from assay_pricing.surrogate.task import MAX_BASE, MAX_LEARNED, Context, Sample, Task, stratified_sample, thinned

_AUTO = "auto"
_STUDENT = "student."
_MAX_ASKED = 1000
"""Inputs of each kind that learners are compared on: validation records, records that the model was trained on."""
_MIXTURES = 500
_SCALE = "scale"
_MAX_DRIFT = 0.2
"""A student is anchored if the owner's labels alone take it further from the model by more than this share of the
distance of a constant answer."""
_COPY_SHARE = 0.25
"""A retrained learner says itself what a near copy adds. In many columns all distances are alike, and new records of a
large offer would share a weight within the whole radius."""
_MAX_SCALE = 4.0
"""Bounds what is made of a difference between the risks of the model and the student."""


class Retraining(RefitMethod):
    """Set price by a learner of the model's own family and capacity, retrained with the set."""

    name = "retraining"
    when_to_use = "prices of sets in the size of the true gain, for models of any family"
    standardised = True
    reads_raw = True
    settings: ClassVar[Mapping[str, int | float | str]] = {"family": _AUTO, "capacity": "{}"}

    def __init__(self, context: Context, parts: Parts) -> None:
        super().__init__(context, parts)
        tensors, leaks = without_prefix(parts.tensors, _STUDENT), without_prefix(parts.leaks, _STUDENT)
        self.student = Distillation(_of_student(context), replace(parts, tensors=tensors, leaks=leaks))
        family = selection.FAMILIES[str(parts.settings["family"])]
        self.learner: Learner | None = None
        self.rivals: tuple[Learner, ...] = ()
        self._run: Run = in_parallel
        if family is not Perceptron:
            self.learner = family(context.encoder, json.loads(str(parts.settings["capacity"])))

    @classmethod
    def restore(cls, context: Context, parts: Parts) -> Self:
        """See ``Method``.

        Raises:
            ArtifactError: The learner's capacity, its outputs or the scale of a student are no such things.
        """
        _check_capacity(context, parts)
        tensors, shape = parts.tensors, (len(context.validation), context.encoder.outputs)
        scale = tensors.get(_SCALE, torch.ones((), dtype=torch.float64))
        check_part(scale.numel() == 1 and 1 / _MAX_SCALE <= float(scale) <= _MAX_SCALE, f"a method.{_SCALE} in bounds")
        is_learner = parts.settings["family"] != Perceptron.family
        for name, sets in (("alone", 0), ("chosen", 1)):
            stored = tensors.get(name)
            is_right = not is_learner if stored is None else _are_outputs(stored, sets, shape)
            check_part(is_right, f"method.{name} with outputs {shape}")
        if is_learner:
            one, both = (tensors.get(name, torch.zeros(0)) for name in (f"{_STUDENT}solved", "solved_halves"))
            is_right = both.shape == (2, *one.shape) and both.dtype == one.dtype
            check_part(is_right, "a method.solved_halves of two halves")
        return cls(context, parts)

    @property
    def retrains(self) -> bool:
        """See ``RefitMethod``; a student that drifts without an offer does not."""
        return self.learner is not None or self._is_anchored

    @property
    def prices_subsets(self) -> bool:
        """See ``RefitMethod``; not by an anchored student: it learns the records best that it agrees with already."""
        return self.learner is not None

    @property
    def copy_share(self) -> float:
        """See ``RefitMethod``."""
        return 1.0 if self.learner is None else _COPY_SHARE

    @property
    def scale(self) -> float:
        """See ``RefitMethod``: the model's risk over a student's, which is the model only nearly.

        A student that is not anchored is paid for drops of its recalibrated risk, of which the model has more.
        """
        return float(self.parts.tensors[_SCALE]) if _SCALE in self.parts.tensors else 1.0

    @property
    def _is_anchored(self) -> bool:
        return self.learner is None and "alone" in self.parts.tensors

    @property
    def learners(self) -> tuple[Learner, ...]:
        """See ``RefitMethod``."""
        return () if self.learner is None else (self.learner, *self.rivals)

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Chooses the learner and distils the student.

        Raises:
            DataError: There is no such family, or a capacity is given without its family or with other names.
        """
        learner, *rivals = _learners(task, _learned(task, MAX_LEARNED))
        context = replace(task.context, base=_owned(task, learner.most))
        found = cls._of(task, context, Distillation.fit(replace(task, context=_of_student(context))), learner)
        found.rivals = tuple(rivals)
        return found

    def with_learner(self, task: Task, learner: Learner) -> Self:
        """See ``RefitMethod``."""
        return self._of(task, replace(task.context, base=_owned(task, learner.most)), self.student, learner)

    @classmethod
    def _of(cls, task: Task, context: Context, student: Distillation, learner: Learner) -> Self:
        """The method of a student and a learner."""
        tensors, leaks = prefixed(student.parts.tensors, _STUDENT), prefixed(student.parts.leaks, _STUDENT)
        settings = {"family": learner.family, "capacity": json.dumps(learner.capacity, sort_keys=True)}
        parts = replace(student.parts, tensors=tensors, leaks=leaks, settings=settings)
        if isinstance(learner, Perceptron):
            return cls(context, _sized(task, student, parts))
        validation = context.validation
        alone = learner.outputs(context.base, validation)
        as_model = learner.outputs(_learned(task, learner.most), validation) if task.validation_is_learned else alone
        answers = task.black_box.predict(task.validation.x)
        leak = "the learner's answers on the validation records"
        found = Parts(
            {**tensors, "alone": alone, "solved_halves": student.solved_halves()},
            settings,
            fidelity(task, as_model, answers),
            {
                **leaks,
                "alone": leak,
                "chosen": f"{leak}, after learning chosen records of the owner twice",
                "solved_halves": "the directions that would lower the risk on two halves of the validation records",
            },
            agreement(task, as_model, answers),
        )
        chosen = cls(context, found)._own_choices(task.owner)
        return cls(context, replace(found, tensors={**found.tensors, "chosen": chosen}))

    def on(self, context: Context) -> Self:
        """See ``RefitMethod``; family and capacity are the same."""
        tensors = dict(self.parts.tensors)
        if self.learner is None:
            tensors |= prefixed(self.student.on(context).parts.tensors, _STUDENT)
            if self._is_anchored:
                tensors["alone"] = _answers(self.student, self.student.network, context.validation)
        else:
            tensors["alone"] = self.learner.outputs(context.base, context.validation)
            tensors["chosen"] = tensors["alone"][None]  # nothing is known of choices among the other records
        return type(self)(context, replace(self.parts, tensors=tensors))

    def trained_by(self, run: Run) -> Self:
        """See ``RefitMethod``; a student that is fine-tuned in all scenarios at once stays here."""
        if self.learner is not None:
            _ = self._goals  # every copy has it, with what it computes once
        found = copy(self)
        found._run = run
        return found

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: it trains by itself."""
        return {**self.__dict__, "_run": in_parallel}

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        """See ``RefitMethod``; scenarios without an offer take the outputs that the fit stored."""
        if self.learner is None and not self._is_anchored:
            return self.student.refit_outputs(offer, weights)
        return self.context.encoder.outputs_in_units(self._scenarios(offer, weights))

    def _scenarios(self, offer: Sample, weights: Tensor) -> Tensor:
        """The learner's outputs (e, v, k) after the base and, in each of e scenarios, the offer with weights (e, n)."""
        rows = [np.flatnonzero(row.numpy() > 0) for row in weights]
        learned = [replace(offer, weight=row).take(at) for row, at in zip(weights, rows, strict=True) if len(at)]
        base, validation = self.context.base, self.context.validation
        answers = partial(_of_student_after, self.student, validation)
        if self.learner is not None:
            answers = partial(_after, self.learner, base, validation)
        found = iter(self._run(answers, learned, len(base) + max(map(len, learned), default=0)))
        return torch.stack([next(found) if len(at) else self.parts.tensors["alone"] for at in rows])

    def doubted(self, offer: Sample, left_out: Tensor) -> Tensor:
        """See ``RefitMethod``."""
        if self.learner is None:
            return super().doubted(offer, left_out)
        return label_noise.doubted(self.learner, self.context.base, offer, left_out, self._run)

    def own_choice(self) -> float:
        """See ``RefitMethod``: the most that a subset of the owner's records brings, by the rules for an offer's."""
        if self.learner is None:
            return 0.0
        metric, encoder = self.context.metric, self.context.encoder
        stored = self.parts.tensors["alone"], *self.parts.tensors["chosen"]
        alone, *chosen = map(encoder.outputs_in_units, stored)
        return max(0.0, *(metric.drop(alone, outputs) for outputs in chosen))

    def _own_choices(self, owner: Records) -> Tensor:
        """Outputs (2, v, k) after learning twice the owner's records that are not doubted, and those of value.

        Those of value are chosen by one half of the validation records for the other, as of an offer.
        """
        own = owner.take(np.sort(np.random.default_rng(0).permutation(owner.n)[:_MAX_ASKED]))
        part = self.context.encode(own)
        trusted = ~self.doubted(part, torch.zeros(len(part), dtype=torch.bool))
        useful = torch.from_numpy(self.values_by_halves(own)[1:] > 0)
        after, by_first, by_second = self._scenarios(part, part.weight * torch.stack([trusted, *useful]))
        first = torch.from_numpy(self.context.metric.first_half)
        return torch.stack([after, torch.where(first[:, None], by_second, by_first)])

    def record_values(self, records: Records) -> Float64:
        """The student's, see ``FineTunedMethod``."""
        return self.student.record_values(records)

    @cached_property
    def by_halves(self) -> Sequence[Distillation]:
        """The student's, see ``RefitMethod``."""
        parts, solved_halves = self.student.parts, self.parts.tensors["solved_halves"]
        return [
            Distillation(half, replace(parts, tensors={**parts.tensors, "solved": solved}))
            for half, solved in zip(self.student.context.halves(), solved_halves, strict=True)
        ]

    @cached_property
    def _goals(self) -> Sequence[Goal]:
        """All validation records, and each half of them."""
        return self.student.goals(self.by_halves)

    def values_by_halves(self, records: Records) -> Float64:
        """See ``RefitMethod``: what a step of the student does to each validation record is the same by all goals."""
        return self.student.values_by(self._goals, records)

    def junk_score(self, records: Records) -> Float64:
        """The student's, see ``FineTunedMethod``."""
        return self.student.junk_score(records)


def _check_capacity(context: Context, parts: Parts) -> None:
    """Checks that the stored capacity has the names and kinds of values that the family takes."""
    family, capacity = (str(parts.settings.get(name)) for name in ("family", "capacity"))
    check_part(family in selection.FAMILIES, f"a family among {', '.join(selection.FAMILIES)}")
    stored, usual = json.loads(capacity), next(selection.FAMILIES[family].starts(context.encoder)).capacity
    is_right = isinstance(stored, dict) and sorted(stored) == sorted(usual)
    is_right = is_right and all(isinstance(stored[name], str) == isinstance(usual[name], str) for name in usual)
    check_part(is_right, f"a capacity of {family} with {', '.join(sorted(usual))}")


def _are_outputs(found: Tensor, sets: int, shape: tuple[int, int]) -> bool:
    """Whether these are finite outputs of a shape (v, k), after so many dimensions."""
    has_shape = found.dtype == torch.float64 and found.ndim == sets + len(shape) and found.shape[sets:] == shape
    return has_shape and bool(found.isfinite().all())


def _after(learner: Learner, base: Sample, inputs: Sample, offer: Sample) -> Tensor:
    """A learner's outputs (m, k) for inputs, after the base and a weighted offer."""
    with deterministic():
        return learner.outputs(base.join(offer), inputs)


def _of_student_after(student: Distillation, inputs: Sample, offer: Sample) -> Tensor:
    """The same of an anchored student."""
    with deterministic():
        return _answers(student, anchored(student.network, student.context.base, offer), inputs)


def _answers(student: Distillation, network: Network, inputs: Sample) -> Tensor:
    """Log-probabilities, or values in a regression, (m, k) of a student's network (e = 1)."""
    found = network(inputs.x)[0]
    return found.log_softmax(-1) if student.context.schema.classes else found


def _sized(task: Task, student: Distillation, parts: Parts) -> Parts:
    """The parts with the size of a student's drops, and where it is to be anchored with its outputs.

    The labels of the owner's records have taught a model what they can if these are what it was trained on; a student
    that learns them again stays where it is.
    """
    answers, validation = task.black_box.predict(task.validation.x), student.context.validation
    alone, drifted = _answers(student, student.network, validation), student.parts.tensors["alone"][0]
    encoder, metric, tensors, scale = task.context.encoder, task.context.metric, {}, 1.0
    before, after = (float(distances(encoder, outputs, answers).mean()) for outputs in (alone, drifted))
    if after - before > _MAX_DRIFT * constant_distance(encoder, answers):
        tensors["alone"], outputs = alone, encoder.outputs_in_units(alone)
    else:
        outputs = metric.calibrated(encoder.outputs_in_units(drifted))
    of_model, of_student = model_risk(answers, metric), metric.risk(outputs)
    if of_model is not None and of_student > 0 and not task.validation_is_learned:
        scale = min(max(of_model / of_student, 1 / _MAX_SCALE), _MAX_SCALE)
    tensors[_SCALE] = torch.tensor(scale, dtype=torch.float64)
    leaks = {
        "alone": "the student's answers on the validation records",
        _SCALE: "the model's risk on the validation records over the student's",
    }
    leaks = {name: leak for name, leak in leaks.items() if name in tensors}
    return replace(parts, tensors={**parts.tensors, **tensors}, leaks={**parts.leaks, **leaks})


def _owned(task: Task, most: int) -> Sample:
    """At most ``most`` records that represent the owner's."""
    if task.owner.n <= MAX_BASE:
        return task.context.base
    return stratified_sample(task.owner, task.context.encoder, np.random.default_rng(task.seed), most)


def _of_student(context: Context) -> Context:
    """The context with no more records than a student is fine-tuned on."""
    return replace(context, base=thinned(context.base, context.encoder))


def _learned(task: Task, most: int) -> Sample:
    """What the model was trained on: also the validation records where they were split off the owner's."""
    if not task.validation_is_learned:
        return _owned(task, most)
    rng = np.random.default_rng(task.seed)
    return stratified_sample(task.owner.join(task.validation), task.context.encoder, rng, most)


def _learners(task: Task, learned: Sample) -> list[Learner]:
    """The learner that the settings state, or the closest to the model of the families that they allow, and others."""
    family, capacity = str(task.settings["family"]), _capacity(task)
    if family not in (_AUTO, *selection.FAMILIES):
        raise DataError(f"expected a family among {', '.join((_AUTO, *selection.FAMILIES))}, got {family!r}")
    encoder = task.context.encoder
    if capacity:
        if family == _AUTO:
            raise DataError("expected a capacity with its family, got one without")
        names = sorted(next(selection.FAMILIES[family].starts(encoder)).capacity)
        if sorted(capacity) != names:
            raise DataError(f"expected a capacity with {', '.join(names)}, got {', '.join(sorted(capacity))}")
        return [selection.FAMILIES[family](encoder, capacity)]
    families = tuple(selection.FAMILIES) if family == _AUTO else (family,)
    if family == _AUTO and task.linear:
        families = (Linear.family,)  # no other family's log-odds or values are linear in the columns
    elif family == _AUTO and task.black_box.parameters is not None:
        families = (Perceptron.family,)
    if families == (Perceptron.family,):
        return [next(Perceptron.starts(encoder))]  # the student is what is fine-tuned
    asked = _asked(task)
    inputs = task.context.encode(Records(task.owner.schema, asked, np.zeros(len(asked)), task.owner.unseen))
    choice = selection.choose(encoder, learned, inputs, task.black_box.predict(asked), families, task.progress)
    if isinstance(choice.best.learner, Perceptron):
        return [choice.best.learner]
    return [learner for learner in choice.learners(learned) if not isinstance(learner, Perceptron)]


def _capacity(task: Task) -> dict[str, Any]:
    try:
        found = json.loads(str(task.settings["capacity"]))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DataError(f"expected a capacity as a JSON object, got {task.settings['capacity']!r}")
    return found


def _asked(task: Task) -> Float64:
    """Inputs that learners are compared on (m, d): validation records, the owner's, and mixtures of both."""
    rng = np.random.default_rng(task.seed)
    parts = [part.x[np.sort(rng.permutation(part.n)[:_MAX_ASKED])] for part in (task.validation, task.owner)]
    return np.concatenate([*parts, mixtures(task, rng, _MIXTURES, among=np.concatenate(parts))])


METHOD = Retraining
