"""The oracle's rounds of a blind price.

It keeps nothing between rounds: all that it draws is derived from its secret, the owner's integers and the messages so
far. The same message has the same answer, also after a crash; two messages never share a mask.
"""

import hashlib
import hmac
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assay_pricing.blind.form import SecretForm, Wide, product
from assay_pricing.blind.linear import check_length, evaluate, masks
from assay_pricing.blind.residues import seed
from assay_pricing.blind.rounds import RESULTS, VALUE_BYTES, Rounds, combined, modulo, upper
from assay_pricing.errors import BlindError, BlindPriceOutside


def digest(message: bytes) -> bytes:
    """SHA-256 of a message: its name in the rounds after it."""
    return hashlib.sha256(message).digest()


@dataclass(frozen=True)
class BlindEvaluator:
    """Answers the rounds of one quote.

    Attributes:
        form: The owner's integers.
        context: What the quote belongs to.
        secret: The oracle's, 32 bytes.
    """

    form: SecretForm
    context: bytes
    secret: bytes

    @cached_property
    def rounds(self) -> Rounds:
        """The maps of the form's shape."""
        return Rounds(self.form.shape)

    def first(self, message: bytes) -> bytes:
        """The answer to the first message: masked shares of R.

        Raises:
            BlindError: The message is not of its form.
        """
        weights = np.concatenate([-self.form.weights, np.eye(self.form.shape.outputs, dtype=np.int64)])
        by_modulus = [modulo(weights, modulus) for modulus in self.form.shape.moduli]
        return evaluate(self.rounds.first, message, by_modulus, self.context + b"1", self._derived(digest(message)))

    def second(self, first: bytes, message: bytes) -> bytes:
        """The answer to the second message: the masked price and its authenticator.

        Args:
            first: Digest of the first message.
            message: The second one.

        Raises:
            BlindError: The message is not of its form.
        """
        secret = self._derived(first, digest(message))
        by_modulus = []
        for index, (modulus, mask) in enumerate(zip(self.form.shape.moduli, self._masks(first), strict=True)):
            linear = 2 * (product(self.form.quadratic, mask) - self.form.linear)
            doubled = 2 * self.form.quadratic - np.diag(np.diag(self.form.quadratic))
            weights = np.concatenate([linear.reshape(-1), -upper(doubled.astype(object))]) % modulus
            by_modulus.append(modulo(np.stack([weights, weights * _factor(secret, index, modulus)], axis=1), modulus))
        return evaluate(self.rounds.second, message, by_modulus, self.context + b"2", secret)

    def doubled_price(self, first: bytes, second: bytes, values: bytes) -> int:
        """The doubled price that the seller's last message unmasks.

        Args:
            first: Digest of the first message.
            second: Digest of the second one.
            values: The last one.

        Raises:
            BlindError: The values are not those of the oracle's answer, or no sums within their bound have this price.
        """
        check_length(values, self.rounds.values_size, "list of values")
        numbers = [int.from_bytes(values[at : at + VALUE_BYTES], "big") for at in range(0, len(values), VALUE_BYTES)]
        secret, shape = self._derived(first, second), self.form.shape
        residues = []
        for index, (modulus, mask, pads) in enumerate(
            zip(shape.moduli, self._masks(first), masks(self.rounds.second, secret), strict=True)
        ):
            masked, authenticator = numbers[RESULTS * index : RESULTS * (index + 1)]
            pad, other = (int(value) for value in pads[0])
            is_meant = (authenticator - other - _factor(secret, index, modulus) * (masked - pad)) % modulus == 0
            if max(masked, authenticator) >= modulus or not is_meant:
                raise BlindError("expected the values that the oracle's answer decrypts to, got others")
            moment = product(self.form.quadratic, mask) * mask.astype(object)
            constant = 2 * (self.form.linear * mask.astype(object)).sum() - moment.sum()
            residues.append(int(masked - pad + constant) % modulus)
        price = combined(residues, shape.moduli)
        if abs(price) >= 2**shape.price_bits:
            raise BlindPriceOutside(
                f"expected a doubled price below 2**{shape.price_bits}, got another",
                hint="encrypt the sums of the data themselves",
            )
        return price

    def _masks(self, first: bytes) -> list[Wide]:
        return [mask.astype(object) for mask in masks(self.rounds.first, self._derived(first))]

    def _derived(self, *digests: bytes) -> bytes:
        """The secret of a round: the oracle's, for the integers, the context and the messages so far."""
        return hmac.digest(self.secret, seed(self._digest, self.context, *digests), "sha256")

    @cached_property
    def _digest(self) -> bytes:
        form = self.form
        arrays = (form.weights, form.linear, form.quadratic)
        return digest(seed(repr(form.shape), *(np.ascontiguousarray(array, "<i8").tobytes() for array in arrays)))


def _factor(secret: bytes, index: int, modulus: int) -> int:
    """The authenticator's factor, from 1 to below the modulus."""
    drawn = hashlib.shake_256(seed(secret, "factor", index)).digest(32)
    return 1 + int.from_bytes(drawn, "big") % (modulus - 1)
