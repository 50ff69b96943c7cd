"""The signing key, and the only way to make it sign: it signs what the ledger holds and never contradicts it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount

from assay.chain.values import SafeOwners
from assay.protocol.proof.evidence import other_evidence, quote_evidence, signature_in
from assay.protocol.proof.proven import ProvenPrice
from assay.protocol.statements import Domain, blind_fields, digest, encoded, signer_of
from assay.protocol.structs import Order
from assay.protocol.types import ModelId, OfferId
from assay_oracle.errors import Equivocation, ModelNotReady
from assay_oracle.keys.remote import RemoteAccount
from assay_oracle.ledger.values import BlindSession, Evaluation, SignedQuote
from assay_oracle.services.ports import Ledger


class LocalSigner:
    """The ``Signer`` that decides in this process; the key may be in another one.

    The ledger holds one evaluation of a pair and never changes it, and a quote adds nothing to its evaluation but the
    expiry. So two quotes of one pair agree in price, seller and commitment, for every caller and after every crash.

    A model names one oracle on chain, and one that its owner replaced is revoked for ever. So the account that signs
    for a model is the one that the chain names at this moment, and none signs after its revocation. Where that is the
    committee's Safe, the account that the Safe lists as an owner at this moment signs for it.

    Args:
        accounts: Hold the keys, or ask the signer that does; while keys are rotated, the old one and the new one.
        domain: Chain and contract that the signatures are valid for.
        ledger: Holds what may be signed.
        named: The oracle that the chain names for a model now; None while the model accepts no quotes.
        committee: The Safe of which an account is an owner; None for an oracle alone.
        owners: Owners of a Safe now; None if there is no Safe at that address.
        proven: Oracles that ask for proofs (``ProvenOracle``), with the account whose key signs for each; it may grow.
        proof_of: The proof of an offer's price; None without one.
    """

    def __init__(
        self,
        accounts: Sequence[LocalAccount | RemoteAccount],
        domain: Domain,
        ledger: Ledger,
        named: Callable[[ModelId], str | None],
        *,
        committee: str | None = None,
        owners: Callable[[str], SafeOwners | None] = lambda _: None,
        proven: Mapping[str, str] | None = None,
        proof_of: Callable[[OfferId], ProvenPrice | None] = lambda _: None,
    ) -> None:
        self._accounts = {str(account.address): account for account in accounts}
        self._recipients: dict[tuple[str, frozenset[str]], tuple[bytes, ...]] = {}
        """Signatures over a recipient, asked for at each request of ``GET /v1/info``, by it and the operators then."""
        self._domain = domain
        self._ledger = ledger
        self._named = named
        self._committee = committee
        self._owners = owners
        self._proven = {} if proven is None else proven
        self._proof_of = proof_of

    @property
    def accounts(self) -> tuple[str, ...]:
        """Addresses of the accounts that sign."""
        return tuple(self._accounts)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Oracles that it signs for: accounts, the committee that one is a member of, contracts that ask for proofs."""
        proven = [oracle for oracle, operator in self._proven.items() if operator in self._accounts]
        return (*self._accounts, *([self._committee] if self._committee else []), *proven)

    def _sign(self, model_id: ModelId, message: SignableMessage, evidence: Callable[[bytes], bytes]) -> bytes:
        """The signature over a statement about a model, by the account that signs for the model's oracle.

        Args:
            model_id: The model.
            message: The statement.
            evidence: What an oracle that asks for proofs takes, of its operator's signature.

        Raises:
            ModelNotReady: The model's oracle is none of ``addresses``, or the committee does not list an account.
        """
        oracle = self._named(model_id)
        if oracle is not None and oracle == self._committee:
            return self._sign_as_member(oracle, message)
        operator = self._proven.get(oracle or "")
        if operator in self._accounts:
            return evidence(bytes(self._accounts[operator].sign_message(message).signature))
        if oracle is None or oracle not in self._accounts:
            raise ModelNotReady(
                "model_halted" if oracle is None else "oracle_replaced",
                f"expected a model whose oracle is {' or '.join(self.addresses)}, its oracle is {oracle or 'none'}; "
                "nothing was signed",
                hint="the model's owner replaced it (assay model set-oracle); a replaced oracle is revoked for ever",
            )
        return bytes(self._accounts[oracle].sign_message(message).signature)

    def _sign_as_member(self, committee: str, message: SignableMessage) -> bytes:
        safe = self._owners(committee)
        account = next((account for name, account in self._accounts.items() if safe and name in safe.owners), None)
        if account is None:
            raise ModelNotReady(
                "member_removed",
                f"expected {' or '.join(self._accounts)} among the owners of the Safe {committee}, found none; "
                "nothing was signed",
                hint="the committee removed this member, or has not added it yet: see the Safe's owners",
            )
        return bytes(account.sign_message(self._domain.for_safe(committee, digest(message))).signature)

    def has_signed(self, message: SignableMessage, signature: bytes, oracle: str) -> bool:
        """Whether a statement was signed for ``oracle``: by its own key, or by an account here that owns its Safe.

        Of an oracle that asks for proofs, its operator's key.
        """
        if oracle in self._proven:
            by_key = signature_in(signature)
            return by_key != signature and signer_of(message, by_key) == self._proven[oracle]
        if signer_of(message, signature) == oracle:
            return True
        return signer_of(self._domain.for_safe(oracle, digest(message)), signature) in self._accounts

    def add(self, account: LocalAccount | RemoteAccount) -> None:
        """Signs with another account, too, from now on: with that which takes the place of one, while keys are rotated.

        Raises:
            KeysError: It cannot sign; nothing changed.
        """
        accounts = {**self._accounts, str(account.address): account}
        self._recipients = {known: self._over_recipient(known[0], accounts.values()) for known in self._recipients}
        self._accounts = accounts

    def has_signed_as_member(self, signed: SignedQuote) -> bool:
        """Whether a quote was signed by an account here as an owner of the committee's Safe."""
        return signer_of(self._domain.quote(signed.quote), signature_in(signed.signature)) not in self._accounts

    def sign_recipient(self, recipient: str) -> tuple[bytes, ...]:
        """Signatures over the recipient (``age1...``) that uploads are encrypted to: for clients, never on chain.

        Those of each account for itself come first, then those for the committee and for oracles that ask for proofs.
        """
        known = recipient, frozenset(self._proven.values())
        if known not in self._recipients:
            self._recipients[known] = self._over_recipient(recipient, self._accounts.values())
        return self._recipients[known]

    def _over_recipient(self, recipient: str, accounts: Iterable[LocalAccount | RemoteAccount]) -> tuple[bytes, ...]:
        message = self._domain.recipient(recipient)
        messages = [message]
        if self._committee:
            messages.append(self._domain.for_safe(self._committee, digest(message)))
        accounts = list(accounts)
        by_key = [bytes(account.sign_message(each).signature) for each in messages for account in accounts]
        content, operators = encoded("Recipient", {"recipient": recipient}), set(self._proven.values())
        signed = [bytes(a.sign_message(message).signature) for a in accounts if str(a.address) in operators]
        return (*by_key, *(other_evidence(content, signature) for signature in signed))

    def sign_quote(self, evaluation: Evaluation, expiry: int) -> SignedQuote:
        """Signs the quote of ``evaluation`` that expires at ``expiry`` (unix time), and records it in the ledger.

        Raises:
            Equivocation: The ledger holds another evaluation of this pair, or none, or one with a price of 0.
            ModelNotReady: See ``_sign``.
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

        def evidence(signature: bytes) -> bytes:
            proven = self._proof_of(recorded.offer_id)
            if proven is None:
                raise Equivocation("expected a price with a proof, as the model's oracle asks for, got one without")
            return quote_evidence(quote, proven.statement, proven.proof, signature)

        signed = SignedQuote(quote, digest(message), self._sign(recorded.model_id, message, evidence))
        self._ledger.evaluations.add_quote(signed)
        return signed

    def sign_blind_quote(self, session: BlindSession) -> bytes:
        """Signature over the blind quote of ``session``, which the ledger holds with its price.

        Raises:
            Equivocation: The ledger holds another session of this offer, or none, or one without a price.
            ModelNotReady: See ``_sign``.
        """
        quote = session.quote()
        if quote is None or self._ledger.blind.find(session.offer_id) != session:
            raise Equivocation("expected a blind quote in the ledger, got another; nothing was signed")
        content = encoded("BlindQuote", blind_fields(quote))
        message = self._domain.blind_quote(quote)
        return self._sign(session.model_id, message, partial(other_evidence, content))

    def sign_key_escrow(self, order: Order) -> bytes:
        """Signature over ``KeyEscrow`` of ``order``: the oracle holds the key that opens its data.

        Raises:
            Equivocation: The order is not the one that the ledger's evaluation of its pair leads to.
            ModelNotReady: See ``_sign``.
        """
        recorded = self._ledger.evaluations.find(order.model_id, order.content_id)
        if recorded is None or not recorded.agrees_with(order):
            raise Equivocation("expected the order of an evaluation in the ledger, got another; nothing was signed")
        content = encoded("KeyEscrow", {"orderDigest": order.digest()})
        message = self._domain.key_escrow(order.digest())
        return self._sign(order.model_id, message, partial(other_evidence, content))
