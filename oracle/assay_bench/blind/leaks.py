"""What blind prices tell, in numbers: attacks on the model and on the data, run on a draw of the benchmark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from assay_bench.blind.draws import DATA, FEATURES, Draw
from assay_bench.blind.junk import Junk, junk
from assay_bench.blind.prober import CODES, Copy, Oracle, Prober, copies
from assay_bench.blind.quoting import Unchecked, quoted
from assay_bench.blind.reader import Reading, reading
from assay_bench.blind.timing import Timed, timed, without_rows
from assay_bench.pricing.data import dataset
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import Parties
from assay_bench.pricing.truth import nets
from assay_pricing.price import PricingRule
from assay_pricing.sums.blind import blind_pricing
from assay_pricing.sums.moments import Moments

FIDELITIES = (0.5, 0.8, 0.9, 0.95)
GRIDS = (1e-6, 1e-3, 1e-2, 5e-2)
"""In units of gain. The least is that of a gain's millionths."""
_OWN, _OTHERS, _LEVELS = 40, 400, 100_000
_SIZES, _DAMPINGS = (20, 60, 300), (0.001, 0.3, 1.0)
_JUNK, _TIMES, _UNIT = 200, 15, 10**18


@dataclass(frozen=True)
class Probed:
    """Copies of the model by a seller who encrypts sums of her choice.

    Attributes:
        grid: Of prices, in units of gain.
        start: Price of her own data, in units of gain.
        queries: Least number of prices for a copy of each of the fidelities; None where none had it.
        best: Highest fidelity of a copy.
        most: Prices asked for until all her records had labels, in the cheapest way.
        right: Share of labels that were read as the model answers, in the best way.
    """

    grid: float
    start: float
    queries: dict[str, int | None]
    best: float
    most: int
    right: float


@dataclass(frozen=True)
class Leaks:
    """Results of all attacks.

    Attributes:
        alone: Fidelity of a copy that is trained on the prober's own records, without any price.
        surrogate: Fidelity of the surrogate that the price is made of.
        own: Records that the prober has labels of.
        probed: By grid.
        as_encrypted: Whether the answer to sums of the prober's choice is that of the rounds on ciphertexts.
        read: By damping and number of records.
        levels: Prices that the reading owner's grid has.
        values: Times under two sets of integers of one form.
        zeros: Times where half of the rows of the second are zero.
        junk: By kind.
        cuts: Gain below which a set of so many records is not paid.
    """

    alone: float
    surrogate: float
    own: int
    probed: list[Probed]
    as_encrypted: bool
    read: list[Reading]
    levels: int
    values: Timed
    zeros: Timed
    junk: list[Junk]
    cuts: dict[int, float]


def leaks(draw: Draw, packages: Path, report: Callable[[str], None]) -> Leaks:
    """Runs all attacks on one draw."""
    left = _left(dataset.load(DATA, packages), draw.parties)
    report("sums of a seller's choice")
    probers = [_probed(draw, left, grid) for grid in GRIDS]
    report("prices of an owner's choice")
    features, pool = draw.form.terms.features, draw.records(left)
    read = [reading(features, pool, size, c, _LEVELS, size) for c in _DAMPINGS for size in _SIZES]
    report("times")
    secret = draw.form.secret
    shuffled = np.random.default_rng(0).permutation(FEATURES)
    other = replace(
        secret,
        weights=secret.weights[shuffled],
        linear=secret.linear[shuffled],
        quadratic=secret.quadratic[np.ix_(shuffled, shuffled)],
    )
    terms = draw.form.terms
    honest = terms.statistics(Moments.of(features, [pool.take(np.arange(100))]))
    sums = (honest.shrinkage, honest.solution)
    report("junk")
    return Leaks(
        alone=probers[0].copies[0].fidelity,
        surrogate=draw.pricer.function.fidelity,
        own=_OWN,
        probed=[one.found for one in probers],
        as_encrypted=all(one.as_encrypted for one in probers),
        read=read,
        levels=_LEVELS,
        values=timed(secret, other, sums, _TIMES),
        zeros=timed(secret, without_rows(secret), sums, _TIMES),
        junk=junk(draw, _JUNK, 0),
        cuts={one.records: one.gain for one in draw.pricer.function.manifest.controls},
    )


@dataclass(frozen=True)
class _Probing:
    found: Probed
    copies: Sequence[Copy]
    as_encrypted: bool


def _probed(draw: Draw, left: Dataset, grid: float) -> _Probing:
    """The cheapest copies over the ways of reading labels."""
    unlabelled = left.take(np.arange(_OWN, min(len(left), _OWN + _OTHERS)))
    own, others = draw.records(left.take(np.arange(_OWN))), draw.records(unlabelled)
    fresh, answers = draw.records(draw.parties.test), _answers(draw, draw.parties.test)
    wanted = _answers(draw, unlabelled)
    function = draw.pricer.function
    rule = PricingRule(rate=_UNIT, grid=round(grid * _UNIT))
    pricing = blind_pricing(replace(function, manifest=function.manifest.model_copy(update={"rule": rule})))
    assert pricing is not None
    found: list[Copy] = []
    most, right, same = 0, 0.0, True
    honest = Moments.of(draw.form.terms.features, [own])
    start = pricing.money(draw.form.doubled_price(honest), _OWN)
    for numbers in CODES:
        oracle = Oracle(draw.form, pricing.money, _OWN)
        read = Prober(oracle, own, others).labels(numbers)
        if read is None:
            found.append(copies(own, others, wanted[:0], wanted[:0], fresh, answers)[0])
            continue
        found += copies(own, others, *read, fresh, answers)
        share = float((read[0] == wanted).mean())
        if share > right:
            right, most = share, oracle.asked
        exact = quoted(draw.form.secret, oracle.last, Unchecked).price
        same &= pricing.money(exact, _OWN) == oracle.answer(*oracle.last)
    reached = {f: [one.queries for one in found if one.fidelity >= f] for f in FIDELITIES}
    return _Probing(
        Probed(
            grid=grid,
            start=start / _UNIT,
            queries={str(f): min(queries, default=None) for f, queries in reached.items()},
            best=max(one.fidelity for one in found),
            most=most,
            right=right,
        ),
        found,
        same,
    )


def _answers(draw: Draw, data: Dataset) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    x, _ = nets.tensors(data)
    return np.asarray(draw.model(x)[0].argmax(1).numpy())


def _left(data: Dataset, parties: Parties) -> Dataset:
    """Records that are neither the owner's nor for validation nor for tests."""
    known = {row.tobytes() for part in (parties.base, parties.validation, parties.test) for row in part.x}
    return data.take(np.array([i for i, row in enumerate(data.x) if row.tobytes() not in known]))
