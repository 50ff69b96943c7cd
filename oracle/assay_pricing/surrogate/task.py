"""The input of every method: the owner's records as numbers, and the goal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from assay.protocol.schema import Schema
from assay_pricing.black_box.port import BlackBox
from assay_pricing.records.records import Float64, Int64, Records
from assay_pricing.risk import Metric
from assay_pricing.surrogate.encoder import Encoder

DECAY = 2e-3
"""Default weight decay of a surrogate's training, and damping of an influence; calibration starts here."""
MAX_BASE = 4096
"""Records of the owner that a price function carries at most; more are represented by weighted ones."""
MAX_LEARNED = 16_384
"""The same of a learner whose training takes little longer with so many, see ``learners.port.Learner.most``.

A few records that stand for many others hold less information than these, so that an offer seems to bring more than it
does.
"""

Progress = Callable[[str, int, int], None]
"""Called with a description of the work, steps done, and steps in all."""


def no_progress(what: str, done: int, total: int) -> None:
    """Reports nothing."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Encoded records.

    Attributes:
        x: Encoded features (n, width).
        y: Class indices, or standardised targets (n,).
        weight: How many records each stands for (n,).
        raw: Features before the encoder (n, d): numbers with NaN where a value is missing, codes of categories, -1 for
            values that the schema does not know. Without columns where no learner reads them.
    """

    x: Tensor
    y: Tensor
    weight: Tensor
    raw: Tensor = field(default_factory=lambda: torch.zeros((0, 0), dtype=torch.float64))

    def __post_init__(self) -> None:
        if self.raw.shape == (0, 0):
            object.__setattr__(self, "raw", torch.zeros((len(self.x), 0), dtype=torch.float64))

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Int64) -> "Sample":
        """The records at ``rows``, in that order."""
        chosen = torch.from_numpy(rows)
        return Sample(self.x[chosen], self.y[chosen], self.weight[chosen], self.raw[chosen])

    def join(self, other: "Sample") -> "Sample":
        """These records, then ``other``'s; with their raw features if both have them."""
        parts = ("x", "y", "weight", "raw") if self.raw.shape[1] == other.raw.shape[1] else ("x", "y", "weight")
        return Sample(*(torch.cat([getattr(s, part) for s in (self, other)]) for part in parts))


def encoded(encoder: Encoder, records: Records) -> Sample:
    """Records as numbers, each of weight one."""
    ones = torch.ones(records.n, dtype=torch.float64)
    return Sample(encoder.x(records), encoder.y(records.y), ones, encoder.raw(records))


@dataclass(frozen=True, eq=False)
class Context:
    """The owner's side of a price, apart from the method's own parameters.

    Attributes:
        schema: Of all records.
        encoder: Records to numbers.
        base: The owner's records that the model was trained on, or at most ``MAX_BASE`` that represent them (b).
        validation: Records that define the goal (v).
        metric: The risk on them.
        decay: Weight decay.
    """

    schema: Schema
    encoder: Encoder
    base: Sample
    validation: Sample
    metric: Metric
    decay: float = DECAY

    def encode(self, records: Records) -> Sample:
        """Records as numbers, each of weight one."""
        return encoded(self.encoder, records)

    def halves(self) -> list["Context"]:
        """Two contexts, each with a half of the validation records; see ``Metric.first_half``."""
        first = self.metric.first_half
        return [
            replace(self, validation=self.validation.take(rows), metric=self.metric.take(rows))
            for rows in (np.flatnonzero(first), np.flatnonzero(~first))
        ]

    def importance(self, outputs: Tensor) -> Tensor:
        """Weight of each validation record, by which drops of the training loss have the size of the goal's (v,).

        Args:
            outputs: Raw outputs on the validation set (v, k); see ``Metric.importance``.
        """
        return torch.from_numpy(self.metric.importance(self.encoder.outputs_in_units(outputs)))


