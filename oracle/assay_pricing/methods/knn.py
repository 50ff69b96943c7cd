"""kNN add-one: the change of risk when a record joins the nearest neighbours of the validation records.

Reads no answer of the model. It detects junk well, since a record among others of its own label is seldom noise, and
ranks useful records less well. See ``surrogate/neighbours.py`` for the kernel and its source.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from torch import Tensor

from assay_pricing.errors import DataError
from assay_pricing.methods.families.base import Parts, RefitMethod
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.distillation import agreement, fidelity
from assay_pricing.surrogate.neighbours import DEFAULT_NEIGHBOURS, Neighbours
from assay_pricing.surrogate.task import Context, Sample, Task


class NearestNeighbours(RefitMethod):
    """Set price by the nearest neighbours after the set has joined; use ``distillation`` where there is a model."""

    name = "knn"
    when_to_use = "data without a model"
    label_only = True
    standardised = True
    settings: ClassVar[Mapping[str, int | float | str]] = {"neighbours": DEFAULT_NEIGHBOURS}

    def __init__(self, context: Context, parts: Parts) -> None:
        super().__init__(context, parts)
        self._neighbours = Neighbours(context, int(parts.settings["neighbours"]))

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Fits nothing; the fidelity is the agreement of the neighbours' answers with the model's."""
        if task.settings["neighbours"] < 1:
            raise DataError(f"expected at least one neighbour, got {task.settings['neighbours']}")
        nobody = task.context.base.take(np.arange(0))
        outputs = Neighbours(task.context, task.settings["neighbours"]).outputs(nobody, nobody.weight[None])[0]
        model = task.black_box.predict(task.validation.x)
        worth = agreement(task, outputs, model)
        return cls(
            task.context, Parts(settings=task.settings, fidelity=fidelity(task, outputs, model), agreement=worth)
        )

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        """See ``RefitMethod``."""
        return self.context.encoder.outputs_in_units(self._neighbours.outputs(offer, weights))

    def record_values(self, records: Records) -> Float64:
        """Drop of the risk by each record on its own, along the risk's descent direction, (n,)."""
        return self._neighbours.risk_drops(self.context.encode(records)).mean


METHOD = NearestNeighbours
