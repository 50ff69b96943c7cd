"""Fine-tuning a student that is anchored at its own answers to the owner's records.

A model that knows more than the owner's records has learned these already: learning them again teaches it nothing. The
targets of an *anchored* student are its own answers to the owner's records and the labels of the offer (Li and Hoiem,
"Learning without forgetting", 2016). It stays where the model is, and an offer alone moves it.
"""

import torch
from torch import Tensor
from torch.nn import functional

from assay_pricing.surrogate.network import Network, train
from assay_pricing.surrogate.task import Sample

_STEPS, _RATE = 20, 1e-2


def anchored(network: Network, base: Sample, offer: Sample) -> Network:
    """The network fine-tuned on weighted records of an offer, without weight decay; itself where there are none.

    Args:
        network: The student (e = 1).
        base: The owner's records, at whose inputs its answers are kept.
        offer: Records to learn (n).
    """
    if not len(offer):
        return network
    weight = torch.cat([base.weight, offer.weight])
    return train(
        network,
        torch.cat([base.x, offer.x]),
        _targets(network(base.x)[0], offer.y),
        (weight / weight.sum())[None],
        decay=0.0,
        steps=_STEPS,
        rate=_RATE,
    )


def _targets(answers: Tensor, labels: Tensor) -> Tensor:
    """Answers (b, k) and labels (n,) as targets of one loss: probabilities (b + n, k), or values (b + n,)."""
    if answers.shape[1] == 1:
        return torch.cat([answers[:, 0], labels])
    return torch.cat([answers.softmax(1), functional.one_hot(labels.long(), answers.shape[1]).to(answers.dtype)])
