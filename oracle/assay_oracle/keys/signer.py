"""The signing key, and the only way to make it sign: it signs what the ledger holds and never contradicts it."""

from eth_account.signers.local import LocalAccount

from assay.protocol.statements import Domain, digest
from assay.protocol.structs import Order
from assay_oracle.errors import Equivocation
from assay_oracle.keys.remote import RemoteAccount
from assay_oracle.ledger.values import BlindSession, Evaluation, SignedQuote
from assay_oracle.services.ports import Ledger


class LocalSigner:
    """The ``Signer`` that decides in this process; the key may be in another one.

    The ledger holds one evaluation of a pair and never changes it, and a quote adds nothing to its evaluation but the
    expiry. So two quotes of one pair agree in price, seller and commitment, for every caller and after every crash.

    Args:
        account: Holds the key, or asks the signer that does.
        domain: Chain and contract that the signatures are valid for.
        ledger: Holds what may be signed.
    """

    def __init__(self, account: LocalAccount | RemoteAccount, domain: Domain, ledger: Ledger) -> None:
        self._account = account
        self._domain = domain
        self._ledger = ledger

    @property
    def address(self) -> str:
        """Account that the signatures are valid for."""
        return str(self._account.address)

    def sign_recipient(self, recipient: str) -> bytes:
        """Signature over the age recipient (``age1...``) that uploads are encrypted to: for clients, never on chain."""
        return bytes(self._account.sign_message(self._domain.recipient(recipient)).signature)

    def sign_quote(self, evaluation: Evaluation, expiry: int) -> SignedQuote:
        """Signs the quote of ``evaluation`` that expires at ``expiry`` (unix time), and records it in the ledger.

        Raises:
            Equivocation: The ledger holds another evaluation of this pair, or none, or one with a price of 0.
        """
        recorded = self._ledger.evaluations.find(evaluation.model_id, evaluation.content_id)
        if recorded is None:
            raise Equivocation("expected an evaluation in the ledger, found none; nothing was signed")
        if recorded != evaluation:
            raise Equivocation(
                "expected the evaluation in the ledger, got another evaluation of this pair; nothing was signed",
                hint="two quotes of one pair that differ forfeit the oracle's bond: compare the ledger with its backup",
            )
        if not recorded.price:
            raise Equivocation("expected a price above 0, got 0; nothing was signed")
        quote = recorded.quote(expiry)
        message = self._domain.quote(quote)
        signed = SignedQuote(quote, digest(message), bytes(self._account.sign_message(message).signature))
        self._ledger.evaluations.add_quote(signed)
        return signed

    def sign_blind_quote(self, session: BlindSession) -> bytes:
        """Signature over the blind quote of ``session``, which the ledger holds with its price.

        Raises:
            Equivocation: The ledger holds another session of this offer, or none, or one without a price.
        """
        quote = session.quote()
        if quote is None or self._ledger.blind.find(session.offer_id) != session:
            raise Equivocation("expected a blind quote in the ledger, got another; nothing was signed")
        return bytes(self._account.sign_message(self._domain.blind_quote(quote)).signature)

    def sign_key_escrow(self, order: Order) -> bytes:
        """Signature over ``KeyEscrow`` of ``order``: the oracle holds the key that opens its data.

        Raises:
            Equivocation: The order is not the one that the ledger's evaluation of its pair leads to.
        """
        recorded = self._ledger.evaluations.find(order.model_id, order.content_id)
        if recorded is None or not recorded.agrees_with(order):
            raise Equivocation("expected the order of an evaluation in the ledger, got another; nothing was signed")
        return bytes(self._account.sign_message(self._domain.key_escrow(order.digest())).signature)
