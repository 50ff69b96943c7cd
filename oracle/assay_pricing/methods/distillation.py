"""Distillation, the default: fine-tune a student of the model on base and offer, and read the drop of the risk.

The student goes through the same steps on the base alone, so that what more training would have brought by itself is
not paid for. Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network", 2015.
"""

from assay_pricing.methods.on_network import FineTuned


class Distillation(FineTuned):
    """Set price by fine-tuning a distilled student; points by its influence, gated by a Newton step."""

    name = "distillation"


METHOD = Distillation
