"""Influence in the last layer alone: a closed form at any size of the network below it."""

from assay_pricing.methods.families.network import NetworkMethod
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.newton import NewtonStep


class LastLayer(NetworkMethod):
    """Sum of last-layer influences; use ``influence`` up to some thousand parameters, ``distillation`` for sets."""

    name = "last_layer"
    when_to_use = "wide students"

    def record_values(self, records: Records) -> Float64:
        """Drop of the risk to first order in the record's weight, (n,)."""
        return NewtonStep(self.context, self.network).first_order(self.context.encode(records))


METHOD = LastLayer
