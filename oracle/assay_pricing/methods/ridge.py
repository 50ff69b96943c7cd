"""Ridge: a set's price from sums over its records, in integers end to end.

Ridge regression on public features, with the model's answers as its prior mean, learns the offer in closed form. The
price is that of the integer format of docs/price-format.md, the same on every machine. No record of the owner is kept.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from assay.protocol.function.canonical import canonical_json
from assay_pricing import methods
from assay_pricing.errors import DataError
from assay_pricing.methods.families.base import Method, Parts, RefitMethod
from assay_pricing.records.records import Float64, Records
from assay_pricing.sums.choice import choose
from assay_pricing.sums.features import MAX_FEATURES
from assay_pricing.sums.fitting import integers
from assay_pricing.sums.form import PriceForm
from assay_pricing.sums.moments import ROWS, Moments
from assay_pricing.sums.simulated import Simulated
from assay_pricing.surrogate.distillation import agreement, fidelity
from assay_pricing.surrogate.task import Context, Task

_CHOSEN_BY, _MEASURED_BY = 192, 32
"""Simulated offers that the regression is chosen by, and others that its agreement is measured on."""
_FEWEST = 16
_LEAST = 1e-3


class Ridge(Method):
    """Set price by ridge regression from the model's own answers; ``retraining`` ranks sets better, and slower."""

    name = "ridge"
    when_to_use = "prices in closed form and in integers, the same on every machine, in the clear or on ciphertexts"
    needs_records = False
    prices_sets = True
    settings: ClassVar[Mapping[str, int | float | str]] = {"features": 256}

    def __init__(self, context: Context, parts: Parts) -> None:
        super().__init__(context, parts)
        self.form = PriceForm.model_validate_json(parts.tensors["form"].numpy().tobytes())
        self.form.terms.features.inputs.check(context.schema)

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Chooses the regression by simulated offers, which the default method values.

        Raises:
            DataError: The number of features is out of its range.
        """
        count = task.settings["features"]
        if not _FEWEST <= count <= MAX_FEATURES:
            raise DataError(f"expected {_FEWEST} to {MAX_FEATURES} features, got {count}")
        reference = methods.method(methods.DEFAULT).fit(replace(task, settings=methods.settings(methods.DEFAULT, {})))
        assert isinstance(reference, RefitMethod)
        return cls.judged(task, reference, count)

    @classmethod
    def judged(cls, task: Task, reference: RefitMethod, count: int) -> Self:
        """Chooses the regression of so many features by simulated offers, which a fitted method values."""
        exact = choose(task, Simulated.of(task, reference, task.seed, _CHOSEN_BY), count)
        form = integers(exact)
        other = Simulated.of(task, reference, task.seed + 1, _MEASURED_BY)
        features = form.terms.features
        whole = np.array([form.gain(Moments.of(features, [offer])) for offer in other.offers])
        form = form.model_copy(
            update={
                "rank_agreement": round(10**6 * other.agreement(whole)),
                "exact_agreement": round(10**6 * other.agreement(np.array(list(map(exact.gain, other.offers))))),
            }
        )
        return cls._of(task, form)

    @classmethod
    def _of(cls, task: Task, form: PriceForm) -> Self:
        answered = _answers(form, task.validation, task.context)
        model = task.black_box.predict(task.validation.x)
        share = fidelity(task, answered, model)
        content = canonical_json(form.model_dump(mode="json"))
        axes, v = len(form.terms.features.axes), task.validation.n
        leak = (
            f"a regression that agrees with the model on {share:.1%} of inputs, {axes} main axes of the owner's "
            f"records, and the gradient and curvature of the risk on {v} validation records"
        )
        return cls(
            task.context,
            Parts(
                {"form": torch.frombuffer(bytearray(content), dtype=torch.uint8)},
                task.settings,
                share,
                {"form": leak},
                agreement(task, answered, model),
            ),
        )

    def set_value(self, records: Records) -> float:
        """Predicted drop of the risk by all records together: the integer price, in the unit of the goal."""
        return self.form.gain(self._moments(records))

    def added_value(self, records: Records, others: Records) -> float:
        """See ``Method``: the price of all records together, less that of the others."""
        before = self._moments(others)
        return self.form.gain(before + self._moments(records)) - self.form.gain(before)

    def _moments(self, records: Records) -> Moments:
        return Moments.of(self.form.terms.features, [records])

    def record_values(self, records: Records) -> Float64:
        """``set_value`` of each record on its own, in floating point, (n,)."""
        form = self.form
        unit, scale = 2.0 ** (form.terms.solution_bits - form.terms.shrinkage_bits), 2.0**form.scale
        secret, whole = form.secret, 2.0**form.terms.solution_bits
        found = np.empty(records.n)
        for start in range(0, records.n, ROWS):
            rows = slice(start, start + ROWS)
            codes, labels = form.terms.features.inputs.of(records.take(np.arange(records.n)[rows]))
            phi = form.terms.features.of(codes).astype(np.float64)
            residual = labels - phi @ (secret.weights / unit)
            step = whole / (form.terms.damping + (phi**2).sum(1))
            first = ((phi @ secret.linear) * residual).sum(1) * step
            second = ((phi @ secret.quadratic) * phi).sum(1) * (residual**2).sum(1) * step**2
            found[rows] = -(first + second / 2) / scale
        return found


def _answers(form: PriceForm, records: Records, context: Context) -> Tensor:
    """Raw outputs (n, k) of the prior mean for records."""
    features, terms = form.terms.features, form.terms
    unit = 2.0 ** (terms.solution_bits - terms.shrinkage_bits)
    values = features.of(features.inputs.codes(records.x)) @ (form.secret.weights / unit)
    label = features.inputs.label
    if label is None:
        return torch.from_numpy(np.log(np.clip(values, _LEAST, None)))
    centre, spread = context.encoder.target
    return torch.from_numpy((values * label.step + label.centre - centre) / spread)


METHOD = Ridge
