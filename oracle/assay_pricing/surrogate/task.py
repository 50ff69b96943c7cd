"""What every method is given: the owner's records as numbers, and the goal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from assay.protocol.schema import Schema
from assay_pricing.records.records import Int64, Records
from assay_pricing.risk import Metric
from assay_pricing.surrogate.black_box import BlackBox
from assay_pricing.surrogate.encoder import Encoder

DECAY = 2e-3
"""Weight decay of a surrogate's training and damping of an influence; tried first where the owner states none."""
MAX_BASE = 4096
"""Records of the owner that a price function carries at most; more are represented by weighted ones."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done, steps in all."""


def no_progress(what: str, done: int, total: int) -> None:
    """Says nothing."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Encoded records: ``x`` (n, width), ``y`` (n,), and how many records each stands for, ``weight`` (n,)."""

    x: Tensor
    y: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Int64) -> "Sample":
        """The records at ``rows``, in that order."""
        chosen = torch.from_numpy(rows)
        return Sample(self.x[chosen], self.y[chosen], self.weight[chosen])

    def join(self, other: "Sample") -> "Sample":
        """These records, then ``other``'s."""
        return Sample(*(torch.cat([getattr(s, part) for s in (self, other)]) for part in ("x", "y", "weight")))


@dataclass(frozen=True, eq=False)
class Context:
    """What pricing needs of the owner, apart from the method's own parameters.

    Attributes:
        schema: Of all records.
        encoder: Records to numbers.
        base: The owner's records that the model was trained on, or at most ``MAX_BASE`` that stand for them.
        validation: Records that define the goal (v).
        metric: What to improve on them.
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
        ones = torch.ones(records.n, dtype=torch.float64)
        return Sample(self.encoder.x(records), self.encoder.y(records.y), ones)


@dataclass(frozen=True, eq=False)
class Task:
    """What a method is fitted on, at the model owner's.

    Attributes:
        context: The owner's records and goal as numbers.
        black_box: The model.
        owner: The owner's records as they are, all of them.
        held: The validation records as they are.
        seed: Everything random comes from it.
        progress: Told of long work.
        settings: The method's, by name; see ``Additive.settings``.
        linear: The model's log-odds or values are linear in its inputs (``calibration``).
    """

    context: Context
    black_box: BlackBox
    owner: Records
    held: Records
    seed: int = 0
    progress: Progress = field(default=no_progress)
    settings: Mapping[str, Any] = field(default_factory=dict)
    linear: bool = False


def stratified_sample(records: Records, encoder: Encoder, rng: np.random.Generator) -> Sample:
    """Encodes records; of more than ``MAX_BASE``, a weighted sample of at most that many.

    The sample is stratified by class: a class of m of the n records gives ``MAX_BASE / 2`` times the larger of 1/k and
    m/n, or all m if they are fewer. A record's weight is m over the number drawn from its class.
    """
    rows, weight = np.arange(records.n), np.ones(records.n)
    if records.n > MAX_BASE:
        strata = records.y if records.schema.task == "classification" else np.zeros(records.n)
        codes, counts = np.unique(strata, return_counts=True)
        keep = np.minimum(counts, np.maximum(MAX_BASE // (2 * len(codes)), MAX_BASE * counts // (2 * records.n)))
        chosen = [rng.permutation(np.flatnonzero(strata == c))[:m] for c, m in zip(codes, keep, strict=True)]
        rows = np.sort(np.concatenate(chosen))
        scale = dict(zip(codes.tolist(), (counts / keep).tolist(), strict=True))
        weight = np.array([scale[code] for code in strata[rows].tolist()])
    part = records.take(rows)
    return Sample(encoder.x(part), encoder.y(part.y), torch.from_numpy(weight))
