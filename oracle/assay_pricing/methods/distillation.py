"""Distillation: fine-tune a student of the model on base and offer, and read the drop of the risk.

The student takes the same steps on the base alone, so that the effect of more training alone is not paid for. Hinton,
Vinyals, Dean, "Distilling the knowledge in a neural network", 2015.
"""

from assay_pricing.methods.families.network import FineTunedMethod


class Distillation(FineTunedMethod):
    """Set price by fine-tuning a distilled student; use ``forest`` where no gradient may leave the owner."""

    name = "distillation"
    when_to_use = "prices of sets and verdicts on records, for any model"


METHOD = Distillation
