"""Kernel machines: a linear learner on random Fourier features of a Gaussian kernel (Rahimi and Recht 2007)."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from assay_pricing.learners.linear import PENALTIES, Linear
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import Sample

_FEATURES = 512
_WIDTHS = (0.1, 0.3, 1.0, 3.0, 10.0)


class RandomFeatures(Linear):
    """Logistic or ridge regression with a Gaussian kernel; ``narrowness`` multiplies its usual exponent.

    The usual exponent is one over the number of columns times their mean variance, scikit-learn's ``gamma="scale"``.
    """

    family: ClassVar[str] = "random_features"
    learns_many: ClassVar[bool] = False
    grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {"narrowness": _WIDTHS, "penalty": PENALTIES}

    @classmethod
    def starts(cls, encoder: Encoder) -> Iterator[Self]:
        """As scikit-learn has it by default."""
        yield cls(encoder, {"penalty": 1.0, "narrowness": 1.0})

    def outputs(self, records: Sample, inputs: Sample) -> Tensor:
        """See ``Learner``."""
        return self.linear_outputs(self._features(records.x), self._features(inputs.x), records)

    def _features(self, x: Tensor) -> Tensor:
        """Cosines (n, ``_FEATURES``) whose products are the kernel's values, in the mean."""
        width, scale = self.encoder.width, self.encoder.column_scale
        exponent = self.capacity["narrowness"] / (width * float((scale**2).mean()))
        draw = torch.Generator().manual_seed(0)
        directions = torch.randn((width, _FEATURES), generator=draw, dtype=torch.float64) * (2 * exponent) ** 0.5
        phases = 2 * torch.pi * torch.rand(_FEATURES, generator=draw, dtype=torch.float64)
        found: Tensor = (2 / _FEATURES) ** 0.5 * torch.cos(x @ directions + phases)
        return found
