"""What is measured: the sums of n records, the rounds of a blind quote, and a peer that scores records."""

import os
import secrets
import time
from collections.abc import Callable, Iterator

import numpy as np
from pydantic import BaseModel, ConfigDict

from assay_bench.blind.ckks import SLOTS, influences
from assay_bench.scaling.table import SCHEMA, generated
from assay_pricing.blind.evaluator import BlindEvaluator, digest
from assay_pricing.blind.form import Integers, SecretForm
from assay_pricing.blind.seller import BlindSeller
from assay_pricing.records.records import Records
from assay_pricing.sums.features import Features
from assay_pricing.sums.inputs import Column, Inputs
from assay_pricing.sums.moments import Moments
from assay_pricing.sums.statistics import Statistics, Terms

SIZES = (100, 1_000_000)
_PART = 100_000
WIDTH = 128
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


class BlindReport(BaseModel):
    """All figures of a run.

    Attributes:
        features: d.
        outputs: k.
        price_bits: Bits of the doubled price's bound.
        moduli: Bits of each plaintext modulus.
        seconds: By the number of records.
        bytes_up: Of ciphertexts, of all rounds.
        bytes_down: The same.
        peers: By name.
        processors: That the run may use.
    """

    features: int
    outputs: int
    price_bits: int
    moduli: list[int]
    seconds: dict[str, Size]
    bytes_up: int
    bytes_down: int
    peers: dict[str, PeerFigures]
    processors: int


def run(sizes: tuple[int, ...], report: Report) -> BlindReport:
    """Measures sets of these sizes: a table of 64 numbers and ten classes, 128 features, secret integers at random."""
    terms, form = _form()
    seconds, up, down = {}, 0, 0
    for n in sizes:
        report(f"{n} records")
        found, measured = _sums(terms, n)
        start = time.perf_counter()
        price, up, down = _quoted(form, found)
        measured["blind"] = time.perf_counter() - start
        equal = price == form.doubled_price(found.shrinkage, found.solution)
        seconds[str(n)] = Size(**measured, equal=equal)
    report("influence by record under CKKS")
    shape = form.shape
    return BlindReport(
        features=shape.features,
        outputs=shape.outputs,
        price_bits=shape.price_bits,
        moduli=[modulus.bit_length() for modulus in shape.moduli],
        seconds=seconds,
        bytes_up=up,
        bytes_down=down,
        peers={"influence by record, CKKS": _peer()},
        processors=len(os.sched_getaffinity(0)),
    )


def _form() -> tuple[Terms, SecretForm]:
    """Public terms, and integers of the size that a fit makes them."""
    inputs = Inputs(columns=tuple(Column(name=f.name, step=1 / 32) for f in SCHEMA.features), classes=SCHEMA.classes)
    features = Features(inputs=inputs, waves=WIDTH - 1 - _COLUMNS, amplitude=64, frequency=4000)
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


def _quoted(form: SecretForm, found: Statistics) -> tuple[int, int, int]:
    """The doubled price by all rounds, bytes up and bytes down."""
    context, secret = secrets.token_bytes(32), secrets.token_bytes(32)
    sums: tuple[Integers, Integers] = (found.shrinkage, found.solution)
    seller, oracle = BlindSeller(form.shape, context, secrets.token_bytes), BlindEvaluator(form, context, secret)
    first = seller.first(*sums)
    answer = oracle.first(first)
    second = seller.second(answer)
    last = oracle.second(digest(first), second)
    values = seller.values(last)
    price = oracle.doubled_price(digest(first), digest(second), values)
    return price, len(first) + len(second) + len(values), len(answer) + len(last)


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
