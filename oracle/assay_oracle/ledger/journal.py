"""The database: what was offered, evaluated, quoted and posted. What it holds decides; nothing is decided in memory.

Every method is one transaction, on the disk when it returns, so that a crash between any two lines leaves a state to
go on from. The rules that must hold whatever the code above does are in the tables: one evaluation per (model, content)
pair, never changed, never deleted.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from assay.chain.values import PostedOrder
from assay.protocol.messages import AppraisalSummary, OfferRequest, OfferStatus
from assay.protocol.structs import Order, Quote, Status
from assay_oracle.errors import JournalError, TooManyOffers
from assay_oracle.ledger.tables import MIGRATIONS

OPEN = (OfferStatus.UPLOADING, OfferStatus.PRICING)
_CLOSED = (Status.PAID, Status.DISPUTED, Status.REFUNDED)
_LOOKUP_BATCH = 500


@dataclass(frozen=True)
class Offer:
    """One offer. ``accepted_quote`` is the digest of the quote that ``acceptance`` is a signature for."""

    offer_id: bytes
    model_id: bytes
    seller: str
    data_root: bytes
    upload_bytes: int
    sealed_key: str
    status: OfferStatus
    code: str | None
    reason: str | None
    attempts: int
    content_id: bytes | None
    summary: AppraisalSummary | None
    key_hash: bytes | None
    acceptance: bytes | None
    cooperative: bool
    accepted_quote: bytes | None
    updated_at: int
    opened_at: int

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """An offer from its row."""
        values = dict(row)
        values["status"] = OfferStatus(row["status"])
        values["cooperative"] = bool(row["cooperative"])
        if row["summary"] is not None:
            values["summary"] = AppraisalSummary.model_validate_json(row["summary"])
        return cls(**values)


@dataclass(frozen=True)
class Evaluation:
    """The one evaluation of a (model, content) pair. ``price`` in base units, ``digest`` of ``appraisal``."""

    model_id: bytes
    content_id: bytes
    offer_id: bytes
    seller: str
    data_root: bytes
    price: int
    digest: bytes
    appraisal: bytes

    def quote(self, expiry: int) -> Quote:
        """The quote that follows from the evaluation; nothing but ``expiry`` is left to choose."""
        return Quote(
            model_id=self.model_id,
            content_id=self.content_id,
            seller=self.seller,
            data_root=self.data_root,
            price=self.price,
            expiry=expiry,
            evaluation=self.digest,
        )


@dataclass(frozen=True)
class SignedQuote:
    """A quote with the oracle's signature over ``digest``."""

    quote: Quote
    digest: bytes
    signature: bytes


@dataclass(frozen=True)
class Sale:
    """A posted order, with what the two sides left for each other."""

    order_id: bytes
    offer_id: bytes
    order: Order
    block: int
    transaction: bytes
    chain_status: Status
    key_envelope: str | None
    receipt: bytes | None
    acknowledgement: bytes | None
    updated_at: int

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """A sale from its row."""
        values = dict(row)
        values["order"] = Order.model_validate_json(values.pop("content"))
        values["transaction"] = values.pop("posting")
        values["chain_status"] = Status(row["chain_status"])
        return cls(**values)


