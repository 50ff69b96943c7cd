"""A circuit of two features and two classes, its development key, and a proof of a price by it."""

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assay.protocol.proof.commitment import committed
from assay.protocol.proof.curve import ORDER, to_bytes
from assay.protocol.proof.key import Sizes, VerificationKey
from assay.protocol.proof.statement import Statement
from assay_pricing.blind.form import Integers, SecretForm
from assay_pricing.blind.shape import Shape
from assay_pricing.proof.circuit import Inputs, model_numbers, statistics_numbers
from assay_pricing.proof.prover import proven, set_up
from tests.pricing.blind.sums import form_of, sums_of

TINY = Shape(features=2, outputs=2, sum_bits=5, row_bits=6, weight_bits=3, price_bits=30)
SIZES = Sizes(TINY.features, TINY.outputs, TINY.price_bits)


@dataclass(frozen=True)
class Proven:
    """Everything of one proof."""

    key: VerificationKey
    statement: Statement
    proof: bytes
    form: SecretForm
    sums: tuple[Integers, Integers]
    salts: tuple[int, int]


@cache
def tiny_key(folder: Path) -> tuple[Path, VerificationKey]:
    """The development key, made once a run."""
    file = folder / "proving"
    return file, set_up(SIZES, file)


def tiny_proof(folder: Path, **stated: object) -> Proven:
    """A proof that the price lies within 10 of itself; ``stated`` are fields of its statement."""
    proving, key = tiny_key(folder)
    form, sums = form_of(TINY, 1, linear=5, quadratic=2), sums_of(TINY, 2)
    draw = random.Random(1)
    salts = draw.randrange(ORDER), draw.randrange(ORDER)
    numbers = statistics_numbers(*sums), model_numbers(form)
    statistics = committed(numbers[0], salts[0], key.statistics)
    model = committed(numbers[1], salts[1], key.model)
    price = form.doubled_price(*sums)
    fields = {
        "chain_id": 31337,
        "contract": "0x" + "11" * 20,
        "key": key.digest,
        "model": to_bytes(model),
        "model_id": bytes([1]) * 32,
        "content_id": bytes([2]) * 32,
        "seller": "0x" + "22" * 20,
        "data_root": bytes([3]) * 32,
        "price": 5,
        "records": 100,
        "statistics": to_bytes(statistics),
        "least": price - 10,
        "most": price + 10,
    }
    statement = Statement.model_validate(fields | stated)
    inputs = Inputs(statement.numbers, numbers[0], salts[0], numbers[1], salts[1])
    return Proven(key, statement, proven(SIZES, inputs, proving), form, sums, salts)
