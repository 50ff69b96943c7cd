"""Small contexts and tasks made from arrays, so that a module of the numerics is tested without a fit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from assay.protocol.schema import Feature, Schema
from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.manifest import Carried, Control, Leak, Manifest
from assay_pricing.price import Outlook, PricingRule
from assay_pricing.records.records import Float64, Int64, Records
from assay_pricing.risk import Metric
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.task import Context, Sample, Task


def schema(d: int, k: int) -> Schema:
    """Numeric features x0, x1, ...; classes "0", "1", ..., or a regression for k = 1."""
    features = tuple(Feature(name=f"x{j}") for j in range(d))
    if k == 1:
        return Schema(task="regression", features=features, label="y")
    return Schema(task="classification", features=features, label="y", classes=tuple(map(str, range(k))))


def records(x: Any, y: Any, k: int) -> Records:
    x = np.asarray(x, dtype=np.float32)
    return Records(schema(x.shape[1], k), x, np.asarray(y, dtype=np.float64))


def identity_encoder(of: Schema) -> Encoder:
    """Centre 0, scale 1: numbers within the clip encode as themselves."""
    d = len(of.features)
    return Encoder(of, np.zeros(d), np.ones(d), (0.0, 1.0))


def sample(x: Any, y: Any, weight: Any = None) -> Sample:
    x, y = (torch.tensor(np.asarray(a), dtype=torch.float64) for a in (x, y))
    return Sample(x, y, torch.ones(len(x), dtype=torch.float64) if weight is None else torch.tensor(weight).double())


def context(
    base: Sample, validation: Sample, k: int, *, metric: str = "", decay: float = 2e-3, groups: Int64 | None = None
) -> Context:
    found = schema(base.x.shape[1], k)
    goal = Metric(metric or ("squared_error" if k == 1 else "log_loss"), validation.y.numpy(), groups)
    return Context(found, identity_encoder(found), base, validation, goal, decay)


def drawn(seed: int, n: int, d: int, k: int, *, weights: bool = False) -> Sample:
    """Normal inputs; classes, or standardised targets for k = 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    y = rng.normal(size=n) if k == 1 else rng.integers(0, k, n)
    return sample(x, y, rng.uniform(0.5, 2, n) if weights else None)


def task(model: Any, owner: Records, validation: Records, settings: Mapping[str, Any] | None = None) -> Task:
    """A task whose encoder is the identity and whose base is all of the owner's records."""
    k = len(owner.schema.classes) or 1
    base, held = (sample(part.x, part.y) for part in (owner, validation))
    return Task(context(base, held, k), as_black_box(model, owner.schema), owner, validation, settings=settings or {})


def vector(network: Network) -> Tensor:
    """Parameters of one network, flat."""
    return torch.cat([tensor.flatten() for tensor in network.tensors])


def from_vector(theta: Tensor, like: Network) -> Network:
    tensors, start = [], 0
    for tensor in like.tensors:
        tensors.append(theta[start : start + tensor.numel()].view(tensor.shape))
        start += tensor.numel()
    return Network.of(tensors)


def soft(scores: Float64) -> Float64:
    raised = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))


FLAT = (Control(records=16, gain=0.0), Control(records=64, gain=0.0), Control(records=256, gain=0.0))
"""Controls that reach nothing: all of a gain is paid."""


def manifest(**changes: Any) -> Manifest:
    """Of a regression on one feature, unless changed."""
    values: dict[str, Any] = {
        "schema_": schema(1, 1),
        "method": "knn",
        "settings": {"neighbours": 3},
        "metric": "squared_error",
        "rule": PricingRule(),
        "outlook": Outlook(risk=0.5, records=2, gain=0.1),
        "fidelity": 0.95,
        "label_only": True,
        "seed": 0,
        "decay": 2e-3,
        "risk": 0.5,
        "target": (0.0, 1.0),
        "standardised": True,
        "controls": FLAT,
        "near_radius": 0.0,
        "owner_records": 10,
        "validation_records": 30,
        "leaks": (Leak(tensor="a", bytes=4, owner_records=0, validation_records=0, carries="nothing"),),
        "carried": Carried(
            bytes=4, owner_records=0, validation_records=0, copy_fidelity=0.95, copied_by="using the surrogate"
        ),
        "libraries": {},
    }
    return Manifest(**{**values, **changes})
