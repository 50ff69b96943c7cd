"""The tables of evaluations, of the records that were part of one, of the quotes signed for one, and of blind quotes.

One evaluation per (model, content) pair, never changed and never deleted: triggers in the tables hold it. A blind quote
has one price, which is recorded before its seller learns it.
"""

from collections.abc import Callable, Iterable

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    LargeBinary,
    any_,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from assay.protocol.messages import AppraisalSummary, OfferStatus
from assay.protocol.types import ContentId, ModelId, OfferId
from assay_oracle.errors import OfferUnknown, RecordsPricedMeanwhile, TooManyOffers
from assay_oracle.ledger.database import Database, atomic
from assay_oracle.ledger.offers import OfferTable
from assay_oracle.ledger.tables import blind_quotes, evaluations, offers, quotes, records
from assay_oracle.ledger.values import ALREADY_EVALUATED, BlindSession, Evaluation, Offer, SignedQuote

_COLUMNS = ("model_id", "content_id", "offer_id", "seller", "data_root", "price", "digest")
_EVALUATIONS = select(*(evaluations.c[name] for name in _COLUMNS))
_PAIR = (evaluations.c.model_id == bindparam("model"), evaluations.c.content_id == bindparam("content"))
_FIND = _EVALUATIONS.where(*_PAIR)
_INSERT = insert(evaluations)
_QUOTES = (
    select(quotes.c.expiry, quotes.c.digest, quotes.c.signature)
    .where(quotes.c.model_id == bindparam("model"), quotes.c.content_id == bindparam("content"))
    .order_by(quotes.c.expiry.desc())
)
_QUOTED = select(evaluations.c.offer_id).where(*_PAIR).scalar_subquery()
_EXPIRY = bindparam("expiry", type_=BigInteger)
_QUOTED_UNTIL = (
    update(offers)
    .where(offers.c.offer_id == _QUOTED)
    .values(quoted_until=case((offers.c.quoted_until < _EXPIRY, _EXPIRY), else_=offers.c.quoted_until))
)
_LOOKUP_BATCH = 500
_TAGGED = select(records.c.tag).where(records.c.model_id == bindparam("model"))
_TAGGED_IN_BATCH = _TAGGED.where(records.c.tag.in_(bindparam("tags", expanding=True)))
_TAGGED_IN_ARRAY = _TAGGED.where(records.c.tag == any_(bindparam("tags", type_=ARRAY(LargeBinary))))

_BLIND = blind_quotes.c
_IS_OPEN = _BLIND.price.is_(None) & _BLIND.code.is_(None)


