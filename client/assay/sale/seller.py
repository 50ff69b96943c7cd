"""The data owner's side of a sale. Every call can be repeated after a crash: it finds what was done.

seller = Seller(chain, oracle, store, account)
record = seller.prepare(Path("data.parquet"), model_id)     seals; key and file are on disk
record, state = seller.offer(record)                        uploads; waits for the quote
record = seller.accept(record)                              signs; waits until the payment is locked
status = seller.release(record)                             waits until paid; reveals the key if it must
"""

from collections.abc import Callable
from pathlib import Path

from eth_account.signers.local import LocalAccount

from assay import envelope
from assay.chain.port import Chain
from assay.chain.queries import registered_terms
from assay.chain.values import PostedOrder, Transaction
from assay.errors import (
    OfferRefused,
    OracleMisbehaved,
    QuoteExpired,
    SaleError,
    UsageError,
)
from assay.oracle.committee import Committee, Oracle
from assay.protocol import seal
from assay.protocol.messages import MAX_QUOTE_SECONDS, OfferState, OfferStatus
from assay.protocol.structs import ModelTerms, Status
from assay.protocol.types import ModelId
from assay.sale.acceptance import Acceptance, accepted
from assay.sale.members.offering import Offering
from assay.sale.members.order_records import OrderRecords
from assay.sale.offered.precheck import check_file, chunk_size_for
from assay.sale.offers import ENDED, OfferRecord, OfferStore
from assay.sale.release import Release, can_be_posted, is_borne_out, no_report
from assay.sale.trust import check_quote, check_receipts

POSTING_PATIENCE = 60.0
"""Seconds in which the seller's own node must show an order that was posted, whatever the oracle says of it."""


