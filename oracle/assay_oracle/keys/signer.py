"""The signing key, and the only way to make it sign: what the journal holds, and nothing that contradicts it."""

from eth_account.signers.local import LocalAccount

from assay.protocol.statements import Domain, digest
from assay_oracle.errors import Equivocation
from assay_oracle.ledger.journal import Evaluation, Journal, SignedQuote


class Signer:
    """Signs quotes of evaluations that are in the journal.

    An evaluation is there once and never changes, and a quote follows from it but for the expiry; so two quotes of one
    pair agree in price, seller and commitment, whoever asks and after whatever crash.

    Args:
        account: holder of the key.
        domain: chain and contract that the signatures are for.
        journal: what may be signed.
    """

    def __init__(self, account: LocalAccount, domain: Domain, journal: Journal) -> None:
        self._account = account
        self._domain = domain
        self._journal = journal

    @property
    def address(self) -> str:
        """Who the quotes are signed by."""
        return str(self._account.address)

    def sign_recipient(self, recipient: str) -> bytes:
        """Signs whom data for this oracle is enveloped to (``age1...``): for clients, never on chain."""
        return bytes(self._account.sign_message(self._domain.recipient(recipient)).signature)

    def sign_quote(self, evaluation: Evaluation, expiry: int) -> SignedQuote:
        """Signs the quote of ``evaluation`` with ``expiry`` (unix time), and records it.

        Raises:
            Equivocation: the journal holds another evaluation of this pair, or none.
        """
        recorded = self._journal.evaluation(evaluation.model_id, evaluation.content_id)
        if recorded is None:
            raise Equivocation("expected an evaluation in the journal, found none; nothing was signed")
        if recorded != evaluation:
            raise Equivocation(
                "the journal holds another evaluation of this pair; nothing was signed",
                hint="a second quote of one pair that differs would forfeit the oracle's bond; look into the journal",
            )
        if not recorded.price:
            raise Equivocation("expected a price above 0, got 0; nothing was signed")
        quote = recorded.quote(expiry)
        message = self._domain.quote(quote)
        signed = SignedQuote(quote, digest(message), bytes(self._account.sign_message(message).signature))
        self._journal.add_quote(signed)
        return signed
