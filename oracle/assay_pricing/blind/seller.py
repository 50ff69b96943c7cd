"""The seller's rounds of a blind price."""

from collections.abc import Callable

import numpy as np

from assay_pricing.blind.form import Integers, check_sums, product
from assay_pricing.blind.linear import SALT_BYTES, Requester
from assay_pricing.blind.rounds import RESULTS, VALUE_BYTES, Rounds, modulo, upper
from assay_pricing.blind.shape import Shape


class BlindSeller:
    """One quote of one set's sums. Its keys are in memory alone, and serve no second quote.

    Args:
        shape: Of the model's price.
        context: What the quote belongs to: the oracle has the same bytes.
        random: Secure random bytes of a length.
    """

    def __init__(self, shape: Shape, context: bytes, random: Callable[[int], bytes]) -> None:
        self._rounds = Rounds(shape)
        self._moduli = shape.moduli
        self._first = Requester(self._rounds.first, context + b"1", random(SALT_BYTES))
        self._second = Requester(self._rounds.second, context + b"2", random(SALT_BYTES))

    def first(self, second: Integers, first: Integers) -> bytes:
        """The first message: Q and U, encrypted.

        Args:
            second: Q, shape (d, d).
            first: U, shape (d, k).

        Raises:
            BlindError: The sums have another shape, are not symmetric, or exceed their bound.
        """
        check_sums(self._rounds.shape, second, first)
        both = np.concatenate([second, first], axis=1)
        return self._first.request([modulo(both, modulus) for modulus in self._moduli])

    def second(self, response: bytes) -> bytes:
        """The second message: the share of R and its products, encrypted.

        Raises:
            BlindError: The oracle's response is not of its form.
        """
        found = []
        for share, modulus in zip(self._first.shares(response), self._moduli, strict=True):
            squares = upper(product(share, share.T))
            row = np.concatenate([share.reshape(-1).astype(object), squares])
            found.append(modulo(row[None, :], modulus))
        return self._second.request(found)

    def values(self, response: bytes) -> bytes:
        """The last message: for each modulus the masked price and its authenticator, 8 bytes each, big-endian.

        Raises:
            BlindError: The oracle's response is not of its form.
        """
        shares = self._second.shares(response)
        assert all(share.shape == (1, RESULTS) for share in shares)
        return b"".join(int(value).to_bytes(VALUE_BYTES, "big") for share in shares for value in share[0])
