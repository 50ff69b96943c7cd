"""Encodes records as the surrogate's inputs: clipped, one-hot, double precision.

Fitted on the owner's records alone. Numbers stay in the owner's units or are standardised: weight decay has the same
effect on the surrogate and on the model only if both have the same inputs (``calibration``). Clipping bounds the effect
of one outlying record on a price.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from assay.protocol.schema import Schema
from assay_pricing.records.records import Float64, Records

CLIP = 6.0
"""Encoded features lie within this many scales of the owner's mean."""
MAX_COLUMNS = 128
"""More columns than this are projected: pictures and embeddings vary in fewer directions."""
_ENERGY, _MAX_DIRECTIONS = 0.98, 512
"""Share of the records' sum of squares that the directions keep, and their largest number."""
_MIN_COMMON = 8
"""Fewer columns than this are never taken to share one unit."""
_COMMON_SPREAD = 1e3


@dataclass(frozen=True, eq=False)
class Encoder:
    """Centre and scale of every numeric feature (d,); one-hot widths come from the schema.

    Attributes:
        schema: Of the records.
        centre: Mean by feature (d,); 0 for a categorical one.
        scale: Spread by feature (d,), positive; 1 for a categorical one.
        target: Mean and spread of a regression's labels; (0, 1) for a classification.
        standardised: Numbers become (x - centre) / scale; otherwise they keep the owner's units.
        basis: Principal directions (columns, width) of the owner's records; None if columns are not projected.
    """

    schema: Schema
    centre: Float64
    scale: Float64
    target: tuple[float, float]
    standardised: bool = True
    basis: Tensor | None = None

    @classmethod
    def fit(cls, records: Records) -> "Encoder":
        """Estimates centre and scale from the owner's records.

        Features that share one unit (pixels, embeddings: their ranges are alike) share one scale, the root of their
        mean variance, so that a feature that is nearly constant in the owner's sample is not amplified. Others get
        their own standard deviation.
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
        """The same encoder with its own scale for every numeric column; itself if it has that already."""
        numeric = np.array([feature.kind == "numeric" for feature in self.schema.features])
        spread = records.x.astype(np.float64).std(0)
        scale = np.where(numeric & (spread > 0), spread, 1.0)
        return self if np.array_equal(scale, self.scale) else replace(self, scale=scale)

    def reduced(self, records: Records) -> "Encoder":
        """Projects on the principal directions of records, if there are more than ``MAX_COLUMNS`` columns.

        The records are not centred: weight decay then acts on a direction as it does on the columns.
        """
        if self.columns <= MAX_COLUMNS:
            return self
        x = self._x(records)
        squares, directions = torch.linalg.eigh(x.T @ x)  # ascending
        below = squares.flip(0).cumsum(0) / squares.sum() < _ENERGY
        return replace(self, basis=directions.flip(1)[:, : min(int(below.sum()) + 1, _MAX_DIRECTIONS)].contiguous())

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

    @property
    def column_scale(self) -> Tensor:
        """Scale of each encoded feature (width,): 1 if it is standardised, one-hot or projected."""
        if self.standardised or self.basis is not None:
            return torch.ones(self.width, dtype=torch.float64)
        scales: list[float] = []
        for scale, feature in zip(self.scale.tolist(), self.schema.features, strict=True):
            scales += [scale] if feature.kind == "numeric" else [1.0] * max(len(feature.categories), 1)
        return torch.tensor(scales, dtype=torch.float64)

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
        """Labels as ``network.losses`` takes them (n,): class indices, or standardised and clipped targets."""
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
    """Whether all features (n, d) lie in one common range, as pixels and embeddings do."""
    if x.shape[1] < _MIN_COMMON:
        return False
    ranges = np.ptp(x, axis=0)
    ranges = ranges[ranges > 0]
    if len(ranges) == 0:
        return False
    whole = float(np.ptp(x))
    return whole <= 4 * float(np.quantile(ranges, 0.9)) and whole <= _COMMON_SPREAD * float(np.median(ranges))
