"""Loss: how much a record surprises the student. Here as a warning: noise and wrong labels surprise most."""

import numpy as np

from assay_oracle.pricing.network import losses
from assay_oracle.pricing.records import Float64, Records
from assay_oracle.pricing.surrogate import OnNetwork


class Loss(OnNetwork):
    """Sum of losses."""

    name = "loss"
    needs_records = False

    def points(self, records: Records) -> Float64:
        """Loss of the student at each record, (n,)."""
        offer = self.context.encode(records)
        return np.asarray(losses(self.network(offer.x), offer.y)[0].numpy())


METHOD = Loss
