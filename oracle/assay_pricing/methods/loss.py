"""Loss: the surprise of the student at a record. A warning, not a price: noise and wrong labels surprise most."""

import numpy as np

from assay_pricing.methods.families.network import NetworkMethod
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.network import losses


class Loss(NetworkMethod):
    """Sum of losses; use ``newton`` to detect junk, ``distillation`` for prices."""

    name = "loss"
    when_to_use = "a warning only: it rewards noise"
    needs_records = False

    def record_values(self, records: Records) -> Float64:
        """Loss of the student at each record, (n,)."""
        offer = self.context.encode(records)
        return np.asarray(losses(self.network(offer.x), offer.y)[0].numpy())


METHOD = Loss
