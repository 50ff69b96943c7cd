"""Influence in the last layer alone: a closed form at any size of the network below it."""

from assay_oracle.pricing.gate import Gate
from assay_oracle.pricing.records import Float64, Records
from assay_oracle.pricing.surrogate import OnNetwork


class LastLayer(OnNetwork):
    """Sum of last-layer influences."""

    name = "last_layer"

    def points(self, records: Records) -> Float64:
        """Drop of the risk to first order in the record's weight, (n,)."""
        return Gate(self.context, self.network).linear(self.context.encode(records))


METHOD = LastLayer
