"""A seller of junk who draws it anew for every identity, and offers only what chance gives a price."""

from dataclasses import dataclass

import numpy as np

from assay_bench.blind.draws import Draw
from assay_bench.figures import Floats
from assay_bench.pricing.data.parties import BATCH, FRESH, MISLABELLED, NEAR, NOISE, make
from assay_pricing.controls import cut
from assay_pricing.records.records import distinct
from assay_pricing.sums.moments import Moments

KINDS = (MISLABELLED, NOISE, NEAR)
SIZES = (1, 5, BATCH)


@dataclass(frozen=True)
class Junk:
    """What sets of one kind and size are paid, each offered by another seller, in units of an honest set's mean pay.

    Attributes:
        kind: Of the records.
        records: In each set; an honest set has 20 fresh ones.
        paid: Share of the sets that are paid.
        mean: Of all sets.
        best: Of the best of all.
        uncut: ``best`` without the cut of the control sets.
    """

    kind: str
    records: int
    paid: float
    mean: float
    best: float
    uncut: float


def junk(draw: Draw, count: int, seed: int) -> list[Junk]:
    """Prices ``count`` sets of every kind and size, beside as many sets of 20 fresh records."""
    rng, controls = np.random.default_rng(seed), draw.pricer.function.manifest.controls
    fresh = _gains(draw, FRESH, BATCH, count, rng)
    honest, unreduced = (float(np.clip(fresh - less, 0, None).mean()) for less in (cut(controls, BATCH), 0.0))
    found = []
    for kind in KINDS:
        for size in SIZES:
            gains = _gains(draw, kind, size, count, rng)
            pay = np.clip(gains - cut(controls, size), 0, None) / honest
            best = max(float(gains.max()), 0.0) / unreduced
            found.append(Junk(kind, size, float((pay > 0).mean()), float(pay.mean()), float(pay.max()), best))
    return found


def _gains(draw: Draw, kind: str, size: int, count: int, rng: np.random.Generator) -> Floats:
    form, parties = draw.form, draw.parties
    fresh = parties.offer.take(np.flatnonzero(parties.kinds == FRESH))
    gains = []
    for _ in range(count):
        pool = fresh.take(rng.permutation(len(fresh)))
        made, _ = make(kind, size, parties.base, pool, rng)
        gains.append(form.gain(Moments.of(form.terms.features, [distinct(draw.records(made))])))
    return np.array(gains)
