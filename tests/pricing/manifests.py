"""A manifest of a small price function, for tests that need one and no fit."""

from typing import Any

from assay_pricing.manifest import Carried, Control, Leak, Manifest
from assay_pricing.price import PricingRule
from tests.pricing.contexts import schema

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
    }
    return Manifest(**{**values, **changes})
