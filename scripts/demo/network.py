"""The model owner's model: a torch network that is trained in the demonstration and never leaves its owner."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from demo.digits import Digits

torch.set_num_threads(1)  # networks this small gain nothing from more, and two processes share the cores

TRAINING_STEPS = 300
LEARNING_RATE = 0.01
WEIGHT_DECAY = 2e-3


def build(seed: int) -> nn.Sequential:
    """A 64-32-10 network with the initial weights of ``seed``."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def train(data: Digits, seed: int) -> nn.Sequential:
    """Trains from scratch, full batch."""
    network = build(seed)
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    for _ in range(TRAINING_STEPS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval()


@torch.no_grad()
def evaluate(network: nn.Module, data: Digits) -> tuple[float, float]:
    """Mean log loss in nats, and accuracy."""
    logits = network(torch.from_numpy(data.x))
    y = torch.from_numpy(data.y)
    loss = nn.functional.cross_entropy(logits, y).item()
    return loss, (logits.argmax(1) == y).double().mean().item()


def true_gains(base: Digits, offers: dict[str, Digits], test: Digits, seeds: range) -> dict[str, float]:
    """Drop of the test log loss (nats) when the full model is retrained on ``base`` and an offer.

    Mean over ``seeds``, each a pair of trainings from the same initial weights.
    """
    gains = dict.fromkeys(offers, 0.0)
    for seed in seeds:
        before, _ = evaluate(train(base, seed), test)
        for name, offer in offers.items():
            after, _ = evaluate(train(base.join(offer), seed), test)
            gains[name] += (before - after) / len(seeds)
    return gains


def save(network: nn.Module, path: Path) -> None:
    """Writes the weights as safetensors."""
    save_file(network.state_dict(), path)


@cache
def _deployed() -> nn.Sequential:
    network = build(0)
    network.load_state_dict(load_file(os.environ["DEMO_WEIGHTS"]))
    return network


@torch.no_grad()
def predict(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The trained network as ``assay-oracle fit --model demo.network:predict`` sees it: (n, 64) in, (n, 10) out.

    Reads the weights, once, from the file that ``DEMO_WEIGHTS`` names.
    """
    probabilities: NDArray[np.float32] = _deployed()(torch.from_numpy(x)).softmax(1).numpy()
    return probabilities
