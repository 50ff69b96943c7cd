"""What is measured: the sums of n records, the rounds of a blind quote, its ranks, and a peer that scores records."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from assay_bench.blind.ckks import SLOTS, influences
from assay_bench.blind.draws import FEATURES, Draw, Ranks
from assay_bench.blind.leaks import Leaks, leaks
from assay_bench.blind.proof import ProofFigures
from assay_bench.blind.quoting import quoted
from assay_bench.pricing.data.parties import SETTINGS
from assay_bench.scaling.table import SCHEMA, generated
from assay_pricing.blind.form import SecretForm
from assay_pricing.records.records import Records
from assay_pricing.sums.features import Features
from assay_pricing.sums.inputs import Column, Inputs
from assay_pricing.sums.moments import Moments
from assay_pricing.sums.statistics import Statistics, Terms

SIZES = (100, 1_000_000)
SEEDS = (911, 912, 913, 914, 915)
_PART = 100_000
_COLUMNS = 64
_SHRINKAGE_BITS, _DIGITS, _SUM_BITS = 14, 16, 32
Report = Callable[[str], None]


class Size(BaseModel):
    """A set of n records.

    Attributes:
        sums: Seconds for features and sums.
        statistics: Seconds for what is encrypted of the sums.
        blind: Seconds of all rounds, seller and oracle one after the other in one process.
        equal: The blind price is the price in the clear.
    """

    model_config = ConfigDict(frozen=True)

    sums: float
    statistics: float
    blind: float
    equal: bool


class PeerFigures(BaseModel):
    """Influence by record under CKKS; see ``ckks.Influences``."""

    model_config = ConfigDict(frozen=True)

    seconds_a_record: float
    bytes_a_record: float
    key_bytes: int
    agreement: float


class RankFigures(BaseModel):
    """How a price ranks sets, the means over seeds.

    Attributes:
        rho_shift: Rank correlation with the gain by retraining on validation records, in the setting ``shift``.
        rho_iid: The same in ``iid``.
        agreement: Of the blind price, with the exact ridge price on the same sets. Of the exact ridge price, with the
            default method's on offers that the owner simulated.
        by_seed: The three by seed and setting.
    """

    model_config = ConfigDict(frozen=True)

    rho_shift: float
    rho_iid: float
    agreement: float
    by_seed: dict[str, dict[int, float]]


class BlindReport(BaseModel):
    """All figures of a run.

    Attributes:
        ridge: Of the exact ridge price in the clear; None without seeds.
        blind: Of the blind price.
        leaks: Attacks, on the first seed.
        features: d.
        outputs: k.
        price_bits: Bits of the doubled price's bound.
        moduli: Bits of each plaintext modulus.
        seconds: By the number of records.
        bytes_up: Of ciphertexts, of all rounds.
        bytes_down: The same.
        peers: By name.
        processors: That the run may use.
        proof: Of a proven price of this size.
        proof_256: Of one of 256 features, the default of the method ridge.
    """

    ridge: RankFigures | None
    blind: RankFigures | None
    leaks: Leaks | None
    features: int
    outputs: int
    price_bits: int
    moduli: list[int]
    seconds: dict[str, Size]
    bytes_up: int
    bytes_down: int
    peers: dict[str, PeerFigures]
    processors: int
    proof: ProofFigures | None = None
    proof_256: ProofFigures | None = None


def run(sizes: tuple[int, ...], seeds: tuple[int, ...], packages: Path, report: Report) -> BlindReport:
    """Measures sets of these sizes, ranks and leaks.

    Sizes: a table of 64 numbers and ten classes, 128 features, secret integers at random.

    Args:
        sizes: Numbers of records.
        seeds: Of the draws of digits for ranks; the first one's model is attacked.
        packages: Folder of downloaded packages.
        report: Told what is under way.
    """
    terms, form = _form()
    seconds, messages = {}, None
    for n in sizes:
        report(f"{n} records")
        found, measured = _sums(terms, n)
        start = time.perf_counter()
        messages = quoted(form, (found.shrinkage, found.solution))
        measured["blind"] = time.perf_counter() - start
        equal = messages.price == form.doubled_price(found.shrinkage, found.solution)
        seconds[str(n)] = Size(**measured, equal=equal)
    assert messages is not None
    report("influence by record under CKKS")
    peer, shape = _peer(), form.shape
    ranks = {}
    for setting in SETTINGS:
        for seed in seeds:
            one = ranks[setting, seed] = Draw.of(setting, seed, packages).ranks()
            report(f"{setting}, seed {seed}: {one}")
    return BlindReport(
        ridge=_figures(ranks, "ridge", "default") if ranks else None,
        blind=_figures(ranks, "blind", "agreement") if ranks else None,
        leaks=leaks(Draw.of(SETTINGS[0], seeds[0], packages), packages, report) if seeds else None,
        features=shape.features,
        outputs=shape.outputs,
        price_bits=shape.price_bits,
        moduli=[modulus.bit_length() for modulus in shape.moduli],
        seconds=seconds,
        bytes_up=messages.up,
        bytes_down=messages.down,
        peers={"influence by record, CKKS": peer},
        processors=len(os.sched_getaffinity(0)),
    )


def _form() -> tuple[Terms, SecretForm]:
    """Public terms, and integers of the size that a fit makes them."""
    inputs = Inputs(columns=tuple(Column(name=f.name, step=1 / 32) for f in SCHEMA.features), classes=SCHEMA.classes)
    features = Features(inputs=inputs, waves=FEATURES - 1 - _COLUMNS, amplitude=64, frequency=4000)
    draw = np.random.default_rng(0)
    d, k = features.width, inputs.outputs
    half = draw.integers(-(2**9), 2**9, (d, d))
    weights = draw.integers(-(2**_DIGITS) // 8, 2**_DIGITS // 8, (d, k))
    linear = draw.integers(-(2**40), 2**40, (d, k))
    bounds = {"shrinkage_bits": _SHRINKAGE_BITS, "solution_bits": _SHRINKAGE_BITS + _DIGITS, "sum_bits": _SUM_BITS}
    wide = Terms(features=features, damping=100_000, weight_bits=_DIGITS, price_bits=200, **bounds)
    bits = SecretForm(wide.shape, weights, linear, half + half.T).bound().bit_length()
    terms = wide.model_copy(update={"price_bits": bits})
    return terms, SecretForm(terms.shape, weights, linear, half + half.T)


def _parts(n: int) -> Iterator[Records]:
    for start in range(0, n, _PART):
        data = generated(min(_PART, n - start), start)
        yield Records(SCHEMA, data.x, data.y)


def _sums(terms: Terms, n: int) -> tuple[Statistics, dict[str, float]]:
    """What a seller encrypts; the records themselves are made before the clock runs."""
    moments, seconds = Moments.nothing(terms.features), 0.0
    for part in _parts(n):
        start = time.perf_counter()
        moments = moments + Moments.of(terms.features, [part])
        seconds += time.perf_counter() - start
    start = time.perf_counter()
    found = terms.statistics(moments)
    return found, {"sums": seconds, "statistics": time.perf_counter() - start}


def _figures(ranks: dict[tuple[str, int], Ranks], price: str, agreement: str) -> RankFigures:
    """The mean over seeds of a price's ranks and of its agreement."""
    by_seed = {
        s: {seed: getattr(one, price) for (setting, seed), one in ranks.items() if setting == s} for s in SETTINGS
    }
    shift, iid = (float(np.mean(list(by_seed[setting].values()))) for setting in SETTINGS)
    agreed = float(np.mean([getattr(one, agreement) for one in ranks.values()]))
    return RankFigures(rho_shift=shift, rho_iid=iid, agreement=agreed, by_seed=by_seed)


def _peer() -> PeerFigures:
    data = generated(SLOTS, 7)
    draw = np.random.default_rng(1)
    weights, direction = draw.normal(size=(2, _COLUMNS, data.classes)) * 0.1
    found = influences(data.x, np.eye(data.classes)[data.y.astype(np.int64)], weights, direction)
    return PeerFigures(
        seconds_a_record=found.seconds,
        bytes_a_record=found.bytes_up,
        key_bytes=found.key_bytes,
        agreement=found.agreement,
    )
