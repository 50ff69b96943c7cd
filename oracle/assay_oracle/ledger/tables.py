"""The ledger's tables, as SQLAlchemy describes them to SQLite and PostgreSQL alike.

``migrations`` makes them. The rules that must hold in every case are constraints and triggers there.
"""

from typing import Any

from pydantic import BaseModel
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)

from assay.protocol.messages import AppraisalSummary, OfferStatus
from assay.protocol.structs import Order, Status

Number = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits on both: SQLite's INTEGER has them, and its strict tables have no BIGINT."""


class StatusText(TypeDecorator[OfferStatus]):
    """The status of an offer, by its name."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: OfferStatus | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> OfferStatus | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else OfferStatus(value)


class ChainStatus(TypeDecorator[Status]):
    """The status of an order on chain, by its number."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """The type of a column."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())

    def process_bind_param(self, value: Status | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Status | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else Status(value)


class Amount(TypeDecorator[int]):
    """Base units as decimal text: they exceed 64 bits."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else int(value)


class Document(TypeDecorator[BaseModel]):
    """A message as JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, model: type[BaseModel]) -> None:
        super().__init__()
        self.model = model

    def process_bind_param(self, value: BaseModel | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else value.model_dump_json()

    def process_result_value(self, value: str | None, dialect: Dialect) -> BaseModel | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else self.model.model_validate_json(value)


metadata = MetaData()

offers = Table(
    "offers",
    metadata,
    Column("number", Number, primary_key=True),
    Column("offer_id", LargeBinary, nullable=False, unique=True),
    Column("model_id", LargeBinary, nullable=False),
    Column("seller", Text, nullable=False),
    Column("data_root", LargeBinary, nullable=False),
    Column("upload_bytes", Number, nullable=False),
    Column("sealed_key", Text, nullable=False),
    Column("status", StatusText, nullable=False),
    Column("code", Text),
    Column("reason", Text),
    Column("attempts", Number, nullable=False, server_default="0"),
    Column("content_id", LargeBinary),
    Column("copied_content", LargeBinary),
    Column("distinct_records", Number, nullable=False, server_default="0"),
    Column("is_stored", Number, nullable=False, server_default="1"),
    Column("quoted_until", Number, nullable=False, server_default="0"),
    Column("summary", Document(AppraisalSummary)),
    Column("key_hash", LargeBinary),
    Column("acceptance", LargeBinary),
    Column("accepted_quote", LargeBinary),
    Column("failed_posts", Number, nullable=False, server_default="0"),
    Column("failed_settlements", Number, nullable=False, server_default="0"),
    Column("updated_at", Number, nullable=False),
    Column("opened_at", Number, nullable=False),
    sqlite_strict=True,
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("model_id", LargeBinary, primary_key=True),
    Column("content_id", LargeBinary, primary_key=True),
    Column("offer_id", LargeBinary, ForeignKey("offers.offer_id"), nullable=False, unique=True),
    Column("seller", Text, nullable=False),
    Column("data_root", LargeBinary, nullable=False),
    Column("price", Amount, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("appraisal", LargeBinary, nullable=False),
    Column("made_at", Number, nullable=False),
    sqlite_strict=True,
)

records = Table(
    "records",
    metadata,
    Column("model_id", LargeBinary, primary_key=True),
    Column("tag", LargeBinary, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

quotes = Table(
    "quotes",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("model_id", LargeBinary, nullable=False),
    Column("content_id", LargeBinary, nullable=False),
    Column("expiry", Number, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    ForeignKeyConstraint(["model_id", "content_id"], ["evaluations.model_id", "evaluations.content_id"]),
    sqlite_strict=True,
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", LargeBinary, primary_key=True),
    Column("offer_id", LargeBinary, ForeignKey("offers.offer_id"), nullable=False, unique=True),
    Column("content", Document(Order), nullable=False),
    Column("block", Number, nullable=False),
    Column("posting", LargeBinary, nullable=False),
    Column("chain_status", ChainStatus, nullable=False),
    Column("key_escrow", LargeBinary),
    Column("key_envelope", Text),
    Column("receipt", LargeBinary),
    Column("acknowledgement", LargeBinary),
    Column("updated_at", Number, nullable=False),
    sqlite_strict=True,
)

cursor = Table(
    "cursor",
    metadata,
    Column("singleton", Number, CheckConstraint("singleton = 0"), primary_key=True, autoincrement=False),
    Column("block", Number, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_strict=True,
)

claims = Table(
    "claims",
    metadata,
    Column("model_id", LargeBinary, primary_key=True),
    Column("seller", Text, primary_key=True),
    Column("owner", LargeBinary, nullable=False),
    Column("expires_at", Number, nullable=False),
    sqlite_strict=True,
)
"""The offers of one seller to one model are priced one after the other: who prices one of them now."""

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", LargeBinary, nullable=False),
    Column("expires_at", Number, nullable=False),
    sqlite_strict=True,
)
"""What one replica at a time does."""

blind_quotes = Table(
    "blind_quotes",
    metadata,
    Column("offer_id", LargeBinary, primary_key=True),
    Column("model_id", LargeBinary, nullable=False),
    Column("seller", Text, nullable=False),
    Column("data_root", LargeBinary, nullable=False),
    Column("records", Number, nullable=False),
    Column("expires_at", Number, nullable=False),
    Column("price", Amount),
    Column("code", Text),
    Column("is_borne_out", Number, nullable=False, server_default="0"),
    sqlite_strict=True,
)
"""Blind quotes: those with a price or a code are never deleted, and count against their seller."""

logins = Table(
    "logins",
    metadata,
    Column("nonce", LargeBinary, primary_key=True),
    Column("expires_at", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    sqlite_strict=True,
)
"""Digests by which the secrets that the ledger was written with are recognised."""

restorations = Table(
    "restorations",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False, unique=True),
    Column("backup", LargeBinary, nullable=False),
    Column("backed_up_at", Number, nullable=False),
    Column("restored_at", Number, nullable=False),
    Column("held_until", Number, nullable=False),
    sqlite_strict=True,
)
"""Each time that the ledger was restored from a backup."""

transactions = Table(
    "transactions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("place", Number, nullable=False),
    Column("account", Text, nullable=False),
    Column("number", Number, nullable=False),
    Column("fields", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    sqlite_strict=True,
)
"""Signed transactions that are not final: ``number`` is the account's, ``place`` the order in which they were kept."""

move = Table(
    "move",
    metadata,
    Column("singleton", Number, CheckConstraint("singleton = 0"), primary_key=True, autoincrement=False),
    Column("moved_at", Number, nullable=False),
    sqlite_strict=True,
)
"""Has a row once the ledger was moved to another place: nothing is signed from it any more."""

_ended = text("content_id IS NULL AND copied_content IS NULL AND status IN ('refused', 'expired', 'declined')")
_stored = text("is_stored = 1")
_copied = text("copied_content IS NOT NULL")
Index("offers_by_status", offers.c.status, offers.c.updated_at)
Index("offers_by_quote", offers.c.status, offers.c.quoted_until)
Index("offers_by_seller", offers.c.seller, offers.c.status)
Index("offers_stored", offers.c.status, offers.c.updated_at, sqlite_where=_stored, postgresql_where=_stored)
Index("offers_by_model", offers.c.model_id, offers.c.status, sqlite_where=_stored, postgresql_where=_stored)
Index("offers_unevaluated", offers.c.updated_at, sqlite_where=_ended, postgresql_where=_ended)
Index(
    "offers_of_copies",
    offers.c.model_id,
    offers.c.copied_content,
    offers.c.seller,
    sqlite_where=_copied,
    postgresql_where=_copied,
)
Index("quotes_by_pair", quotes.c.model_id, quotes.c.content_id, quotes.c.expiry)
Index("blind_quotes_by_seller", blind_quotes.c.model_id, blind_quotes.c.seller)
Index("logins_by_end", logins.c.expires_at)
Index("orders_by_status", orders.c.chain_status, orders.c.updated_at)
