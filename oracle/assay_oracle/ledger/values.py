"""What the ledger holds, as plain values: offers, evaluations, signed quotes and sales."""

from dataclasses import dataclass, replace

from assay.protocol.messages import AppraisalSummary, BlindQuote, OfferStatus
from assay.protocol.structs import Order, Quote, Status
from assay.protocol.types import ContentId, ModelId, OfferId, OrderId

RUNNING = (OfferStatus.UPLOADING, OfferStatus.PRICING, OfferStatus.QUOTED, OfferStatus.ACCEPTED)
"""Statuses of offers that are under way: something of them is still to be done."""
ALREADY_EVALUATED = (
    "already_evaluated",
    "you offered these records to this model before, and a set is priced once; offer other records",
)
"""Code and reason of a refusal."""


@dataclass(frozen=True)
class Offer:
    """One data set offered to one model.

    Attributes:
        offer_id: EIP-712 digest of the seller's statement, 32 bytes.
        upload_bytes: Declared length of the age envelope.
        sealed_key: Age envelope of the sealing key, ASCII armor.
        code: Stable name of ``reason``.
        reason: Why the offer was refused, declined or expired.
        attempts: How often pricing was begun.
        content_id: Content of the evaluated pair; None until the offer is priced.
        copied_content: Content of a pair that another seller had evaluated before; the offer was answered as worthless.
        distinct_records: Number of distinct records that were evaluated; 0 until then.
        is_stored: Its upload may be stored.
        quoted_until: Latest expiry of its signed quotes, unix time; 0 without one.
        key_hash: Hash of the key that the seller's acceptance locks, 32 bytes.
        acceptance: The seller's signature over the quote of digest ``accepted_quote``.
        failed_posts: Transactions that posted its order, and were mined and failed.
        failed_settlements: Transactions that settled its order, and were mined and failed.
        updated_at: Unix time of the last change of state or of the last byte received.
        opened_at: Unix time of the request that opened the offer.
    """

    offer_id: OfferId
    model_id: ModelId
    seller: str
    data_root: bytes
    upload_bytes: int
    sealed_key: str
    status: OfferStatus
    code: str | None
    reason: str | None
    attempts: int
    content_id: ContentId | None
    copied_content: ContentId | None
    distinct_records: int
    is_stored: bool
    quoted_until: int
    summary: AppraisalSummary | None
    key_hash: bytes | None
    acceptance: bytes | None
    failed_posts: int
    failed_settlements: int
    accepted_quote: bytes | None
    updated_at: int
    opened_at: int


@dataclass(frozen=True)
class Evaluation:
    """The one evaluation of a (model, content) pair.

    Attributes:
        price: Base units.
        digest: SHA-256 of the appraisal's canonical JSON, 32 bytes.
    """

    model_id: ModelId
    content_id: ContentId
    offer_id: OfferId
    seller: str
    data_root: bytes
    price: int
    digest: bytes

    def quote(self, expiry: int) -> Quote:
        """The quote of this evaluation that expires at ``expiry`` (unix time)."""
        return Quote(
            model_id=self.model_id,
            content_id=self.content_id,
            seller=self.seller,
            data_root=self.data_root,
            price=self.price,
            expiry=expiry,
            evaluation=self.digest,
        )

    def under(self, content_id: ContentId) -> "Evaluation":
        """What would have been evaluated under another content id of the same records."""
        return replace(self, content_id=content_id)

    def agrees_with(self, order: Order) -> bool:
        """Whether an order pays this price for this data to this seller; another oracle's order of the pair may not."""
        evaluated = (self.order_id(), self.seller, self.price, self.data_root)
        return (order.order_id(), order.seller, order.price, order.data_root) == evaluated

    def order_id(self) -> OrderId:
        """Id of the one order that this evaluation can lead to, 32 bytes."""
        return self.quote(0).order_id()


@dataclass(frozen=True)
class BlindSession:
    """A blind quote that was asked for.

    Attributes:
        offer_id: EIP-712 digest of the seller's statement, 32 bytes: that of the offer of the same data.
        records: Number of records that the sums are of.
        expires_at: Unix time after which its price can no longer be asked for; once it has one, the quote's expiry.
        price: Base units; None before the last message.
        code: Why it has no price though its last message came; such a session is used up.
        is_borne_out: The data were uploaded since, and have this price.
    """

    offer_id: OfferId
    model_id: ModelId
    seller: str
    data_root: bytes
    records: int
    expires_at: int
    price: int | None = None
    code: str | None = None
    is_borne_out: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether its last message came."""
        return self.price is not None or self.code is not None

    def quote(self) -> BlindQuote | None:
        """The blind quote; None without a price."""
        if self.price is None:
            return None
        return BlindQuote(
            model_id=self.model_id,
            seller=self.seller,
            data_root=self.data_root,
            records=self.records,
            price=self.price,
            expiry=self.expires_at,
        )


@dataclass(frozen=True)
class SignedQuote:
    """A quote with the oracle's signature over its EIP-712 ``digest``; the signature is empty in a dry run."""

    quote: Quote
    digest: bytes
    signature: bytes


@dataclass(frozen=True)
class Sale:
    """A posted order, with what buyer and seller left at the oracle for each other.

    Attributes:
        block: Number of the block that contains the order.
        transaction: Hash of the transaction that posted it, 32 bytes.
        chain_status: State on chain, as far as events were read.
        key_escrow: The oracle's signature over ``KeyEscrow``; empty if it does not hold this order's key, None until
            that was checked.
        key_envelope: Age envelope of the sealing key for the buyer, ASCII armor; None until the order is paid.
        receipt: The buyer's signature over ``Receipt``.
        acknowledgement: The buyer's signature over ``Acknowledgement``.
        updated_at: Unix time of the last change.
    """

    order_id: OrderId
    offer_id: OfferId
    order: Order
    block: int
    transaction: bytes
    chain_status: Status
    key_escrow: bytes | None
    key_envelope: str | None
    receipt: bytes | None
    acknowledgement: bytes | None
    updated_at: int


@dataclass(frozen=True)
class Restoration:
    """The ledger was restored from a backup: it lacks what was signed after the backup was made.

    Attributes:
        salt: 32 random bytes. Content ids of pairs that are evaluated from then on depend on it, so that none of them
            is the id of a pair that was evaluated after the backup.
        backup: Id of the backup, 16 bytes.
        backed_up_at: Unix time of the backup.
        restored_at: Unix time of the restoration.
        held_until: Chain time until which a quote may be valid that the ledger lacks; no offer is priced before.
    """

    salt: bytes
    backup: bytes
    backed_up_at: int
    restored_at: int
    held_until: int