class EvaluationTable:
    """Evaluations by pair, with their signed quotes."""

    def __init__(self, database: Database, offers: OfferTable, now: Callable[[], int]) -> None:
        self._database = database
        self._offers = offers
        self._now = now

    def find(self, model_id: ModelId, content_id: ContentId) -> Evaluation | None:
        """The evaluation of a pair; None if the pair was never evaluated."""
        row = self._database.row(_FIND, model=model_id, content=content_id)
        return Evaluation(**row._mapping) if row else None

    def of(self, offer: Offer) -> Evaluation | None:
        """The evaluation that an offer led to; None before it is priced."""
        return self.find(offer.model_id, offer.content_id) if offer.content_id is not None else None

    def appraisal(self, offer: Offer) -> bytes:
        """Canonical JSON of the appraisal of an evaluated offer: some 20 bytes for each of its distinct records."""
        query = select(evaluations.c.appraisal).where(*_PAIR)
        return bytes(self._database.only(query, model=offer.model_id, content=offer.content_id)[0])

    def answered(self, model_id: ModelId, content_id: ContentId, seller: str) -> bool:
        """Whether ``seller`` has an answer about this pair: its evaluation, or the word that it has no value."""
        evaluation = self.find(model_id, content_id)
        is_own = evaluation is not None and evaluation.seller == seller
        return is_own or self._offers.has_copied(model_id, content_id, seller)

    def priced_tags(self, model_id: ModelId, tags: Iterable[bytes]) -> set[bytes]:
        """The subset of ``tags`` whose record was part of an evaluation for this model."""
        wanted = list(set(tags))
        if self._database.dialect == "postgresql":
            return {row.tag for row in self._database.rows(_TAGGED_IN_ARRAY, model=model_id, tags=wanted)}
        batches = (wanted[start : start + _LOOKUP_BATCH] for start in range(0, len(wanted), _LOOKUP_BATCH))
        return {
            row.tag for batch in batches for row in self._database.rows(_TAGGED_IN_BATCH, model=model_id, tags=batch)
        }

    @atomic
    def add(
        self, evaluation: Evaluation, tags: Iterable[bytes], summary: AppraisalSummary, *, appraisal: bytes, known: int
    ) -> Offer:
        """Records an evaluation, its appraisal, its record tags and the offer's new state in one transaction.

        A blind quote of this price is borne out. The offer becomes ``quoted``, or ``declined`` at a price of 0. If the
        pair was evaluated before, nothing is
        recorded and the offer becomes ``refused``; nor is anything recorded of an offer that the operator dropped
        meanwhile: its records can be offered again. If the seller declined meanwhile, the offer stays declined and the
        evaluation is recorded all the same.

        Args:
            evaluation: The evaluation.
            tags: Of the records that were evaluated.
            summary: What the seller learns.
            appraisal: Canonical JSON.
            known: Number of distinct ``tags`` that were part of an evaluation when these records were appraised.

        Raises:
            RecordsPricedMeanwhile: More of them are by now: in another offer, which was priced side by side.
            ClaimLost: Another replica took the offer over.
        """
        if self.answered(evaluation.model_id, evaluation.content_id, evaluation.seller):
            return self._offers.refuse(evaluation.offer_id, *ALREADY_EVALUATED)
        if self.find(evaluation.model_id, evaluation.content_id) is not None:
            return self._offers.decline_copy(evaluation.offer_id, evaluation.content_id, summary)
        offer = self._offers.get(evaluation.offer_id)
        if offer.status is OfferStatus.REFUSED:
            return offer
        values = {name: getattr(evaluation, name) for name in _COLUMNS}
        self._database.execute(_INSERT, **values, appraisal=appraisal, made_at=self._now())
        distinct = sorted(set(tags))  # in the order of the table, which takes a third of the time
        added = self._add_records(evaluation.model_id, distinct)
        if added != len(distinct) - known:
            raise RecordsPricedMeanwhile(
                f"expected {len(distinct) - known} records that no offer had before, got {added}; nothing was recorded"
            )
        borne_out = update(blind_quotes).where(_BLIND.offer_id == evaluation.offer_id, _BLIND.price == evaluation.price)
        self._database.execute(borne_out.values(is_borne_out=1))
        return self._offers.mark_evaluated(
            evaluation.offer_id, evaluation.content_id, summary, price=evaluation.price, distinct=len(distinct)
        )

    def _add_records(self, model_id: ModelId, tags: list[bytes]) -> int:
        """Adds the tags that are new; their number."""
        if self._database.dialect == "postgresql":  # one message for all of them
            query = "INSERT INTO records SELECT %s, unnest(%s) ON CONFLICT DO NOTHING"
            return self._database.driver_execute(query, (model_id, tags))
        query = "INSERT OR IGNORE INTO records VALUES (?, ?)"
        return self._database.driver_execute(query, [(model_id, tag) for tag in tags])

    # --- quotes -------------------------------------------------------------------------------------------------------

    @atomic
    def add_quote(self, signed: SignedQuote) -> None:
        """Records a signed quote."""
        quote = signed.quote
        row = {
            "digest": signed.digest,
            "model_id": quote.model_id,
            "content_id": quote.content_id,
            "expiry": quote.expiry,
            "signature": signed.signature,
        }
        self._database.execute(self._database.upsert(quotes, row).on_conflict_do_nothing())
        self._database.execute(_QUOTED_UNTIL, model=quote.model_id, content=quote.content_id, expiry=quote.expiry)

    def quotes(self, evaluation: Evaluation) -> list[SignedQuote]:
        """All signed quotes of a pair, which differ in their expiry alone; the latest expiry comes first."""
        rows = self._database.rows(_QUOTES, model=evaluation.model_id, content=evaluation.content_id)
        return [SignedQuote(evaluation.quote(row.expiry), row.digest, row.signature) for row in rows]

    def unquoted(self, time: int) -> list[Evaluation]:
        """Evaluations of quoted offers that have no signed quote which expires after ``time``."""
        query = (
            _EVALUATIONS.join(offers, offers.c.offer_id == evaluations.c.offer_id)
            .where(offers.c.status == OfferStatus.QUOTED, offers.c.quoted_until <= time)
            .order_by(offers.c.quoted_until, offers.c.number)
        )
        return [Evaluation(**row._mapping) for row in self._database.rows(query)]


