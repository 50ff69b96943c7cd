"""Encodes records as the surrogate's inputs: clipped, one-hot, double precision.

Fitted on the owner's records alone. Numbers stay in the owner's units or are standardised: weight decay has the same
effect on the surrogate and on the model only if both have the same inputs (``calibration``). Clipping bounds the effect
of one outlying record on a price. Booleans and times are numbers. A missing number lies at the owner's mean, and a
column of its own, 0 or 1, tells it from a record that has the mean.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from assay.protocol.schema import Feature, Schema
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
    """Centre and scale of every numeric feature (d,); widths of other columns come from the schema.

    Attributes:
        schema: Of the records.
        centre: Mean by feature (d,); 0 for a categorical one.
        scale: Spread by feature (d,), positive; 1 for a categorical one.
        target: Mean and spread of a regression's labels; (0, 1) for a classification.
        standardised: Numbers become (x - centre) / scale; otherwise they keep the owner's units.
        basis: Principal directions (columns, width) of the owner's records; None if columns are not projected.
        clip: Numbers are at most so many spreads from the centre.
    """

    schema: Schema
    centre: Float64
    scale: Float64
    target: tuple[float, float]
    standardised: bool = True
    basis: Tensor | None = None
    clip: float = CLIP

    @classmethod
    def fit(cls, records: Records) -> "Encoder":
        """Estimates centre and scale from the owner's records.

        Features that share one unit (pixels, embeddings: their ranges are alike) share one scale, the root of their
        mean variance, so that a feature that is nearly constant in the owner's sample is not amplified. Others get
        their own standard deviation.
        """
        numeric = _is_number(records.schema)
        mean, spread = _moments(records.x)
        centre = np.where(numeric, mean, 0.0)
        if numeric.any() and _same_unit(np.where(np.isnan(records.x), mean, records.x)[:, numeric]):
            spread = np.full(len(spread), float(np.sqrt(np.mean(spread[numeric] ** 2))))
        scale = np.where(numeric & (spread > 0), spread, 1.0)
        target = (0.0, 1.0)
        if records.schema.task == "regression":
            target = (float(records.y.mean()), float(records.y.std()) or 1.0)
        return cls(records.schema, centre, scale, target)

    def by_column(self, records: Records) -> "Encoder":
        """The same encoder with its own scale for every numeric column; itself if it has that already."""
        numeric = _is_number(self.schema)
        spread = _moments(records.x)[1]
        scale = np.where(numeric & (spread > 0), spread, 1.0)
        return self if np.array_equal(scale, self.scale) else replace(self, scale=scale)

    def reduced(self, records: Records) -> "Encoder":
        """Projects on the principal directions of records, if there are more than ``MAX_COLUMNS`` columns.

        The records are not centred: weight decay then acts on a direction as it does on the columns.
        """
        if self.columns <= MAX_COLUMNS:
            return self
        x = self._x(records)
        is_wide = x.shape[1] > len(x)  # then the products of records are fewer than those of columns
        squares, vectors = torch.linalg.eigh(x @ x.T if is_wide else x.T @ x)  # ascending
        below = squares.flip(0).cumsum(0) / squares.sum() < _ENERGY
        kept = vectors.flip(1)[:, : min(int(below.sum()) + 1, _MAX_DIRECTIONS)]
        if is_wide:
            kept = torch.linalg.qr(x.T @ kept)[0]
        return replace(self, basis=kept.contiguous())

    @property
    def width(self) -> int:
        """Number of encoded features."""
        return self.columns if self.basis is None else self.basis.shape[1]

    @cached_property
    def columns(self) -> int:
        """Number of features before any projection."""
        return sum(_width(feature) for feature in self.schema.features)

    @cached_property
    def are_numbers(self) -> Tensor:
        """Which columns before any projection are numbers: neither a category's nor what says that one is missing."""
        of_feature = zip(_is_number(self.schema).tolist(), map(_width, self.schema.features), strict=True)
        return torch.tensor([is_number and i == 0 for is_number, width in of_feature for i in range(width)])

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
            scales += [1.0 if feature.kind == "categorical" else scale] + [1.0] * (_width(feature) - 1)
        return torch.tensor(scales, dtype=torch.float64)

    def x(self, records: Records) -> Tensor:
        """Encoded features, (n, width) in double precision; an unseen category is zero in all its columns."""
        columns = self._x(records)
        return columns if self.basis is None else columns @ self.basis

    def raw(self, records: Records) -> Tensor:
        """Features as they are (n, d); -1 for every value of a category that the schema does not know."""
        return torch.from_numpy(np.where(records.x >= self._known, -1.0, records.x))

    @cached_property
    def _known(self) -> Float64:
        """How many categories the schema knows (d,); infinite for numbers."""
        return np.array([len(f.categories) if f.kind == "categorical" else np.inf for f in self.schema.features])

    @cached_property
    def _is_plain(self) -> bool:
        """Every feature is a number in one column."""
        return self.columns == len(self.schema.features) and bool(_is_number(self.schema).all())

    def _x(self, records: Records) -> Tensor:
        missing = np.isnan(records.x)
        numbers = np.clip((np.where(missing, self.centre, records.x) - self.centre) / self.scale, -self.clip, self.clip)
        if not self.standardised:
            numbers = numbers * self.scale + self.centre
        if self._is_plain:
            return torch.from_numpy(numbers)
        blocks = []
        for j, feature in enumerate(self.schema.features):
            column = slice(j, j + 1)
            if feature.kind == "categorical":
                blocks.append((records.x[:, column] == np.arange(_width(feature))).astype(np.float64))
            else:
                blocks += [numbers[:, column], missing[:, column].astype(np.float64)][: _width(feature)]
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


def _is_number(schema: Schema) -> npt.NDArray[np.bool_]:
    """Which features are encoded as numbers (d,): all but categories."""
    return np.array([feature.kind != "categorical" for feature in schema.features])


def _width(feature: Feature) -> int:
    """Encoded columns of a feature: one for each category, or its number and whether that is missing."""
    if feature.kind == "categorical":
        return max(len(feature.categories), 1)
    return 1 if feature.missing is None else 2


def _moments(x: Float64) -> tuple[Float64, Float64]:
    """Mean and spread of the values that are not missing, (d,) each; 0 for a feature without any."""
    known = ~np.isnan(x)
    if known.all():
        return x.mean(0), x.std(0)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, x, 0.0).sum(0) / count
    return mean, np.sqrt(np.where(known, (x - mean) ** 2, 0.0).sum(0) / count)


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