@dataclass(frozen=True, eq=False)
class RiskDrop:
    """Drop of the risk by each record (n,), and its standard error over the validation records (n,)."""

    mean: Float64
    error: Float64

    @classmethod
    def average(cls, drops: Tensor, importance: Tensor) -> "RiskDrop":
        """Mean of weighted drops and its standard error.

        Args:
            drops: Of the training loss, by record and validation record (n, v).
            importance: Weights of the validation records (v,), see ``Context.importance``.
        """
        return cls.weighed(drops, importance / len(importance))

    @classmethod
    def weighed(cls, drops: Tensor, weights: Tensor) -> "RiskDrop":
        """Sum of drops (n, v) by the weights of the validation records (v,), and its standard error."""
        mean = drops @ weights
        centre = mean / weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)
        error = ((drops - centre[:, None]) ** 2 @ weights**2).sqrt()
        return cls(np.asarray(mean.numpy()), np.asarray(error.numpy()))

    @classmethod
    def concatenate(cls, parts: "Sequence[RiskDrop]") -> "RiskDrop":
        """Blocks of records, in order."""
        if not parts:
            return cls(np.zeros(0), np.zeros(0))
        return cls(np.concatenate([part.mean for part in parts]), np.concatenate([part.error for part in parts]))


@dataclass(frozen=True, eq=False)
class Task:
    """The input of ``Method.fit``, on the model owner's machine.

    Attributes:
        context: The owner's records and goal as numbers.
        black_box: The model.
        owner: All of the owner's records, before encoding.
        validation: The validation records, before encoding.
        seed: Seed of every random draw.
        progress: Called during long work.
        settings: The method's, by name; see ``Method.settings``.
        linear: The model's log-odds or values are linear in its inputs (``calibration``).
        validation_is_learned: The validation records were split off the owner's: the model was trained on them, too.
        device: Where networks are compared, see ``network.train``; those that price are trained on the CPU.
    """

    context: Context
    black_box: BlackBox
    owner: Records
    validation: Records
    seed: int = 0
    progress: Progress = field(default=no_progress)
    settings: Mapping[str, Any] = field(default_factory=dict)
    linear: bool = False
    validation_is_learned: bool = False
    device: str = "cpu"


def stratified_sample(records: Records, encoder: Encoder, rng: np.random.Generator, most: int | None = None) -> Sample:
    """Encodes records; of more than ``most``, by default ``MAX_BASE``, a weighted sample of at most that many.

    The sample is stratified by class, see ``places``. A record's weight is the size of its class over the number drawn
    from it.
    """
    is_classified = records.schema.task == "classification"
    rows, weight = _stratified(records.y if is_classified else np.zeros(records.n), most or MAX_BASE, rng)
    part = records.take(rows)
    return Sample(encoder.x(part), encoder.y(part.y), torch.from_numpy(weight), encoder.raw(part))


def thinned(sample: Sample, encoder: Encoder) -> Sample:
    """At most ``MAX_BASE`` of weighted records, stratified by class, whose weights sum to the same by class.

    The draw depends on the number of records alone.
    """
    if len(sample) <= MAX_BASE:
        return sample
    strata = sample.y.numpy() if encoder.schema.task == "classification" else np.zeros(len(sample))
    rows, weight = _stratified(strata, MAX_BASE, np.random.default_rng(len(sample)))
    part = sample.take(rows)
    return replace(part, weight=part.weight * torch.from_numpy(weight))


def places(counts: Int64, most: int) -> Int64:
    """How many records of each class (k,) a sample of at most ``most`` takes; all where these are no more.

    Half of the places are shared evenly among the classes, as far as these have so many records, and the others in
    proportion to what is left of each.
    """
    n = counts.sum()
    if n <= most:
        return counts
    keep = np.minimum(counts, most // (2 * len(counts)))
    keep += (most - keep.sum()) * (counts - keep) // (n - keep.sum())
    return keep


def _stratified(strata: Float64, most: int, rng: np.random.Generator) -> tuple[Int64, Float64]:
    """Rows of at most ``most`` records, in their order, and how many of its stratum (n,) each stands for."""
    n = len(strata)
    rows, weight = np.arange(n), np.ones(n)
    if n > most:
        codes, counts = np.unique(strata, return_counts=True)
        keep = places(counts, most)
        chosen = [rng.permutation(np.flatnonzero(strata == c))[:m] for c, m in zip(codes, keep, strict=True)]
        rows = np.sort(np.concatenate(chosen))
        scale = dict(zip(codes.tolist(), (counts / keep).tolist(), strict=True))
        weight = np.array([scale[code] for code in strata[rows].tolist()])
    return rows, weight
