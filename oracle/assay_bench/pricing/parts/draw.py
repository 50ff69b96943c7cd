"""The draw that the units of one data set, setting and seed share."""

from functools import lru_cache
from pathlib import Path

from assay_bench.pricing.data import dataset, parties
from assay_bench.pricing.data.parties import SIZES, Parties
from assay_bench.pricing.truth import gains
from assay_bench.pricing.truth.nets import Nets
from assay_bench.pricing.units import Unit


def draw(unit: Unit, packages: Path) -> tuple[Parties, Nets]:
    """A unit's parties, and the owner's true model."""
    return _draw(unit.data, unit.setting, unit.seed, packages)


@lru_cache(maxsize=2)
def _draw(data: str, setting: str, seed: int, packages: Path) -> tuple[Parties, Nets]:
    drawn = parties.draw(dataset.load(data, packages), SIZES[data], setting, seed)
    return drawn, gains.true_model(drawn)
