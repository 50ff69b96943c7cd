"""Update: the size of the parameter update that a record causes, the paper's target to the letter.

It follows the true update closely and is no price: noise and wrong labels cause the largest updates. ``distillation``
follows the paper's other definition, updates that improve the performance on a test set.
"""

import numpy as np
import torch

from assay_pricing.methods.families.network import NetworkMethod
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.curvature import gradients


class Update(NetworkMethod):
    """Sum of gradient norms; use ``distillation`` for prices."""

    name = "update"
    when_to_use = "comparison only: it rewards noise"
    needs_records = False

    def record_values(self, records: Records) -> Float64:
        """Euclidean norm of each record's gradient in all parameters of the student, (n,)."""
        blocks = gradients(self.network, self.context.encode(records))
        return np.asarray(torch.cat([block.norm(dim=1) for block in blocks]).numpy())


METHOD = Update
