"""Loss: how much a record surprises the student. Here as a warning: noise and wrong labels surprise most."""

import numpy as np

from assay_pricing.methods.on_network import OnNetwork
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.network import losses


class Loss(OnNetwork):
    """Sum of losses."""

    name = "loss"
    needs_records = False

    def points(self, records: Records) -> Float64:
        """Loss of the student at each record, (n,)."""
        offer = self.context.encode(records)
        return np.asarray(losses(self.network(offer.x), offer.y)[0].numpy())


METHOD = Loss
