'''Pricing methods: one file each, found by the name of the file.

Every method predicts the drop of the owner's risk on the validation set, in the unit of the goal; positive where the
data helps. ``record_values`` is by record, ``set_value`` of all records together; the former need not add up to the
latter.

To add a method, put one file into this folder, named as the method, with the class as ``METHOD``. The command
``assay-oracle fit --method NAME`` and the benchmark find it by that name::

    """Distance: the value of a record is its distance from the owner's records."""

    from typing import Self
    import torch
    from assay_pricing.methods.families.base import Method, Parts
    from assay_pricing.surrogate.task import Task

    class Distance(Method):
        name = "distance"
        when_to_use = "novelty is wanted, whatever it brings"
        label_only = True

        @classmethod
        def fit(cls, task: Task) -> Self:
            return cls(task.context, Parts(fidelity=1.0))

        def record_values(self, records):
            x = self.context.encode(records).x
            return torch.cdist(x, self.context.base.x).min(1).values.numpy()

    METHOD = Distance
'''

import importlib
from collections.abc import Mapping
from typing import Any

from assay_pricing.errors import ArtifactError, DataError
from assay_pricing.manifest import method_names
from assay_pricing.methods.families.base import Method, Parts, RefitMethod

__all__ = ["DEFAULT", "Method", "Parts", "RefitMethod", "method", "names", "settings"]

DEFAULT = "retraining"


def names() -> list[str]:
    """Names of all methods, sorted."""
    return method_names(__path__)


def method(name: str) -> type[Method]:
    """The class of a method.

    Raises:
        ArtifactError: There is no method of that name.
    """
    if name not in names():
        raise ArtifactError(f"expected a method among {', '.join(names())}, got {name!r}")
    found: type[Method] = importlib.import_module(f"{__name__}.{name}").METHOD
    return found


def settings(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a method: the given values, and the defaults of the others.

    Raises:
        DataError: The method has no such setting, or the value is of another type.
    """
    known = method(name).settings
    for key, value in given.items():
        if key not in known:
            raise DataError(f"expected a setting of {name} among {', '.join(known) or '(none)'}, got {key!r}")
        kind = type(known[key])
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise DataError(f"expected the setting {key} of {name} to be like {known[key]!r}, got {value!r}")
    return {**known, **given}
