"""Prices of everything that another process could compute otherwise; run as a module, writes them as JSON.

python -m tests.pricing.prices ARTIFACT THREADS
"""

import json
import sys
from pathlib import Path

import torch

from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from tests.pricing.digits import deal
from tests.pricing.machines import machines, regression_of


def of_artifact(folder: Path) -> dict[str, str]:
    """Prices of all digits on offer, by a function that was fitted in another process."""
    function = PriceFunction.load(folder)
    return {name: str(function.appraise(offer).price) for name, offer in deal(seed=11)[2].items()}


def of_fits() -> dict[str, str]:
    """Prices and exact set values by two functions that are fitted here."""
    owner, held = machines(1, normal=80, wear=80), machines(2, normal=60, wear=60)
    found = {}
    for name, settings in (("distillation", {}), ("forest", {"trees": 50}), ("retraining", {"family": "boosting"})):
        function = fit(regression_of(owner), owner, validation=held, method=name, settings=settings)
        found[name] = str(function.appraise(machines(3, normal=15, wear=15, fault=5)).price)
        found[f"gain of {name}"] = function.appraise(machines(3, wear=15)).set_value.hex()
    return found


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[2]))
    prices = of_artifact(Path(sys.argv[1])) | of_fits()
    sys.stdout.write(json.dumps({"threads": torch.get_num_threads(), "prices": prices}))
