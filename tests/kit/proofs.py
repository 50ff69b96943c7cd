"""A circuit of two features and two classes, its development key, and a proof of a price by it."""

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assay.protocol.proof.commitment import committed
from assay.protocol.proof.curve import ORDER, Point, to_bytes
from assay.protocol.proof.key import Sizes, VerificationKey
from assay.protocol.proof.proven import statistics_numbers
from assay.protocol.proof.statement import Statement
from assay_pricing.blind.shape import Shape
from assay_pricing.proof.circuit import Inputs, model_numbers
from assay_pricing.proof.prover import proven, set_up
from tests.pricing.blind.sums import form_of, sums_of

TINY = Shape(features=2, outputs=2, sum_bits=5, row_bits=6, weight_bits=3, price_bits=30)
SIZES = Sizes(TINY.features, TINY.outputs, TINY.price_bits)
FORM, SUMS = form_of(TINY, 1, linear=5, quadratic=2), sums_of(TINY, 2)
DOUBLED = FORM.doubled_price(*SUMS)
SALTS = (random.Random(1).randrange(ORDER), random.Random(2).randrange(ORDER))


@dataclass(frozen=True)
class Proven:
    """Everything of one proof."""

    key: VerificationKey
    statement: Statement
    proof: bytes


@cache
def tiny_key(folder: Path) -> tuple[Path, VerificationKey]:
    """The development key, made once a run."""
    file = folder / "proving"
    return file, set_up(SIZES, file)


def tiny_model(folder: Path) -> Point:
    """Commitment to the integers of a model."""
    return committed(model_numbers(FORM), SALTS[1], tiny_key(folder)[1].model)


def tiny_proof(folder: Path, **stated: object) -> Proven:
    """A proof that the price lies within 10 of itself; ``stated`` are fields of its statement. Made once a run."""
    return _proven(folder, tuple(sorted(stated.items())))


@cache
def _proven(folder: Path, stated: tuple[tuple[str, object], ...]) -> Proven:
    proving, key = tiny_key(folder)
    inputs, statement = tiny_inputs(key, **dict(stated))
    return Proven(key, statement, proven(SIZES, inputs, proving))


def tiny_inputs(key: VerificationKey, /, **stated: object) -> tuple[Inputs, Statement]:
    """The numbers of a proof by a key, and its statement."""
    numbers = statistics_numbers(*SUMS), model_numbers(FORM)
    fields = {
        "chain_id": 31337,
        "contract": "0x" + "11" * 20,
        "key": key.digest,
        "model": to_bytes(committed(numbers[1], SALTS[1], key.model)),
        "model_id": bytes([1]) * 32,
        "content_id": bytes([2]) * 32,
        "seller": "0x" + "22" * 20,
        "data_root": bytes([3]) * 32,
        "price": 5,
        "records": 100,
        "statistics": to_bytes(committed(numbers[0], SALTS[0], key.statistics)),
        "least": DOUBLED - 10,
        "most": DOUBLED + 10,
    }
    statement = Statement.model_validate(fields | stated)
    return Inputs(statement.numbers, numbers[0], SALTS[0], numbers[1], SALTS[1]), statement
