"""The port of the ledger: what was offered, evaluated, quoted and posted."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from assay.chain.values import Cursor, PostedOrder
from assay.protocol.messages import AppraisalSummary, OfferRequest, OfferStatus
from assay.protocol.structs import Status
from assay.protocol.types import ContentId, ModelId, OfferId, OrderId
from assay_oracle.ledger.values import BlindSession, Evaluation, Offer, Restoration, Sale, SignedQuote


class OfferLedger(Protocol):
    """Offers by id. A change of state does nothing if the offer is in a state that forbids it.

    Each change returns the offer as it is afterwards.
    """

    def add(self, offer_id: OfferId, request: OfferRequest, *, per_seller: int, max_bytes: int) -> Offer:
        """Records a new offer; returns the recorded one if this id is known.

        Raises:
            TooManyOffers: The seller has ``per_seller`` offers open, or its open and quoted offers would take more than
                ``max_bytes``.
        """
        ...

    def remove(self, offer_id: OfferId) -> bool:
        """Removes an offer whose upload is not complete, as if it had not been opened; whether it did."""
        ...

    def find(self, offer_id: OfferId) -> Offer | None:
        """The offer with this id; None if it does not exist."""
        ...

    def get(self, offer_id: OfferId) -> Offer:
        """The offer with this id.

        Raises:
            OfferUnknown: It does not exist.
        """
        ...

    def in_status(self, *statuses: OfferStatus) -> list[Offer]:
        """Offers in one of ``statuses``, the longest unchanged first."""
        ...

    def waiting(self, most: int) -> list[Offer]:
        """Offers to price, the oldest first: the oldest, and with the fewest attempts the oldest and the smallest.

        At most ``most`` of each kind.
        """
        ...

    def counts(self) -> dict[tuple[ModelId, OfferStatus], int]:
        """Number of offers by model and status."""
        ...

    def oldest(self, status: OfferStatus) -> int | None:
        """When the longest unchanged offer in a status changed last, unix time; None if there is none."""
        ...

    def unchanged(self, status: OfferStatus, *, before: int) -> list[Offer]:
        """Offers in a status that changed last before a time."""
        ...

    def unsold(self, *, before: int) -> list[Offer]:
        """Offers with an open quote that were evaluated before a time."""
        ...

    def ended_with_upload(self, *, before: int) -> list[Offer]:
        """Ended offers whose upload may be stored: refused ones, and others of whose end and quotes all lie before."""
        ...

    def mark_deleted(self, offer_id: OfferId) -> None:
        """Records that the upload is deleted."""
        ...

    def forget_unevaluated(self, *, before: int, keep: int) -> None:
        """Deletes offers that ended without an evaluation: those of before a time, and all but the newest ``keep``."""
        ...

    def context(self, model_id: ModelId, seller: str, time: int) -> tuple[list[Offer], list[Offer]]:
        """Context offers at chain ``time`` for an offer of ``seller``: what others sold, and the seller's own."""
        ...

    def touch(self, offer_id: OfferId) -> None:
        """Records that bytes of the upload arrived."""
        ...

    def mark_uploaded(self, offer_id: OfferId) -> Offer:
        """The upload is complete."""
        ...

    def begin_attempt(self, offer: Offer) -> int | None:
        """Claims an offer and counts an attempt at pricing; None if it, or one like it, is priced elsewhere."""
        ...

    def end_attempt(self, offer: Offer) -> None:
        """The attempt at an offer ended, in any way."""
        ...

    def withdraw_attempt(self, offer_id: OfferId) -> None:
        """Uncounts an attempt that failed on the oracle's side."""
        ...

    def refuse(self, offer_id: OfferId, code: str, reason: str) -> Offer:
        """The data cannot be priced."""
        ...

    def decline_copy(self, offer_id: OfferId, content_id: ContentId, summary: AppraisalSummary) -> Offer:
        """Ends an offer of records that another seller had evaluated, in the same words as one without value."""
        ...

    def accept(self, offer_id: OfferId, *, quote: bytes, key_hash: bytes, signature: bytes) -> Offer:
        """The seller accepted the quote of digest ``quote``."""
        ...

    def withdraw_acceptance(self, offer_id: OfferId, code: str, reason: str) -> Offer:
        """The order could not be posted; the seller may accept again."""
        ...

    def count_failed_post(self, offer_id: OfferId) -> None:
        """Counts a transaction that posted the order, and was mined and failed."""
        ...

    def count_failed_settlement(self, offer_id: OfferId) -> None:
        """Counts a transaction that settled the order, and was mined and failed."""
        ...

    def failed_settlements(self, model_id: ModelId) -> int:
        """Number of settlements of all orders of a model that were mined and failed."""
        ...

    def decline(self, offer_id: OfferId) -> Offer:
        """The seller declined."""
        ...

    def expire(self, offer_id: OfferId, code: str, reason: str) -> Offer:
        """An upload or a quote was idle for too long."""
        ...


