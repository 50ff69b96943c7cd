"""The seller's signature under a quote, which binds the sealing key to the quote's one order, and the wait for that."""

import time
from collections.abc import Callable

from eth_account.signers.local import LocalAccount

from assay.chain.port import Chain
from assay.chain.queries import send_unless_done
from assay.chain.values import Transaction
from assay.errors import AssayError, ChainError, OfferRefused, OracleError, QuoteExpired, UsageError
from assay.oracle.api import OracleClient
from assay.protocol.messages import AcceptanceRequest, OfferStatus
from assay.protocol.statements import Domain, digest
from assay.protocol.structs import Status, key_hash
from assay.sale.offers import OfferRecord
from assay.sale.release import Release, can_be_posted


def accepted(record: OfferRecord, key: bytes, domain: Domain, account: LocalAccount) -> OfferRecord:
    """The record with the acceptance of its quote: the hash lock of ``key``, bound to the quote's one order, signed.

    Raises:
        UsageError: The record has no quote.
    """
    if record.quote is None:
        raise UsageError("expected an offer with a quote to accept, got one without")
    locked = key_hash(record.quote.order_id(), key)
    signature = account.sign_message(domain.acceptance(digest(domain.quote(record.quote)), locked)).signature
    return record.model_copy(
        update={
            "key_hash": locked,
            "acceptance": bytes(signature),
            "accepted_until": max(record.accepted_until, record.quote.expiry),
        }
    )


class Acceptance:
    """Sends acceptances to the oracle, and waits for the orders on chain.

    Args:
        chain: The seller's own node shows the orders.
        oracle: Posts them.
        release: Waits and reports.
        patience: Seconds for which the chain is watched once the oracle says that it posted, or did not.
    """

    def __init__(self, chain: Chain, oracle: OracleClient, release: Release, patience: float) -> None:
        self._chain = chain
        self._oracle = oracle
        self._release = release
        self.patience = patience

    def send(self, record: OfferRecord) -> None:
        """Sends a bound record's acceptance and waits until the seller's own node shows the order, or should.

        The oracle's word ends no wait at once: it holds an acceptance that it can post until the quote expires.

        Raises:
            OracleError, OfferRefused: What the oracle says, and no order came.
            QuoteExpired: The oracle did not post in time; nobody can post any more.
        """
        assert record.offer_id is not None
        assert record.key_hash is not None
        assert record.acceptance is not None
        request = AcceptanceRequest(key_hash=record.key_hash, signature=record.acceptance)
        refusal: OracleError | None = None
        try:
            self._oracle.accept(record.offer_id, request)
        except OracleError as error:
            refusal = error
        self._release.report_once("waiting for the payment to be locked")
        self._await_order(record, refusal)

    def post(self, record: OfferRecord, post: Callable[[], Transaction]) -> None:
        """Calls ``post``, which posts a bound record's order from the seller's account, until the node shows an order.

        Raises:
            QuoteExpired: The quote expired before.
            ChainError: The contract refuses the order, or the transaction failed.
        """
        assert record.quote is not None
        order_id = record.quote.order_id()
        self._release.report_once("posting the order")
        while not self._has_come(record):
            if not self._chain.unmined():
                send_unless_done(self._chain, order_id, post, seen=Status.NONE)
            self._release.wait()

    def is_posted(self, record: OfferRecord) -> bool:
        """Whether an order of the record's pair is on chain."""
        if record.quote is None or record.key_hash is None:
            return False
        return self._chain.order_state(record.quote.order_id()).status is not Status.NONE

    def _await_order(self, record: OfferRecord, refusal: OracleError | None) -> None:
        """Waits until the order is shown, or cannot come any more, or the oracle has long said that it did not post."""
        since: float | None = None
        while not self._has_come(record):
            said = refusal or self._said_of_posting(record)
            if said is OfferStatus.ACCEPTED:
                since = None
            elif since is None:
                since = time.monotonic()
            if isinstance(said, AssayError):
                self._release.report_once(f"{said.message}; watching the chain nevertheless")
            if since is not None and time.monotonic() - since >= self.patience:
                if isinstance(said, AssayError):
                    self._release.report_once(_still_postable(record))
                    raise said
                return
            self._release.wait()

    def _has_come(self, record: OfferRecord) -> bool:
        """Whether the order is on chain. A node that does not answer now shows none, and ends nothing.

        Raises:
            QuoteExpired: It is not, and cannot come any more.
        """
        try:
            posted = self.is_posted(record)
            if posted or can_be_posted(self._chain, record):
                return posted
        except ChainError as error:
            self._release.report_once(f"{error.message}; trying again")
            return False
        raise QuoteExpired(
            f"no order was posted until the quote expired at {record.accepted_until}",
            hint="run the same command again: the oracle renews its quote at the same price",
        )

    def _said_of_posting(self, record: OfferRecord) -> AssayError | OfferStatus:
        """What the oracle says: that it is about to post, that it posted, or why it did not."""
        assert record.offer_id is not None
        try:
            state = self._oracle.offer(record.offer_id)
        except OracleError as error:
            return error
        if state.status in (OfferStatus.ACCEPTED, OfferStatus.POSTED):
            return state.status
        return OfferRefused(
            state.code or str(state.status),
            state.reason or f"the oracle did not post the order: the offer is {state.status}",
            hint=_still_postable(record),
        )


def _still_postable(record: OfferRecord) -> str:
    return f"the acceptance can be posted until {record.accepted_until}: run the same command again before then"
