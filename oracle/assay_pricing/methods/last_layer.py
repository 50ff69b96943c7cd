"""Influence in the last layer alone: a closed form at any size of the network below it."""

from assay_pricing.methods.on_network import OnNetwork
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.newton import Gate


class LastLayer(OnNetwork):
    """Sum of last-layer influences."""

    name = "last_layer"

    def points(self, records: Records) -> Float64:
        """Drop of the risk to first order in the record's weight, (n,)."""
        return Gate(self.context, self.network).linear(self.context.encode(records))


METHOD = LastLayer
