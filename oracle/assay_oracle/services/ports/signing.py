"""The port of the signing key."""

from typing import Protocol

from assay.protocol.structs import Order
from assay_oracle.ledger.values import BlindSession, Evaluation, SignedQuote


class Signer(Protocol):
    """Signs for the oracle's account: what the ledger holds about a pair, and no other statement about it."""

    @property
    def address(self) -> str:
        """Account that the signatures are valid for."""
        ...

    def sign_recipient(self, recipient: str) -> bytes:
        """Signature over the age recipient (``age1...``) that uploads are encrypted to."""
        ...

    def sign_quote(self, evaluation: Evaluation, expiry: int) -> SignedQuote:
        """Signs the quote of ``evaluation`` that expires at ``expiry`` (unix time), and records it in the ledger.

        Raises:
            Equivocation: The ledger holds no evaluation of this pair, or another one.
        """
        ...

    def sign_blind_quote(self, session: BlindSession) -> bytes:
        """Signature over the blind quote of a session that has its price.

        Raises:
            Equivocation: The ledger holds another session of this offer, or none, or one without a price.
        """
        ...

    def sign_key_escrow(self, order: Order) -> bytes:
        """Signature over ``KeyEscrow`` of ``order``: the oracle holds the key that opens its data.

        Raises:
            Equivocation: The order is not the one that the ledger's evaluation of its pair leads to.
        """
        ...
