"""A network of the trade's form, untrained, and records to attack."""

import torch

from assay_bench.comparison.attacks.network import Network, hidden_layer
from assay_bench.pricing.data.dataset import Dataset, load


def untrained(seed: int = 0, hidden: int = 32) -> Network:
    """64 -> hidden -> 10."""
    draw = torch.Generator().manual_seed(seed)
    shapes = (64, hidden), (hidden,), (hidden, 10), (10,)
    return Network(
        tuple(torch.randn(shape, generator=draw, dtype=torch.float64) * 0.3 for shape in shapes), hidden_layer
    )


def digits(first: int, count: int) -> Dataset:
    return load("digits").take(range(first, first + count))
