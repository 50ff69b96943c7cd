"""How long pricing takes, against one training of the model."""

import time
from pathlib import Path

import numpy as np

from assay_bench.pricing.parts.draw import draw
from assay_bench.pricing.results import SpeedResult
from assay_bench.pricing.scorers.pricer import Pricer
from assay_bench.pricing.truth import gains
from assay_bench.pricing.units import Unit

_RECORDS, _ROUNDS = 1000, 3


def speed(unit: Unit, packages: Path) -> SpeedResult:
    """Median seconds to price 1,000 records, and to train the model once on the owner's records."""
    parties, model = draw(unit, packages)
    pricer = Pricer.fit(parties, model, unit.name)
    offer = parties.offer.take(np.arange(_RECORDS))
    training, pricing = [], []
    for _ in range(_ROUNDS):  # alternating, so that other load on the machine slows both
        start = time.perf_counter()
        gains.true_model(parties)
        middle = time.perf_counter()
        pricer.paid(offer)
        training.append(middle - start)
        pricing.append(time.perf_counter() - middle)
    return SpeedResult(
        parameters=int(model.flat().shape[1]),
        seconds=float(np.median(pricing)),
        training=float(np.median(training)),
        fit=pricer.seconds_fit,
        refused=pricer.refused,
    )
