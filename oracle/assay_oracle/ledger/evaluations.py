"""The tables of evaluations, of the records that were part of one, and of the quotes signed for one.

One evaluation per (model, content) pair, never changed and never deleted: triggers in the tables hold it.
"""

from collections.abc import Callable, Iterable

from assay.protocol.messages import AppraisalSummary, OfferStatus
from assay.protocol.types import ContentId, ModelId
from assay_oracle.ledger.database import Database, marks
from assay_oracle.ledger.offers import OfferTable
from assay_oracle.ledger.values import ALREADY_EVALUATED, Evaluation, Offer, SignedQuote

_COLUMNS = "model_id, content_id, offer_id, seller, data_root, price, digest"
_LOOKUP_BATCH = 500


class EvaluationTable:
    """Evaluations by pair, with their signed quotes."""

    def __init__(self, database: Database, offers: OfferTable, now: Callable[[], int]) -> None:
        self._database = database
        self._offers = offers
        self._now = now

    def find(self, model_id: ModelId, content_id: ContentId) -> Evaluation | None:
        """The evaluation of a pair; None if the pair was never evaluated."""
        row = self._database.row(
            f"SELECT {_COLUMNS} FROM evaluations WHERE model_id = ? AND content_id = ?",  # noqa: S608
            model_id,
            content_id,
        )
        return Evaluation(**{**dict(row), "price": int(row["price"])}) if row else None

    def of(self, offer: Offer) -> Evaluation | None:
        """The evaluation that an offer led to; None before it is priced."""
        return self.find(offer.model_id, offer.content_id) if offer.content_id is not None else None

    def appraisal(self, offer: Offer) -> bytes:
        """Canonical JSON of the appraisal of an evaluated offer: some 20 bytes for each of its distinct records."""
        row = self._database.row(
            "SELECT appraisal FROM evaluations WHERE model_id = ? AND content_id = ?", offer.model_id, offer.content_id
        )
        assert row is not None
        return bytes(row["appraisal"])

    def answered(self, model_id: ModelId, content_id: ContentId, seller: str) -> bool:
        """Whether ``seller`` has an answer about this pair: its evaluation, or the word that it has no value."""
        evaluation = self.find(model_id, content_id)
        is_own = evaluation is not None and evaluation.seller == seller
        return is_own or self._offers.has_copied(model_id, content_id, seller)

    def priced_tags(self, model_id: ModelId, tags: Iterable[bytes]) -> set[bytes]:
        """The subset of ``tags`` whose record was part of an evaluation for this model."""
        wanted = list(set(tags))
        found: set[bytes] = set()
        for start in range(0, len(wanted), _LOOKUP_BATCH):
            batch = wanted[start : start + _LOOKUP_BATCH]
            query = f"SELECT tag FROM records WHERE model_id = ? AND tag IN ({marks(len(batch))})"  # noqa: S608
            found.update(row["tag"] for row in self._database.rows(query, model_id, *batch))
        return found

    def add(
        self, evaluation: Evaluation, tags: Iterable[bytes], summary: AppraisalSummary, *, appraisal: bytes
    ) -> Offer:
        """Records an evaluation, its appraisal, its record tags and the offer's new state in one transaction.

        The offer becomes ``quoted``, or ``declined`` at a price of 0. If the pair was evaluated before, nothing is
        recorded and the offer becomes ``refused``; nor is anything recorded of an offer that the operator dropped
        meanwhile: its records can be offered again. If the seller declined meanwhile, the offer stays declined and the
        evaluation is recorded all the same.
        """
        with self._database.transaction():
            if self.answered(evaluation.model_id, evaluation.content_id, evaluation.seller):
                return self._offers.refuse(evaluation.offer_id, *ALREADY_EVALUATED)
            if self.find(evaluation.model_id, evaluation.content_id) is not None:
                return self._offers.decline_copy(evaluation.offer_id, evaluation.content_id, summary)
            offer = self._offers.get(evaluation.offer_id)
            if offer.status is OfferStatus.REFUSED:
                return offer
            self._database.execute(
                f"INSERT INTO evaluations ({_COLUMNS}, appraisal, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                evaluation.model_id,
                evaluation.content_id,
                evaluation.offer_id,
                evaluation.seller,
                evaluation.data_root,
                str(evaluation.price),
                evaluation.digest,
                appraisal,
                self._now(),
            )
            distinct = sorted(set(tags))  # in the order of the table, which takes a third of the time
            self._database.execute_many(
                "INSERT OR IGNORE INTO records VALUES (?, ?)", [(evaluation.model_id, tag) for tag in distinct]
            )
            return self._offers.mark_evaluated(
                evaluation.offer_id, evaluation.content_id, summary, price=evaluation.price, distinct=len(distinct)
            )

    # --- quotes -------------------------------------------------------------------------------------------------------

    def add_quote(self, signed: SignedQuote) -> None:
        """Records a signed quote."""
        quote = signed.quote
        with self._database.transaction():
            self._database.execute(
                "INSERT OR IGNORE INTO quotes VALUES (?, ?, ?, ?, ?)",
                signed.digest,
                quote.model_id,
                quote.content_id,
                quote.expiry,
                signed.signature,
            )
            self._database.execute(
                "UPDATE offers SET quoted_until = max(quoted_until, ?) WHERE offer_id ="
                " (SELECT offer_id FROM evaluations WHERE model_id = ? AND content_id = ?)",
                quote.expiry,
                quote.model_id,
                quote.content_id,
            )

    def quotes(self, evaluation: Evaluation) -> list[SignedQuote]:
        """All signed quotes of a pair, which differ in their expiry alone; the latest expiry comes first."""
        rows = self._database.rows(
            "SELECT * FROM quotes WHERE model_id = ? AND content_id = ? ORDER BY expiry DESC",
            evaluation.model_id,
            evaluation.content_id,
        )
        return [SignedQuote(evaluation.quote(row["expiry"]), row["digest"], row["signature"]) for row in rows]

    def unquoted(self, time: int) -> list[Evaluation]:
        """Evaluations of quoted offers that have no signed quote which expires after ``time``."""
        rows = self._database.rows(
            "SELECT model_id, content_id FROM offers WHERE status = ? AND quoted_until <= ? ORDER BY quoted_until",
            OfferStatus.QUOTED,
            time,
        )
        found = (self.find(row["model_id"], row["content_id"]) for row in rows)
        return [evaluation for evaluation in found if evaluation is not None]
