"""Update: the size of the parameter update that a record causes, the paper's target to the letter.

It follows the true update closely and is no price: noise and wrong labels cause the largest updates. Compare
``distillation``, which follows the paper's other phrase, updates that lead to better performance on a test set.
"""

import numpy as np
import torch

from assay_pricing.methods.on_network import OnNetwork
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.curvature import gradients


class Update(OnNetwork):
    """Sum of gradient norms."""

    name = "update"
    needs_records = False

    def points(self, records: Records) -> Float64:
        """Norm of each record's gradient in all parameters of the student, (n,)."""
        blocks = gradients(self.network, self.context.encode(records))
        return np.asarray(torch.cat([block.norm(dim=1) for block in blocks]).numpy())


METHOD = Update