class BlindTable:
    """The ``BlindLedger`` in one table of the journal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @atomic
    def add(self, session: BlindSession, *, most: int, now: int) -> BlindSession:
        """Records a session; returns the recorded one if this id is known. Forgets those that expired without a price.

        Raises:
            TooManyOffers: The seller has ``most`` others for this model that are not borne out by data.
        """
        self._database.execute(delete(blind_quotes).where(_IS_OPEN, _BLIND.expires_at < now))
        found = self.find(session.offer_id)
        if found is not None:
            return found
        if self._unborne(session, _BLIND.seller == session.seller) >= most:
            raise TooManyOffers(
                f"expected at most {most} blind quotes of a seller for a model that no data bear out, got one more",
                hint="sell data at one of them (assay sell); one whose price was not asked for expires",
            )
        names = ("offer_id", "model_id", "seller", "data_root", "records", "expires_at")
        self._database.execute(insert(blind_quotes).values({name: getattr(session, name) for name in names}))
        return session

    def find(self, offer_id: OfferId) -> BlindSession | None:
        """The session of an offer; None if it does not exist."""
        row = self._database.row(select(blind_quotes).where(_BLIND.offer_id == offer_id))
        return BlindSession(**{**row._mapping, "is_borne_out": bool(row.is_borne_out)}) if row else None

    @atomic
    def conclude(
        self, offer_id: OfferId, *, price: int | None, code: str | None, expires_at: int, most: int
    ) -> BlindSession:
        """Records the price of a session, or why it has none; a session that has either keeps it.

        Raises:
            OfferUnknown: It does not exist: it expired.
            TooManyOffers: The model has ``most`` others with a price that are not borne out by data.
        """
        found = self.find(offer_id)
        if found is None:
            raise OfferUnknown(
                f"expected a blind quote with id 0x{offer_id.hex()}, there is none: it expired",
                hint="ask for it again; nothing was used up",
            )
        if not found.has_ended and self._unborne(found, ~_IS_OPEN) >= most:
            raise TooManyOffers(
                f"expected at most {most} blind prices of a model that no data bear out, got one more",
                hint="offer the data: assay sell",
            )
        change = update(blind_quotes).where(_BLIND.offer_id == offer_id, _IS_OPEN)
        self._database.execute(change.values(price=price, code=code, expires_at=expires_at))
        return self.find(offer_id) or found

    def _unborne(self, session: BlindSession, *which: ColumnElement[bool]) -> int:
        """How many sessions for the model of one are not borne out by data, among ``which``."""
        of_model = (_BLIND.model_id == session.model_id, _BLIND.is_borne_out == 0)
        count: int = self._database.only(select(func.count()).select_from(blind_quotes).where(*of_model, *which))[0]
        return count
