"""Forward influence: a full Newton step on the last layer towards each record, read on the validation set.

Xu et al., "Data Appraisal Without Data Sharing", AISTATS 2022. It detects junk better than influence does.
"""

from assay_pricing.methods.families.network import NetworkMethod
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.newton import NewtonStep


class Newton(NetworkMethod):
    """Sum of the drops of the risk by single steps; use ``distillation`` for prices of sets."""

    name = "newton"
    when_to_use = "detection of junk"

    def record_values(self, records: Records) -> Float64:
        """Drop of the risk by a full step towards each record, (n,)."""
        return NewtonStep(self.context, self.network).full(self.context.encode(records)).mean


METHOD = Newton
