"""Forests: bagged trees (Breiman 2001) and extremely randomised trees (Geurts et al. 2006)."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, ClassVar, Self

from torch import Tensor

from assay_pricing.learners.port import CLASSES, Learner
from assay_pricing.learners.threads import sklearn_on_single_thread
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import Sample

_TREES = 100
_SMALLEST = (1, 2, 3, 5, 10, 20, 40)
_SHARES = (0.1, 0.2, 0.33, 0.5, 1.0)
_KINDS = ("bagged", "random")
_UNBOUNDED = 0
_DEPTHS = (4, 6, 8, 12, _UNBOUNDED)


class Forest(Learner):
    """One hundred trees, ``bagged`` or with ``random`` thresholds, with leaves of at least ``smallest`` records.

    ``share`` of the features, drawn anew, are compared at each split. A tree has at most ``depth`` splits on a path,
    any number if 0.
    """

    family: ClassVar[str] = "forest"
    is_random = True
    grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "smallest": _SMALLEST,
        "kind": _KINDS,
        "share": _SHARES,
        "classes": CLASSES,
        "depth": _DEPTHS,
    }

    @classmethod
    def starts(cls, encoder: Encoder) -> Iterator[Self]:
        """As scikit-learn has it by default: the root of the features at a split, or all of them in a regression."""
        root = len(encoder.schema.features) ** -0.5 if encoder.schema.task == "classification" else 1.0
        share = min(_SHARES, key=lambda value: abs(value - root))
        for smallest, kind in product((1, 5), _KINDS):
            capacity = {"kind": kind, "smallest": smallest, "share": share}
            yield cls(encoder, capacity | {"classes": CLASSES[0], "depth": _UNBOUNDED})

    def outputs(self, records: Sample, inputs: Sample) -> Tensor:
        """See ``Learner``."""
        with sklearn_on_single_thread():
            model = self._model()
            model.fit(self.codes(records, records), records.y.numpy(), sample_weight=self.weights(records))
            return self.answers(model, self.codes(inputs, records))

    def _model(self) -> Any:
        from sklearn import ensemble

        name = {"bagged": "RandomForest", "random": "ExtraTrees"}[self.capacity["kind"]]
        kind = getattr(ensemble, name + ("Classifier" if self.is_classifier else "Regressor"))
        smallest, share = self.capacity["smallest"], self.capacity["share"]
        depth = self.capacity["depth"] or None
        return kind(_TREES, min_samples_leaf=smallest, max_features=share, max_depth=depth, random_state=self.draw)
