"""All rounds of a blind quote in one process."""

import secrets
from dataclasses import dataclass

import numpy as np

from assay_pricing.blind.evaluator import BlindEvaluator, digest
from assay_pricing.blind.form import Integers, SecretForm
from assay_pricing.blind.rounds import modulo
from assay_pricing.blind.seller import BlindSeller


@dataclass(frozen=True)
class Quoted:
    """A doubled price, and the bytes of its messages."""

    price: int
    up: int
    down: int


class Unchecked(BlindSeller):
    """A seller who encrypts whatever she likes."""

    def first(self, second: Integers, first: Integers) -> bytes:
        """See ``BlindSeller``: nothing is checked."""
        both = np.concatenate([second, first], axis=1)
        return self._first.request([modulo(both, modulus) for modulus in self._moduli])


def quoted(form: SecretForm, sums: tuple[Integers, Integers], seller: type[BlindSeller] = BlindSeller) -> Quoted:
    """Seller and oracle take turns."""
    context, secret = secrets.token_bytes(32), secrets.token_bytes(32)
    asking, oracle = seller(form.shape, context, secrets.token_bytes), BlindEvaluator(form, context, secret)
    first = asking.first(*sums)
    answer = oracle.first(first)
    second = asking.second(answer)
    last = oracle.second(digest(first), second)
    values = asking.values(last)
    price = oracle.doubled_price(digest(first), digest(second), values)
    return Quoted(price, len(first) + len(second) + len(values), len(answer) + len(last))
