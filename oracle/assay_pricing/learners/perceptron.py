"""A network with one hidden layer, trained from random weights."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from assay_pricing.learners.port import Learner
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.network import Network, train
from assay_pricing.surrogate.task import Sample

_WIDTHS = (16, 64)
_DECAYS = (2e-4, 6e-4, 2e-3, 6e-3, 2e-2, 6e-2)
_STEPS, _RATE = 200, 1e-2


class Perceptron(Learner):
    """One hidden layer of ``width`` units, with a weight decay."""

    family: ClassVar[str] = "network"
    is_random = True
    grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {"decay": _DECAYS, "width": _WIDTHS}

    @classmethod
    def starts(cls, encoder: Encoder) -> Iterator[Self]:
        """A narrow one with little decay."""
        yield cls(encoder, {"width": 16, "decay": 2e-3})

    def outputs(self, records: Sample, inputs: Sample) -> Tensor:
        """See ``Learner``."""
        widths = (self.encoder.width, self.capacity["width"], self.encoder.outputs)
        network = train(
            Network.initialise(widths, self.draw).to(torch.float32),
            records.x.float(),
            records.y.float(),
            (records.weight / records.weight.sum()).float()[None],
            decay=self.capacity["decay"],
            steps=_STEPS,
            rate=_RATE,
            anneal=True,
        )
        found = network.to(torch.float64)(inputs.x)[0]
        return found.log_softmax(-1) if self.is_classifier else found
