"""Forward influence: a Newton step on the last layer towards each record, read on the validation set.

"Data Appraisal Without Data Sharing" (Xu et al., AISTATS 2022) prices so. Finds junk better than influence does.
"""

from assay_pricing.methods.on_network import OnNetwork
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.newton import Gate


class Newton(OnNetwork):
    """Sum of the drops of the risk by single steps."""

    name = "newton"

    def points(self, records: Records) -> Float64:
        """Drop of the risk by a step towards each record, (n,)."""
        return Gate(self.context, self.network).drops(self.context.encode(records))


METHOD = Newton
