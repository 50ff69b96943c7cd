"""One model owner and her sellers: handwritten digits, of which the owner hardly has any 3, 8 or 9."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from assay.protocol.schema import Feature, Schema
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from assay_pricing.records.records import Records

DIGITS = Schema(
    task="classification",
    features=tuple(Feature(name=f"x{j}") for j in range(64)),
    label="y",
    classes=tuple(str(digit) for digit in range(10)),
)


@dataclass(frozen=True)
class Olga:
    """The model owner: her records, her goal, her model, and what is offered to her, by seller."""

    owner: Records
    validation: Records
    model: nn.Module
    offers: dict[str, Records]


def digits(x, y) -> Records:
    return Records(DIGITS, np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float64))


def train(records: Records, seed: int = 0) -> nn.Module:
    """A 64-32-10 network, full batch."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    x, y = torch.tensor(records.x).float(), torch.tensor(records.y).long()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=2e-3)
    for _ in range(300):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimiser.step()
    return network


def deal(seed: int) -> tuple[Records, Records, dict[str, Records]]:
    rng = np.random.default_rng(seed)
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    deck = rng.permutation(len(x))
    held, rest = deck[:300], deck[300:]
    rare = np.isin(y[rest], (3, 8, 9)) & (rng.random(len(rest)) >= 0.1)
    common, full = rest[~rare], rest
    owned = common[:300]
    left = np.setdiff1d(full, owned, assume_unique=True)
    rng.shuffle(left)
    useful, few, wrong = left[:120], left[120:150], left[150:250]
    owner = digits(x[owned], y[owned])
    noise = rng.random((120, 64), dtype=np.float32)
    copies = np.tile(few, 4)
    offers = {
        "useful": digits(x[useful], y[useful]),
        "few": digits(x[few], y[few]),
        "copies": digits(x[copies], y[copies]),
        "near copies": digits(x[copies] + rng.normal(0, 0.03, (len(copies), 64)), y[copies]),
        "owner's copy": owner.take(rng.permutation(300)[:120]),
        "owner's near copy": digits(owner.x[:120] + rng.normal(0, 0.03, (120, 64)), owner.y[:120]),
        "mislabelled": digits(x[wrong], (y[wrong] + rng.integers(1, 10, 100)) % 10),
        "noise": digits(noise, rng.integers(0, 10, 120)),
    }
    return owner, digits(x[held], y[held]), offers


@cache
def olga() -> Olga:
    """The one owner of a test session."""
    owner, validation, offers = deal(seed=11)
    return Olga(owner, validation, train(owner), offers)


@cache
def price_function() -> PriceFunction:
    """Her price function, fitted once in a test session."""
    return fit(olga().model, olga().owner, validation=olga().validation)