class Journal:
    """The database at ``path``, made or brought to the present version if need be.

    Args:
        path: SQLite file. A second process on the same file is refused: two would answer for one oracle.
        now: unix time.

    Raises:
        JournalError: in use, damaged, or written by a newer version.
    """

    def __init__(self, path: Path, *, now: Callable[[], int]) -> None:
        self._now = now
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._claim = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._claim)
            raise JournalError(
                f"expected to be alone with {path}, but another process holds it",
                hint="stop the other daemon; two on one journal could sell one data set twice",
            ) from None
        except OSError as error:
            os.close(self._claim)
            raise JournalError(
                f"cannot lock {path}: {error.strerror}", hint="keep the journal on a local disk, which has locks"
            ) from None
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        try:
            self._prepare(path)
        except BaseException:
            self.close()
            raise

    def _prepare(self, path: Path) -> None:
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
                self._database.execute(f"PRAGMA {pragma}")
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise JournalError(
                    f"expected a journal of version {len(MIGRATIONS)} or less at {path}, got version {version}",
                    hint="run the version of assay-oracle that wrote it, or a newer one",
                )
            for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
                self._database.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
        except sqlite3.DatabaseError as error:
            raise JournalError(
                f"cannot read the journal at {path}: {error}",
                hint="repair it (sqlite3 .recover); never start afresh: the oracle would sign second prices",
            ) from None

    def close(self) -> None:
        """Lets go of the database."""
        self._database.close()
        os.close(self._claim)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                # A full disk rolls back by itself; a second time would hide it.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def _row(self, query: str, *values: Any) -> sqlite3.Row | None:
        with self._lock:
            row: sqlite3.Row | None = self._database.execute(query, values).fetchone()
            return row

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._database.execute(query, values).fetchall()

    # --- offers -------------------------------------------------------------------------------------------------------

    def add_offer(
        self, offer_id: bytes, request: OfferRequest, *, per_seller: int, in_all: int, max_bytes: int
    ) -> Offer:
        """Records a new offer; if there is one of this id, that one is returned.

        Raises:
            TooManyOffers: the seller has ``per_seller`` offers open, or all sellers together ``in_all``; or the
                seller's offers that are open or quoted would take more than ``max_bytes``.
        """
        with self._transaction() as database:
            if self.offer(offer_id) is None:
                self._check_room(request.seller, per_seller, in_all)
                self._check_bytes(request, max_bytes)
                database.execute(
                    "INSERT INTO offers (offer_id, model_id, seller, data_root, upload_bytes, sealed_key, status,"
                    " updated_at, opened_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        offer_id,
                        request.model_id,
                        request.seller,
                        request.data_root,
                        request.upload_bytes,
                        request.sealed_key,
                        OfferStatus.UPLOADING,
                        self._now(),
                        self._now(),
                    ),
                )
        return self._known(offer_id)

    def _check_room(self, seller: str, per_seller: int, in_all: int) -> None:
        counted = self._row(
            "SELECT count(*) AS everyone, coalesce(sum(seller = ?), 0) AS own FROM offers WHERE status IN (?, ?)",
            seller,
            *OPEN,
        )
        assert counted is not None
        if counted["own"] >= per_seller:
            raise TooManyOffers(
                f"expected at most {per_seller} open offers of one seller, {seller} has {counted['own']}",
                hint="finish an upload or decline an offer first; an upload left alone expires",
            )
        if counted["everyone"] >= in_all:
            raise TooManyOffers(f"the oracle has {counted['everyone']} offers open, as many as it takes", hint="later")

    def _check_bytes(self, request: OfferRequest, max_bytes: int) -> None:
        held = self._row(
            "SELECT coalesce(sum(upload_bytes), 0) AS bytes FROM offers WHERE seller = ? AND status IN (?, ?, ?)",
            request.seller,
            *OPEN,
            OfferStatus.QUOTED,
        )
        assert held is not None
        if held["bytes"] + request.upload_bytes > max_bytes:
            raise TooManyOffers(
                f"expected the open and quoted offers of one seller to take at most {max_bytes} bytes, "
                f"{request.seller} holds {held['bytes']} and asks for {request.upload_bytes}",
                hint="accept or decline a quote first",
            )

    def offer(self, offer_id: bytes) -> Offer | None:
        """The offer of this id."""
        row = self._row("SELECT * FROM offers WHERE offer_id = ?", offer_id)
        return Offer.of(row) if row else None

    def _known(self, offer_id: bytes) -> Offer:
        offer = self.offer(offer_id)
        assert offer is not None
        return offer

    def offers(self, *statuses: OfferStatus) -> list[Offer]:
        """Offers in one of ``statuses``, the longest waiting first."""
        marks = ", ".join("?" for _ in statuses)
        query = f"SELECT * FROM offers WHERE status IN ({marks}) ORDER BY updated_at, rowid"  # noqa: S608
        return [Offer.of(row) for row in self._rows(query, *statuses)]

    def beside(self, model_id: bytes, seller: str, time: int) -> tuple[list[Offer], list[Offer]]:
        """Offers for a model to price another one of ``seller`` jointly with: others', and the seller's own.

        Others' count once they are sold, the key revealed or the price paid: a locked order may come to nothing. The
        seller's own count as soon as they are quoted, and after that as long as they can be posted at chain ``time``;
        none counts whose payment went back.
        """
        rows = self._rows(
            "SELECT offers.* FROM offers LEFT JOIN orders USING (offer_id) WHERE model_id = ? AND CASE"
            " WHEN seller != ? THEN status = ? AND chain_status IN (?, ?)"
            " WHEN status IN (?, ?) THEN EXISTS (SELECT 1 FROM quotes WHERE quotes.model_id = offers.model_id"
            " AND quotes.content_id = offers.content_id AND quotes.expiry >= ?)"
            " ELSE status IN (?, ?, ?) AND coalesce(chain_status NOT IN (?, ?), TRUE) END"
            " ORDER BY offers.updated_at DESC, offers.rowid",
            model_id,
            seller,
            OfferStatus.POSTED,
            Status.REVEALED,
            Status.PAID,
            OfferStatus.DECLINED,
            OfferStatus.EXPIRED,
            time,
            OfferStatus.QUOTED,
            OfferStatus.ACCEPTED,
            OfferStatus.POSTED,
            Status.DISPUTED,
            Status.REFUNDED,
        )
        offers = [Offer.of(row) for row in rows]
        return [o for o in offers if o.seller != seller], [o for o in offers if o.seller == seller]

    def _move(self, offer_id: bytes, origin: Sequence[OfferStatus], target: OfferStatus, **values: Any) -> Offer:
        """Changes an offer's state if it is in one of ``origin``; the offer as it then is comes back either way."""
        values = {"code": None, "reason": None} | values | {"status": target, "updated_at": self._now()}
        assignments = ", ".join(f"{name} = ?" for name in values)
        marks = ", ".join("?" for _ in origin)
        query = f"UPDATE offers SET {assignments} WHERE offer_id = ? AND status IN ({marks})"  # noqa: S608
        with self._lock:
            if self._database.in_transaction:
                self._database.execute(query, (*values.values(), offer_id, *origin))
            else:
                with self._transaction() as database:
                    database.execute(query, (*values.values(), offer_id, *origin))
            return self._known(offer_id)

    def touch(self, offer_id: bytes) -> None:
        """The upload went on."""
        with self._transaction() as database:
            database.execute(
                "UPDATE offers SET updated_at = ? WHERE offer_id = ? AND status = ?",
                (self._now(), offer_id, OfferStatus.UPLOADING),
            )

    def uploaded(self, offer_id: bytes) -> Offer:
        """The last byte is on the disk: the offer waits for its price."""
        return self._move(offer_id, [OfferStatus.UPLOADING], OfferStatus.PRICING)

    def expire(self, offer_id: bytes, code: str, reason: str) -> Offer:
        """An upload, or a quote, was left alone for too long."""
        origin = [OfferStatus.UPLOADING, OfferStatus.QUOTED]
        return self._move(offer_id, origin, OfferStatus.EXPIRED, code=code, reason=reason)

    def refuse(self, offer_id: bytes, code: str, reason: str) -> Offer:
        """The data cannot be priced; no evaluation was made."""
        return self._move(offer_id, OPEN, OfferStatus.REFUSED, code=code, reason=reason)

    def decline(self, offer_id: bytes) -> Offer:
        """The seller says no."""
        origin = [OfferStatus.UPLOADING, OfferStatus.PRICING, OfferStatus.QUOTED]
        reason = "the seller declined"
        return self._move(offer_id, origin, OfferStatus.DECLINED, code="seller_declined", reason=reason)

    # --- evaluations --------------------------------------------------------------------------------------------------

    def begin_attempt(self, offer_id: bytes) -> int:
        """Counts an attempt at pricing before it is made, so that data which kills the process is noticed."""
        with self._transaction() as database:
            database.execute("UPDATE offers SET attempts = attempts + 1 WHERE offer_id = ?", (offer_id,))
        return self._known(offer_id).attempts

    def take_attempt_back(self, offer_id: bytes) -> None:
        """Counts one attempt less: what failed was the oracle's disk, not the data."""
        with self._transaction() as database:
            database.execute("UPDATE offers SET attempts = attempts - 1 WHERE offer_id = ?", (offer_id,))

    def evaluation(self, model_id: bytes, content_id: bytes) -> Evaluation | None:
        """The evaluation of a pair, if it was made."""
        row = self._row(
            "SELECT model_id, content_id, offer_id, seller, data_root, price, digest, appraisal FROM evaluations"
            " WHERE model_id = ? AND content_id = ?",
            model_id,
            content_id,
        )
        return Evaluation(**{**dict(row), "price": int(row["price"])}) if row else None

    def priced_tags(self, model_id: bytes, tags: Iterable[bytes]) -> set[bytes]:
        """Those of ``tags`` whose record was part of an evaluation for this model."""
        wanted = list(set(tags))
        found: set[bytes] = set()
        for start in range(0, len(wanted), _LOOKUP_BATCH):
            batch = wanted[start : start + _LOOKUP_BATCH]
            marks = ", ".join("?" for _ in batch)
            query = f"SELECT tag FROM records WHERE model_id = ? AND tag IN ({marks})"  # noqa: S608
            found.update(row["tag"] for row in self._rows(query, model_id, *batch))
        return found

    def add_evaluation(self, evaluation: Evaluation, tags: Iterable[bytes], summary: AppraisalSummary) -> Offer:
        """Uses a pair up: evaluation, record tags and the offer's new state, all or nothing.

        The offer becomes ``quoted``, or ``declined`` at a price of 0. If the pair was evaluated before, by whatever
        offer, nothing is stored and the offer becomes ``refused``. An offer that the seller declined meanwhile stays
        so, and its evaluation is used up.
        """
        with self._transaction() as database:
            if self.evaluation(evaluation.model_id, evaluation.content_id) is not None:
                return self.refuse(evaluation.offer_id, *ALREADY_EVALUATED)
            database.execute(
                "INSERT INTO evaluations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    evaluation.model_id,
                    evaluation.content_id,
                    evaluation.offer_id,
                    evaluation.seller,
                    evaluation.data_root,
                    str(evaluation.price),
                    evaluation.digest,
                    evaluation.appraisal,
                    self._now(),
                ),
            )
            database.executemany(
                "INSERT OR IGNORE INTO records VALUES (?, ?)", ((evaluation.model_id, tag) for tag in tags)
            )
            values: dict[str, Any] = {"content_id": evaluation.content_id, "summary": summary.model_dump_json()}
            if evaluation.price:
                return self._move(evaluation.offer_id, [OfferStatus.PRICING], OfferStatus.QUOTED, **values)
            values |= {"code": "no_value", "reason": "the data is worth nothing to this model"}
            return self._move(evaluation.offer_id, [OfferStatus.PRICING], OfferStatus.DECLINED, **values)

    # --- quotes -------------------------------------------------------------------------------------------------------

    def add_quote(self, signed: SignedQuote) -> None:
        """Records a signature that was made."""
        quote = signed.quote
        with self._transaction() as database:
            database.execute(
                "INSERT OR IGNORE INTO quotes VALUES (?, ?, ?, ?, ?)",
                (signed.digest, quote.model_id, quote.content_id, quote.expiry, signed.signature),
            )

    def quotes(self, evaluation: Evaluation) -> list[SignedQuote]:
        """All quotes of a pair, which differ in their expiry alone; the one that lives longest comes first."""
        rows = self._rows(
            "SELECT * FROM quotes WHERE model_id = ? AND content_id = ? ORDER BY expiry DESC",
            evaluation.model_id,
            evaluation.content_id,
        )
        return [SignedQuote(evaluation.quote(row["expiry"]), row["digest"], row["signature"]) for row in rows]

    # --- orders -------------------------------------------------------------------------------------------------------

    def accept(self, offer_id: bytes, *, quote: bytes, key_hash: bytes, signature: bytes, cooperative: bool) -> Offer:
        """The seller said yes to the quote of digest ``quote``; the order is to be posted."""
        return self._move(
            offer_id,
            [OfferStatus.QUOTED],
            OfferStatus.ACCEPTED,
            accepted_quote=quote,
            key_hash=key_hash,
            acceptance=signature,
            cooperative=int(cooperative),
        )

    def unaccept(self, offer_id: bytes, code: str, reason: str) -> Offer:
        """The order could not be posted; the seller may accept again."""
        return self._move(offer_id, [OfferStatus.ACCEPTED], OfferStatus.QUOTED, code=code, reason=reason)

    def add_sale(self, offer_id: bytes, posted: PostedOrder) -> Offer:
        """The order was found on chain, whoever posted it; a reorganised one replaces what was noted before."""
        with self._transaction() as database:
            database.execute(
                "INSERT INTO orders (order_id, offer_id, content, block, posting, chain_status, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (order_id) DO UPDATE SET content = excluded.content, block = excluded.block,"
                " posting = excluded.posting, updated_at = excluded.updated_at",
                (
                    posted.order.order_id(),
                    offer_id,
                    posted.order.model_dump_json(),
                    posted.block,
                    posted.transaction,
                    Status.LOCKED,
                    self._now(),
                ),
            )
            origin = [OfferStatus.QUOTED, OfferStatus.ACCEPTED, OfferStatus.DECLINED, OfferStatus.EXPIRED]
            return self._move(offer_id, origin, OfferStatus.POSTED)

    def remove_sale(self, sale: Sale) -> Offer:
        """A reorganisation took the order off the chain: it is to be posted again, if it was accepted here."""
        offer = self._known(sale.offer_id)
        target = OfferStatus.ACCEPTED if offer.acceptance else OfferStatus.QUOTED
        with self._transaction() as database:
            database.execute("DELETE FROM orders WHERE order_id = ?", (sale.order_id,))
            return self._move(sale.offer_id, [OfferStatus.POSTED], target)

    def sale(self, order_id: bytes) -> Sale | None:
        """The sale of this order."""
        row = self._row("SELECT * FROM orders WHERE order_id = ?", order_id)
        return Sale.of(row) if row else None

    def sale_of(self, offer_id: bytes) -> Sale | None:
        """The sale that an offer led to."""
        row = self._row("SELECT * FROM orders WHERE offer_id = ?", offer_id)
        return Sale.of(row) if row else None

    def sales(self, *, since: int = 0) -> list[Sale]:
        """Sales whose order is not closed, or was noted to be at ``since`` or later."""
        rows = self._rows(
            "SELECT * FROM orders WHERE chain_status NOT IN (?, ?, ?) OR updated_at >= ? ORDER BY updated_at",
            *_CLOSED,
            since,
        )
        return [Sale.of(row) for row in rows]

    def closed_sales(self, *, before: int) -> list[Sale]:
        """Sales that were noted to be closed before a time."""
        query = "SELECT * FROM orders WHERE chain_status IN (?, ?, ?) AND updated_at < ?"
        return [Sale.of(row) for row in self._rows(query, *_CLOSED, before)]

    def note(self, order_id: bytes, **values: Any) -> Sale:
        """Sets columns of a sale: its place on chain, ``chain_status``, ``key_envelope``, what the buyer signed."""
        values["updated_at"] = self._now()
        assignments = ", ".join(f"{name} = ?" for name in values)
        with self._transaction() as database:
            query = f"UPDATE orders SET {assignments} WHERE order_id = ?"  # noqa: S608
            database.execute(query, (*values.values(), order_id))
        sale = self.sale(order_id)
        assert sale is not None
        return sale


ALREADY_EVALUATED = (
    "already_evaluated",
    "these records were priced for this model before, and that happens once; offer records that it has not seen",
)
