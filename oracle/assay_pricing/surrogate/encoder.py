"""From records to the numbers that surrogates compute with: clipped, one-hot, double precision.

Fitted on the owner's records alone. Numbers stay in the owner's units or are standardised: weight decay means the same
to a surrogate as to the model only where both see the same numbers (``calibration``). Clipping bounds what one outlying
record can do to a price.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from assay.protocol.schema import Schema
from assay_pricing.records.records import Float64, Records

CLIP = 6.0
"""Encoded features lie within this many scales of the owner's mean."""
WIDEST = 128
"""More columns than this are projected: pictures and embeddings move in fewer directions."""
_ENERGY, _MOST = 0.98, 512
"""Share of the records' sum of squares that the directions keep, and how many there are at most."""
_COMMON_SPREAD = 1e3


@dataclass(frozen=True, eq=False)
class Encoder:
    """Centre and scale of every numeric feature, (d,) each; one-hot widths come from the schema.

    Attributes:
        schema: Of the records.
        centre: Mean by feature (d,); 0 for a categorical one.
        scale: Spread by feature (d,), positive; 1 for a categorical one.
        target: Mean and spread of a regression's labels; (0, 1) for a classification.
        standardised: Numbers leave as multiples of the scale around the centre, rather than in the owner's units.
        basis: Principal directions (columns, width) of the owner's records; None where there are few columns.
    """

    schema: Schema
    centre: Float64
    scale: Float64
    target: tuple[float, float]
    standardised: bool = True
    basis: Tensor | None = None

    @classmethod
    def fit(cls, records: Records) -> "Encoder":
        """Measures the owner's records.

        Features that share one unit (pixels, embeddings: their ranges are alike) share one scale, so that a feature
        that is nearly constant in the owner's sample is not blown up; others get their own.
        """
        x = records.x.astype(np.float64)
        numeric = np.array([feature.kind == "numeric" for feature in records.schema.features])
        centre = np.where(numeric, x.mean(0), 0.0)
        spread = x.std(0)
        if numeric.any() and _same_unit(x[:, numeric]):
            spread = np.full(len(spread), float(np.sqrt(np.mean(spread[numeric] ** 2))))
        scale = np.where(numeric & (spread > 0), spread, 1.0)
        target = (0.0, 1.0)
        if records.schema.task == "regression":
            target = (float(records.y.mean()), float(records.y.std()) or 1.0)
        return cls(records.schema, centre, scale, target)

    def by_column(self, records: Records) -> "Encoder":
        """The same with a scale of its own for every numeric column, or itself where it has that already."""
        numeric = np.array([feature.kind == "numeric" for feature in self.schema.features])
        spread = records.x.astype(np.float64).std(0)
        scale = np.where(numeric & (spread > 0), spread, 1.0)
        return self if np.array_equal(scale, self.scale) else replace(self, scale=scale)

    def reduced(self, records: Records) -> "Encoder":
        """Projects what it encodes on the principal directions of records, where it has more than ``WIDEST`` columns.

        They are not centred, so that decay of a weight on a direction is decay of the weights on its columns.
        """
        if self.columns <= WIDEST:
            return self
        x = self._x(records)
        squares, directions = torch.linalg.eigh(x.T @ x)
        kept = squares.flip(0).cumsum(0) / squares.sum() < _ENERGY
        return replace(self, basis=directions.flip(1)[:, : min(int(kept.sum()) + 1, _MOST)].contiguous())

    @property
    def width(self) -> int:
        """Number of encoded features."""
        return self.columns if self.basis is None else self.basis.shape[1]

    @property
    def columns(self) -> int:
        """Number of features before any projection."""
        return sum(max(len(f.categories), 1) if f.kind == "categorical" else 1 for f in self.schema.features)

    @property
    def outputs(self) -> int:
        """Number of classes k, or 1 for a regression."""
        return len(self.schema.classes) or 1

    def x(self, records: Records) -> Tensor:
        """Encoded features, (n, width) in double precision; an unseen category is zero in all its columns."""
        columns = self._x(records)
        return columns if self.basis is None else columns @ self.basis

    def _x(self, records: Records) -> Tensor:
        numbers = np.clip((records.x.astype(np.float64) - self.centre) / self.scale, -CLIP, CLIP)
        if not self.standardised:
            numbers = numbers * self.scale + self.centre
        if all(feature.kind == "numeric" for feature in self.schema.features):
            return torch.from_numpy(numbers)
        blocks = []
        for j, feature in enumerate(self.schema.features):
            if feature.kind == "numeric":
                blocks.append(numbers[:, j : j + 1])
            else:
                codes = np.arange(max(len(feature.categories), 1))
                blocks.append((records.x[:, j : j + 1] == codes).astype(np.float64))
        return torch.from_numpy(np.concatenate(blocks, axis=1))

    def y(self, labels: Float64) -> Tensor:
        """Labels as the loss takes them (n,): class indices, or standardised and clipped targets."""
        centre, spread = self.target
        values = (labels - centre) / spread
        return torch.from_numpy(np.clip(values, -CLIP, CLIP) if self.schema.task == "regression" else values)

    def outputs_in_units(self, outputs: Tensor) -> Float64:
        """Log-probabilities (..., k), or values in the target's own unit (..., 1), from raw outputs."""
        if self.schema.task == "classification":
            return np.asarray(outputs.log_softmax(-1).numpy())
        centre, spread = self.target
        return np.asarray(outputs.numpy() * spread + centre)


def _same_unit(x: Float64) -> bool:
    """Whether every feature moves within one common range, as pixels and embeddings do."""
    if x.shape[1] < 8:
        return False
    ranges = np.ptp(x, axis=0)
    ranges = ranges[ranges > 0]
    if len(ranges) == 0:
        return False
    whole = float(np.ptp(x))
    return whole <= 4 * float(np.quantile(ranges, 0.9)) and whole <= _COMMON_SPREAD * float(np.median(ranges))
