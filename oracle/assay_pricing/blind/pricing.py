"""Blind prices of one model: the owner's integers, and what a price is in money."""

from collections.abc import Callable
from dataclasses import dataclass

from assay.protocol.messages import BlindTerms
from assay_pricing.blind.evaluator import BlindEvaluator
from assay_pricing.blind.form import SecretForm


@dataclass(frozen=True)
class BlindPricing:
    """Answers the messages of blind quotes.

    Attributes:
        form: The owner's integers.
        money: Doubled price and number of records to base units.
        terms: What a seller needs to know.
    """

    form: SecretForm
    money: Callable[[int, int], int]
    terms: BlindTerms

    def answer(
        self, context: bytes, secret: bytes, message: bytes, before: tuple[bytes, ...], records: int
    ) -> bytes | int:
        """The answer to a seller's message: ciphertexts, or after the last one the price in base units.

        Args:
            context: What the quote belongs to.
            secret: The oracle's for this quote, 32 bytes.
            message: What came.
            before: SHA-256 of the messages before it.
            records: Number of records that the sums are of.

        Raises:
            BlindError: The message is not of its form.
            BlindPriceOutside: No sums within their bound have the price that came out.
        """
        evaluator = BlindEvaluator(self.form, context, secret)
        if not before:
            return evaluator.first(message)
        if len(before) == 1:
            return evaluator.second(before[0], message)
        return self.money(evaluator.doubled_price(before[0], before[1], message), records)
