"""A circuit of two features and two classes, its development key, a proof of a price by it, and attempts at others."""

import random
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from assay.protocol.proof.commitment import committed
from assay.protocol.proof.curve import ORDER, Point, combination, to_bytes, total
from assay.protocol.proof.key import Sizes, VerificationKey
from assay.protocol.proof.proven import statistics_numbers
from assay.protocol.proof.statement import Statement
from assay_pricing.blind.shape import Shape
from assay_pricing.proof.circuit import Inputs, built, model_numbers
from assay_pricing.proof.groth16 import main as groth16
from assay_pricing.proof.prover import proven, set_up
from assay_pricing.proof.system import System
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


@dataclass(frozen=True)
class Forgery:
    """A price of an operator's choice, for statistics that are all 0 but perhaps one.

    Attributes:
        price: The doubled price, and both bounds of the statement.
        moved: What she adds to public wires by her commitment to the statistics.
        claimed: The price on the wire of the commitment.
        first: Entry of the first feature and class in U.
    """

    price: int
    moved: dict[int, int]
    claimed: int
    first: int = 0

    def made(self, key: VerificationKey, /, **stated: object) -> tuple[System, Statement]:
        """Statement, and a witness that the wires as moved satisfy as far as they can."""
        points = [key.points[wire] for wire in self.moved]
        numbers = [0] * SIZES.triangle + [self.first] + [0] * (TINY.features * TINY.outputs - 1) + [self.claimed]
        commitment = total(
            [committed(numbers, SALTS[0], key.statistics), combination(list(self.moved.values()), points)]
        )
        bounds = {"least": self.price, "most": self.price, "statistics": to_bytes(commitment)}
        inputs, statement = tiny_inputs(key, **(bounds | stated))
        moved = [(number + self.moved.get(1 + i, 0)) % ORDER for i, number in enumerate(statement.numbers)]
        shift = [self.moved.get(1 + len(moved) + SIZES.statistics + i, 0) for i in range(SIZES.model - 1)]
        inverse = pow(moved[0], -1, ORDER)
        model = [number + add * inverse for number, add in zip(inputs.model, shift, strict=True)]
        values = {"statistics": numbers[:-1], "doubled": self.claimed, "model": model}
        system = System()
        system.values[0] += self.moved.get(0, 0)
        return built(SIZES, replace(inputs, stated=tuple(moved), **values), system), statement

    def proof(self, folder: Path, /, **stated: object) -> Proven:
        """What the prover makes of it."""
        proving, key = tiny_key(folder)
        system, statement = self.made(key, **stated)
        with tempfile.TemporaryDirectory() as scratch:
            witness, proof = Path(scratch) / "witness", Path(scratch) / "proof"
            witness.write_bytes(system.witness())
            groth16("prove", str(proving), str(witness), str(proof))
            return Proven(key, statement, proof.read_bytes())


FORGED = 10**8
_FIRST_LINEAR = 5 + SIZES.statistics + TINY.features * TINY.outputs
_PRICE_OF_FIRST = -2 * int(FORM.linear[0, 0]) - int(FORM.quadratic[0, 0])
FORGERIES = {
    "nothing moved": Forgery(0, {}, 0),
    "the constant is 0": Forgery(FORGED, {0: -1}, FORGED),
    "the bounds are others": Forgery(FORGED, {2: -FORGED, 3: -FORGED}, 0),
    "the model is another": Forgery(FORGED, {_FIRST_LINEAR: (_PRICE_OF_FIRST - FORGED) * pow(2, -1, ORDER)}, FORGED, 1),
    "the price is another": Forgery(FORGED, {}, FORGED),
}
"""Attempts by name; the first is an honest proof. Were the model's numbers not multiplied by the binding, the model
would be one by which the single entry has the price."""


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
        "statistics": to_bytes(committed([*numbers[0], DOUBLED], SALTS[0], key.statistics)),
        "least": DOUBLED - 10,
        "most": DOUBLED + 10,
    }
    statement = Statement.model_validate(fields | stated)
    return Inputs(statement.numbers, numbers[0], DOUBLED, SALTS[0], numbers[1], SALTS[1]), statement
