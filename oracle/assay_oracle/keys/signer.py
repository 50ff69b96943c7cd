"""The signing key, and the only way to make it sign: it signs what the ledger holds and never contradicts it."""

from collections.abc import Callable, Sequence

from eth_account.signers.local import LocalAccount

from assay.protocol.statements import Domain, digest
from assay.protocol.structs import Order
from assay.protocol.types import ModelId
from assay_oracle.errors import Equivocation, ModelNotReady
from assay_oracle.keys.remote import RemoteAccount
from assay_oracle.ledger.values import BlindSession, Evaluation, SignedQuote
from assay_oracle.services.ports import Ledger


class LocalSigner:
    """The ``Signer`` that decides in this process; the key may be in another one.

    The ledger holds one evaluation of a pair and never changes it, and a quote adds nothing to its evaluation but the
    expiry. So two quotes of one pair agree in price, seller and commitment, for every caller and after every crash.

    A model names one oracle on chain, and one that its owner replaced is revoked for ever. So the account that signs
    for a model is the one that the chain names at this moment, and none signs after its revocation.

    Args:
        accounts: Hold the keys, or ask the signer that does; while keys are rotated, the old one and the new one.
        domain: Chain and contract that the signatures are valid for.
        ledger: Holds what may be signed.
        named: The oracle that the chain names for a model now; None while the model accepts no quotes.
    """

    def __init__(
        self,
        accounts: Sequence[LocalAccount | RemoteAccount],
        domain: Domain,
        ledger: Ledger,
        named: Callable[[ModelId], str | None],
    ) -> None:
        self._accounts = {str(account.address): account for account in accounts}
        self._domain = domain
        self._ledger = ledger
        self._named = named

    @property
    def addresses(self) -> tuple[str, ...]:
        """Accounts that the signatures are valid for."""
        return tuple(self._accounts)

    def _of(self, model_id: ModelId) -> LocalAccount | RemoteAccount:
        """The account that signs for a model.

        Raises:
            ModelNotReady: The model's oracle is none of the accounts.
        """
        oracle = self._named(model_id)
        if oracle is None or oracle not in self._accounts:
            raise ModelNotReady(
                "model_halted" if oracle is None else "oracle_replaced",
                f"expected a model whose oracle is {' or '.join(self._accounts)}, its oracle is {oracle or 'none'}; "
                "nothing was signed",
                hint="the model's owner replaced it (assay model set-oracle); a replaced oracle is revoked for ever",
            )
        return self._accounts[oracle]

    def sign_recipient(self, recipient: str) -> tuple[bytes, ...]:
        """Signatures over the recipient (``age1...``) that uploads are encrypted to: for clients, never on chain."""
        message = self._domain.recipient(recipient)
        return tuple(bytes(account.sign_message(message).signature) for account in self._accounts.values())

    def sign_quote(self, evaluation: Evaluation, expiry: int) -> SignedQuote:
        """Signs the quote of ``evaluation`` that expires at ``expiry`` (unix time), and records it in the ledger.

        Raises:
            Equivocation: The ledger holds another evaluation of this pair, or none, or one with a price of 0.
            ModelNotReady: The model's oracle is none of the accounts.
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
        account = self._of(recorded.model_id)
        quote = recorded.quote(expiry)
        message = self._domain.quote(quote)
        signed = SignedQuote(quote, digest(message), bytes(account.sign_message(message).signature))
        self._ledger.evaluations.add_quote(signed)
        return signed

    def sign_blind_quote(self, session: BlindSession) -> bytes:
        """Signature over the blind quote of ``session``, which the ledger holds with its price.

        Raises:
            Equivocation: The ledger holds another session of this offer, or none, or one without a price.
            ModelNotReady: The model's oracle is none of the accounts.
        """
        quote = session.quote()
        if quote is None or self._ledger.blind.find(session.offer_id) != session:
            raise Equivocation("expected a blind quote in the ledger, got another; nothing was signed")
        return bytes(self._of(session.model_id).sign_message(self._domain.blind_quote(quote)).signature)

    def sign_key_escrow(self, order: Order) -> bytes:
        """Signature over ``KeyEscrow`` of ``order``: the oracle holds the key that opens its data.

        Raises:
            Equivocation: The order is not the one that the ledger's evaluation of its pair leads to.
            ModelNotReady: The model's oracle is none of the accounts.
        """
        recorded = self._ledger.evaluations.find(order.model_id, order.content_id)
        if recorded is None or not recorded.agrees_with(order):
            raise Equivocation("expected the order of an evaluation in the ledger, got another; nothing was signed")
        return bytes(self._of(order.model_id).sign_message(self._domain.key_escrow(order.digest())).signature)