class Seller:
    """Sells data from ``account`` through one oracle, or through a committee.

    Args:
        chain: The settlement contract. Its account sends the transactions.
        oracle: Prices the data; the daemons of its members, if the model's oracle is a committee.
        store: The record of offers.
        account: Is paid, and signs; logs in to the oracle, unless another party of ``oracle`` does.
        now: Unix time besides the latest block's, which stands still while a node or a chain does.
        report: Receives what happens, in a sentence.
        poll: Seconds between two requests for the state of an offer or an order.
        trust_wallet: Rely on signatures of a buyer that is a contract, which can take them back.
        max_quote_seconds: A quote that can be posted for longer is not accepted.
        posting_patience: Seconds for which the chain is watched once the oracle says that it posted, or did not.
    """

    def __init__(
        self,
        chain: Chain,
        oracle: Oracle,
        store: OfferStore,
        account: LocalAccount,
        *,
        now: Callable[[], int] | None = None,
        report: Callable[[str], None] = no_report,
        poll: float = 1.0,
        trust_wallet: bool = False,
        max_quote_seconds: int = MAX_QUOTE_SECONDS,
        posting_patience: float = POSTING_PATIENCE,
    ) -> None:
        self._chain = chain
        committee = Committee.of(oracle).as_party_of(account, chain.domain)
        self._oracle_url = committee.url
        self._store = store
        self._account = account
        self._report = report
        self._trust_wallet = trust_wallet
        self._max_quote_seconds = max_quote_seconds
        records = OrderRecords(chain, committee)
        self._release = Release(chain, records, store, clock=now, report=report, poll=poll, trust_wallet=trust_wallet)
        self._acceptance = Acceptance(chain, committee.members[0], self._release, posting_patience)
        self._offering = Offering(chain, committee, store, account, self._release)

    def find(self, source: Path, model_id: ModelId) -> OfferRecord | None:
        """The offer of a file to a model that is open, or else one that ended after its price; None without either.

        An end that the chain does not bear out is taken back: the offer is open again.
        """
        offers = self._store.of(source, model_id=model_id, seller=self._account.address)
        records = [self._checked(record) for record in offers]
        open_ones = [record for record in records if record.outcome is None]
        ended = [record for record in records if record.outcome in ENDED]
        return next(iter(open_ones + ended), None)

    def _checked(self, record: OfferRecord) -> OfferRecord:
        if record.outcome is None or is_borne_out(self._chain, record):
            return record
        self._report(f"the chain does not show that this sale ended ({record.outcome}): it continues")
        return self._release.note(record, outcome=None)

    # --- offer --------------------------------------------------------------------------------------------------------

    def prepare(
        self,
        source: Path,
        model_id: ModelId,
        *,
        chunk_size: int | None = None,
        progress: seal.Progress | None = None,
    ) -> OfferRecord:
        """Seals ``source`` for one model, or finds the unfinished offer of it.

        Without ``chunk_size``, chunks have the usual size, or the largest that the model takes.

        Raises:
            UsageError: The file does not exist.
            DataEmpty: The file is empty.
            OfferRefused: The oracle takes no file of this size, or not one with these columns; nothing was sealed.
            SettingsError: The oracle is not the model's.
            SaleError: The model is not registered, or accepts no quotes.
            OracleRefused: The oracle does not price for this model, or not at present.
        """
        if not source.is_file():
            raise UsageError(f"expected a data file at {source}, found none")
        found = self.find(source, model_id)
        if found and found.outcome is None:
            self._report("found the unfinished offer of this file")
            return found
        registered_terms(self._chain, model_id)
        oracle, model = self._offering.look(model_id)
        chunk_size = chunk_size or chunk_size_for(model)
        check_file(source, oracle, model, chunk_size)
        return self._store.create(
            source,
            oracle_url=self._oracle_url,
            model_id=model_id,
            seller=self._account.address,
            chunk_size=chunk_size,
            progress=progress,
        )

    def offer(self, record: OfferRecord, *, progress: seal.Progress | None = None) -> tuple[OfferRecord, OfferState]:
        """Opens the offer, uploads what is missing, and waits for the price.

        Call it again for an offer with an expired quote: the oracle renews the quote at the same price.

        Returns:
            The record, with the verified quote unless the oracle declined, and the offer's state.

        Raises:
            SettingsError: The oracle is not the model's; nothing was sent.
            SaleError: The model accepts no quotes, or needs the receipt of a buyer that can take it back.
            OfferRefused: The data cannot be priced, or was priced for this model before; or the offer expired.
            OracleMisbehaved: The quote is for other data, another seller or model, or not by the model's oracle.
        """
        record = self._store.load(record.data_root)
        terms = registered_terms(self._chain, record.model_id)
        check_receipts(self._chain, terms, trust_wallet=self._trust_wallet)
        state = self._offering.price(record, progress, latest=self._latest_expiry())
        record = self._store.load(record.data_root)
        if state.status in (OfferStatus.REFUSED, OfferStatus.EXPIRED, OfferStatus.DECLINED):
            if not self._is_out(record):
                record = self._store.update(record, outcome=str(state.status))
            if state.status is OfferStatus.DECLINED:
                return record, state
            raise OfferRefused(state.code or str(state.status), state.reason or f"the offer is {state.status}")
        return self._save_quote(record, terms, state), state

    def _save_quote(self, record: OfferRecord, terms: ModelTerms, state: OfferState) -> OfferRecord:
        if state.quote is None or state.oracle_signature is None:
            raise OracleMisbehaved(f"expected a signed quote with status {state.status}, got none")
        latest = self._latest_expiry()
        check_quote(self._chain, record, terms, state.quote, state.oracle_signature, latest_expiry=latest)
        return self._store.update(record, quote=state.quote, oracle_signature=state.oracle_signature)

    def _latest_expiry(self) -> int:
        return self._release.now() + self._max_quote_seconds

    # --- acceptance ---------------------------------------------------------------------------------------------------

    def accept(self, record: OfferRecord) -> OfferRecord:
        """Sells at the quote's price: binds the key to the order, signs, and waits until the payment is locked.

        An order that is on chain already is found there, even if the oracle does not answer or the quote has expired.

        Args:
            record: An offer with a quote.

        Raises:
            OfferRefused: The order cannot be posted.
            SaleError: The order needs the receipt of a buyer that can take it back.
            QuoteExpired: The quote has expired, and the oracle does not renew it.
            OrderDiffers: Another order was posted for this pair.
        """
        record = self._store.load(record.data_root)
        if self._acceptance.is_posted(record):
            self._release.order(record)
            return record
        if record.quote is None or record.offer_id is None:
            raise UsageError("expected an offer with a quote to accept, got one without")
        terms = registered_terms(self._chain, record.model_id)
        check_receipts(self._chain, terms, trust_wallet=self._trust_wallet)
        by_committee = self._offering.signers(record.model_id).safe is not None
        if not by_committee or not self._offering.holds(record):
            state = self._offering.state(record, latest=self._latest_expiry())
            if state.status is OfferStatus.QUOTED:
                record = self._save_quote(record, terms, state)
        record = self.bind(record)
        if by_committee:
            self._acceptance.post(record, lambda: self._post(record))
        else:
            self._acceptance.send(record)
        self._release.order(record)
        return record

    def bind(self, record: OfferRecord) -> OfferRecord:
        """Binds the key to the quote's one order and signs the acceptance; both are on disk before they are sent.

        Raises:
            QuoteExpired: The quote has expired.
        """
        bound = accepted(record, self._store.key(record), self._chain.domain, self._account)
        if record.quote and self._chain.block_time() > record.quote.expiry:
            raise QuoteExpired(
                f"the quote expired at {record.quote.expiry}",
                hint="offer again: the oracle renews its quote at the same price",
            )
        return self._store.save(bound)

    def decline(self, record: OfferRecord) -> OfferRecord:
        """Declines the quote. The data's one evaluation for this model stays used.

        Raises:
            UsageError: The quote was accepted, and its order is on chain or can still be posted.
        """
        record = self._store.load(record.data_root)
        assert record.offer_id is not None
        if self._is_out(record):
            raise UsageError(
                "expected a quote that was not accepted, got one whose acceptance is out",
                hint="the same command without --decline continues the sale: whoever posts the order locks the payment",
            )
        self._offering.decline(record)
        return self._store.update(record, outcome="declined")

    def _is_out(self, record: OfferRecord) -> bool:
        """Whether an acceptance was signed that is on chain or can be posted, whatever the oracle says of the offer."""
        return record.acceptance is not None and can_be_posted(self._chain, record)

    def post(self, record: OfferRecord) -> int:
        """Posts an accepted order without the oracle's help: its signature is enough. Returns the gas used."""
        return self._post(record).gas

    def _post(self, record: OfferRecord) -> Transaction:
        if record.quote is None or record.oracle_signature is None or record.key_hash is None or not record.acceptance:
            raise UsageError("expected an accepted offer to post, got one that was not accepted")
        terms = registered_terms(self._chain, record.model_id)
        return self._chain.post(terms, record.quote, record.oracle_signature, record.key_hash, record.acceptance)

    # --- release ------------------------------------------------------------------------------------------------------

    def order(self, record: OfferRecord) -> PostedOrder:
        """The posted order of an offer, verified to be the agreed one.

        Raises:
            OrderDiffers: Another order was posted for this pair.
            OrderMissing: No order was posted, or a reorganisation removed it.
        """
        return self._release.order(record)

    def release(self, record: OfferRecord, *, patience: int = 600) -> Status:
        """Waits until the sale's end is confirmed, and reveals the key if the buyer does not acknowledge in time.

        Errors that pass, of node or chain, are retried. What a reorganisation takes back is done again.

        Args:
            record: An accepted offer.
            patience: Seconds to leave the buyer to acknowledge before the key goes on chain; 0 reveals the key at
                once.

        Raises:
            OrderDiffers: The order on chain is not the agreed one.
            OrderMissing: The order is gone, and a confirmed block is later than its quote: it cannot be posted again.
            RevealTooLate: The deadline is too close to reveal safely.
            ContractReverted: The contract refuses for good.
            TransactionFailed: Transactions of this sale were mined and failed, as many as are paid for.
        """
        return self._release.run(record, patience=patience)

    def advance(self, record: OfferRecord, *, reveal: bool = True) -> Status:
        """Does what can be done for the order now, and returns its state after that.

        A LOCKED order is left to the buyer and the oracle, unless ``reveal`` is set or the deadline is near: then it is
        settled with the buyer's acknowledgement if there is one, or else its key is revealed. A REVEALED order is
        finalized after the dispute window. The outcome is saved once it is confirmed: the state that is returned may
        not be.

        Raises:
            RevealTooLate: The deadline is too close to reveal safely.
        """
        return self._release.advance(record, reveal=reveal)

    def key_for_buyer(self, record: OfferRecord) -> str:
        """Age envelope (ASCII armor) of the key of a paid order, for the buyer alone, to be sent in any way.

        The oracle hands the key over. This is for a buyer who has paid and whose oracle lost the key.

        Raises:
            OrderDiffers, OrderMissing: As ``order``.
            SaleError: The order is not paid, or a reorganisation may take the payment back.
        """
        order = self._release.order(record).order
        state = self._chain.confirmed_state(order.order_id())
        if (state.status, state.digest) != (Status.PAID, order.stored_digest()):
            raise SaleError(
                f"the order is not paid, or not for long enough: its state is {state.status.name.lower()}",
                hint="the key stays secret until the payment is confirmed: try again later",
            )
        terms = registered_terms(self._chain, record.model_id)
        return envelope.wrap_key(envelope.recipient_of(terms.delivery_key), self._store.key(record))

    def reveal_data(self, record: OfferRecord) -> Status:
        """Reveals the data itself on chain, in public, and is paid at once. For small data that may become public.

        Returns once the payment is confirmed; see ``release``.

        Raises:
            SaleError: The node does not take so large or so dear a transaction; ``release`` reveals the key instead.
            RevealTooLate: The deadline is too close to reveal safely.
        """
        return self._release.run(record, direct=True)