class EvaluationLedger(Protocol):
    """Evaluations by (model, content) pair: one per pair, never changed, never deleted."""

    def find(self, model_id: ModelId, content_id: ContentId) -> Evaluation | None:
        """The evaluation of a pair; None if the pair was never evaluated."""
        ...

    def of(self, offer: Offer) -> Evaluation | None:
        """The evaluation that an offer led to; None before it is priced."""
        ...

    def appraisal(self, offer: Offer) -> bytes:
        """Canonical JSON of the appraisal of an evaluated offer."""
        ...

    def answered(self, model_id: ModelId, content_id: ContentId, seller: str) -> bool:
        """Whether ``seller`` has an answer about this pair: its evaluation, or the word that it has no value."""
        ...

    def priced_tags(self, model_id: ModelId, tags: Iterable[bytes]) -> set[bytes]:
        """The subset of ``tags`` whose record was part of an evaluation for this model."""
        ...

    def add(
        self, evaluation: Evaluation, tags: Iterable[bytes], summary: AppraisalSummary, *, appraisal: bytes, known: int
    ) -> Offer:
        """Records an evaluation, its appraisal, its record tags and the offer's new state in one transaction.

        If the pair was evaluated before, nothing is recorded: the offer becomes ``refused``, or ``declined`` if it is
        another seller's. ``RecordsPricedMeanwhile``: more than ``known`` of the tags were evaluated by now.
        ``ClaimLost``: another daemon took the offer over.
        """
        ...

    def add_quote(self, signed: SignedQuote) -> None:
        """Records a signed quote."""
        ...

    def quotes(self, evaluation: Evaluation) -> list[SignedQuote]:
        """All signed quotes of a pair, the latest expiry first."""
        ...

    def unquoted(self, time: int) -> list[Evaluation]:
        """Evaluations of quoted offers that have no signed quote which expires after ``time``."""
        ...


class OrderLedger(Protocol):
    """Sales by order id."""

    def add(self, offer_id: OfferId, posted: PostedOrder) -> bool:
        """Records an order as the chain has it; whether that was new."""
        ...

    def remove(self, sale: Sale) -> Offer:
        """A reorganisation removed the order; returns the offer, which is accepted or quoted again."""
        ...

    def find(self, order_id: OrderId) -> Sale | None:
        """The sale with this order id; None if it does not exist."""
        ...

    def get(self, order_id: OrderId) -> Sale:
        """The sale with this order id.

        Raises:
            OrderUnknown: It does not exist.
        """
        ...

    def of_offer(self, offer_id: OfferId) -> Sale | None:
        """The sale that an offer led to."""
        ...

    def open(self, *, since: int | None = None) -> list[Sale]:
        """Sales whose order is not closed, and with ``since`` sales that were closed at that time or later."""
        ...

    def unkeyed(self) -> list[Sale]:
        """Sales whose order is paid, and whose key the oracle may hold and has not handed to the buyer."""
        ...

    def closed_with_files(self, *, before: int) -> list[Sale]:
        """Sales whose order was closed before a time, and whose files may be stored."""
        ...

    def set_status(self, order_id: OrderId, status: Status) -> Sale:
        """The order is in another state on chain; an unpaid key is withheld."""
        ...

    def set_key_escrow(self, order_id: OrderId, signature: bytes) -> Sale:
        """The oracle's signature that it holds the key; empty if it does not."""
        ...

    def set_key_envelope(self, order_id: OrderId, key_envelope: str) -> Sale:
        """The key, encrypted to the buyer."""
        ...

    def set_receipt(self, order_id: OrderId, signature: bytes, held: bytes | None = None) -> bool:
        """The buyer's signature that the sealed data arrived, in place of ``held``; whether that was recorded."""
        ...

    def set_acknowledgement(self, order_id: OrderId, signature: bytes | None, held: bytes | None = None) -> bool:
        """The buyer's signature that settles the order, in place of ``held``; whether that was the recorded one.

        None once the contract has refused the one that is held.
        """
        ...


class LoginLedger(Protocol):
    """Nonces of logins, each of which is used once."""

    def use(self, nonce: bytes, *, until: int, now: int) -> bool:
        """Records that ``nonce`` was used, and forgets those whose ``until`` is before ``now``; whether it was new."""
        ...


class BlindLedger(Protocol):
    """Blind quotes by the id of the offer that they are for."""

    def add(self, session: BlindSession, *, most: int, now: int) -> BlindSession:
        """Records a session; returns the recorded one if this id is known. Forgets those that expired without a price.

        Raises:
            TooManyOffers: The seller has ``most`` others for this model that are not borne out by data.
        """
        ...

    def find(self, offer_id: OfferId) -> BlindSession | None:
        """The session of an offer; None if it does not exist."""
        ...

    def conclude(
        self, offer_id: OfferId, *, price: int | None, code: str | None, expires_at: int, most: int
    ) -> BlindSession:
        """Records the price of a session, or why it has none; a session that has either keeps it.

        Raises:
            OfferUnknown: It does not exist: it expired.
            TooManyOffers: The model has ``most`` others with a price that are not borne out by data.
        """
        ...


class Ledger(Protocol):
    """What was offered, evaluated, quoted and posted. Every method is one transaction, durable when it returns.

    Every method raises ``OSError`` if the disk fails.
    """

    @property
    def offers(self) -> OfferLedger:
        """What was offered."""
        ...

    @property
    def evaluations(self) -> EvaluationLedger:
        """What was evaluated and quoted."""
        ...

    @property
    def orders(self) -> OrderLedger:
        """What was posted."""
        ...

    @property
    def logins(self) -> LoginLedger:
        """The logins that were used."""
        ...

    @property
    def blind(self) -> BlindLedger:
        """The blind quotes."""
        ...

    def lead(self) -> bool:
        """Whether this daemon advances orders and sends transactions for now; it takes over from one that stopped."""
        ...

    def leads_still(self) -> bool:
        """Whether it does so yet; asks no one."""
        ...

    def alone(self, name: str) -> AbstractContextManager[bool]:
        """Keeps other daemons from what ``name`` stands for; gives whether none was at it."""
        ...

    def restorations(self) -> tuple[Restoration, ...]:
        """Each time that the ledger was restored from a backup, the first one first."""
        ...

    def cursor(self) -> Cursor | None:
        """The block up to which the chain's events are recorded; None before the first page."""
        ...

    def store_cursor(self, cursor: Cursor) -> None:
        """Records that the effects of all events up to ``cursor`` are in the ledger."""
        ...
