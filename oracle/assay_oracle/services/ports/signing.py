"""The port of the signing key."""

from typing import Protocol

from eth_account.messages import SignableMessage

from assay.protocol.structs import Order
from assay_oracle.ledger.values import BlindSession, Evaluation, SignedQuote


class Signer(Protocol):
    """Signs for the oracle's accounts: what the ledger holds about a pair, and no other statement about it."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Oracles that it signs for: its account, a second one while keys are rotated, a Safe, contracts."""
        ...

    def has_signed(self, message: SignableMessage, signature: bytes, oracle: str) -> bool:
        """Whether a statement was signed for ``oracle``: by its own key, or by an account here that owns its Safe."""
        ...

    def has_signed_as_member(self, signed: SignedQuote) -> bool:
        """Whether a quote was signed by an account here as an owner of the committee's Safe."""
        ...

    def sign_recipient(self, recipient: str) -> tuple[bytes, ...]:
        """Signatures of each account over the age recipient (``age1...``) that uploads are encrypted to."""
        ...

    def sign_quote(self, evaluation: Evaluation, expiry: int) -> SignedQuote:
        """Signs the quote of ``evaluation`` that expires at ``expiry`` (unix time), and records it in the ledger.

        Raises:
            Equivocation: The ledger holds no evaluation of this pair, or another one.
            ModelNotReady: The model's oracle is none of ``addresses``, by the chain's present state.
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
