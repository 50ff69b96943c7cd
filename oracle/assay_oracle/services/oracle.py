"""Composes the services over one catalogue, one ledger and one chain, and runs all that is due."""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from assay.chain.port import Chain
from assay.errors import AssayError, NodeUnreachable
from assay.protocol.messages import OfferStatus
from assay.protocol.types import OfferId
from assay_oracle.ledger.content import ContentDigests
from assay_oracle.ledger.values import Offer, Sale
from assay_oracle.log import about, following
from assay_oracle.services.blind import BlindQuotes
from assay_oracle.services.catalogue import Catalogue
from assay_oracle.services.clock import Clock
from assay_oracle.services.delivery import Delivery
from assay_oracle.services.escrow import Escrow
from assay_oracle.services.evaluation import Evaluator
from assay_oracle.services.offers import Offers
from assay_oracle.services.ports import BlobStore, Ledger, Scratch, Signer
from assay_oracle.services.posting import Posting
from assay_oracle.services.pricing.proofs import Proofs
from assay_oracle.services.quotes import Quotes
from assay_oracle.services.retention import Retention
from assay_oracle.services.uploads import Uploads
from assay_oracle.services.watching import Watching
from assay_oracle.settings import Settings

log = logging.getLogger(__name__)

Subject = TypeVar("Subject", Offer, Sale)


class Oracle:
    """Everything that the oracle does, without HTTP and without a loop.

    Args:
        catalogue: The models that it prices for.
        ledger: What was offered, evaluated, quoted and posted.
        blobs: Uploads and deliveries, encrypted.
        scratch: Temporary files for decrypted data.
        chain: The settlement contract.
        signer: Signs the quotes; None in a dry run.
        identity: Age identity that sellers encrypt to.
        digests: Keyed digests of records.
        settings: Limits and times.
        now: Unix time.
        proofs: Keeps proofs of prices; by default in ``blobs``.
        recent: The chain, whose block time and models may be a moment old: whether an offer is taken follows from them.
        priced: Called with each offer once an attempt at pricing it has ended.

    Attributes:
        offers: The seller's side.
        blind: Prices of encrypted sums.
        evaluation: The one evaluation of each pair.
        delivery: Both sides of posted orders.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        ledger: Ledger,
        blobs: BlobStore,
        scratch: Scratch,
        chain: Chain,
        signer: Signer | None,
        identity: str,
        digests: ContentDigests,
        settings: Settings,
        now: Callable[[], int],
        recent: Chain | None = None,
        proofs: Proofs | None = None,
        priced: Callable[[OfferId], None] = lambda _: None,
    ) -> None:
        self._ledger = ledger
        self._chain = chain
        recent, proofs = recent or chain, proofs or Proofs(blobs)
        clock = Clock(now, recent)
        uploads = Uploads(
            blobs,
            scratch,
            identity,
            forget=catalogue.forget,
            alone=ledger.alone,
            max_chunk_size=settings.max_chunk_size,
        )
        self._quotes = Quotes(ledger, chain, clock, signer, settings.quote_seconds)
        self._quotes.sign_recipient(uploads.recipient)  # a signer that does not answer is noticed at the start
        self._posting = Posting(ledger, chain, clock)
        self._watching = Watching(ledger, chain, clock)
        self.offers = Offers(
            catalogue=catalogue,
            ledger=ledger,
            chain=recent,
            clock=clock,
            uploads=uploads,
            quotes=self._quotes,
            proofs=proofs,
            committee_tag=digests.committee_tag() if settings.committee else b"",
            settings=settings,
        )
        self.blind = BlindQuotes(
            catalogue=catalogue,
            ledger=ledger,
            chain=recent,
            clock=clock,
            digests=digests,
            signer=signer,
            lifetime=settings.quote_seconds,
            most=settings.max_blind_quotes_per_seller,
            most_of_model=settings.max_blind_prices_per_model,
            is_member=settings.committee is not None,
        )
        self.evaluation = Evaluator(
            catalogue=catalogue,
            ledger=ledger,
            chain=recent,
            uploads=uploads,
            quotes=self._quotes,
            proofs=proofs,
            digests=digests,
            most_seconds=settings.pricing_seconds,
            workers=settings.workers(),
            priced=priced,
        )
        self.delivery = Delivery(
            ledger=ledger,
            chain=chain,
            uploads=uploads,
            blobs=blobs,
            proofs=proofs,
            keep_seconds=settings.keep_seconds,
        )
        self._escrow = Escrow(ledger=ledger, chain=chain, uploads=uploads, signer=signer)
        self._retention = Retention(
            ledger=ledger, chain=chain, clock=clock, uploads=uploads, delivery=self.delivery, settings=settings
        )

    def cycle(self) -> None:
        """Does everything that is due, once. A failure of one step, or with one order, is logged and holds up no other.

        Keys that are paid for come first: nothing that waits for a transaction, or fails, stands before them. Of
        several daemons that share the ledger one does all this: the transactions of its account have one order.

        Raises:
            NodeUnreachable: Nothing that needs the chain can be done now.
        """
        if not self._ledger.lead():
            return
        _attempt(self._retention.expire_idle)
        _attempt(self._retention.forget_unevaluated)
        self._each(self._escrow.hand_over, self._ledger.orders.unkeyed())
        _attempt(self._resend)
        self._each(self._posting.post, self._ledger.offers.in_status(OfferStatus.ACCEPTED))
        _attempt(self._quotes.follow_oracles)
        _attempt(self._quotes.renew)
        _attempt(self._escrow.follow_oracles)
        _attempt(self._watching.read_events)
        self._each(self._escrow.advance, self._ledger.orders.open())
        _attempt(self._retention.expire_quotes)
        _attempt(self._retention.delete_closed)
        self._each(self._retention.delete_upload, self._retention.ended_with_upload())

    def _resend(self) -> None:
        for ended in self._chain.resend():
            _attempt(partial(self._posting.end_late, ended))
            _attempt(partial(self._escrow.end_late, ended))

    def _each(self, act: Callable[[Subject], None], subjects: Iterable[Subject]) -> None:
        for subject in subjects:
            with following(offer=subject.offer_id):
                _attempt(partial(act, subject), offer=subject.offer_id)


def _attempt(act: Callable[[], None], **subject: bytes) -> None:
    """Calls ``act`` and logs what fails, which the next cycle repeats.

    Raises:
        NodeUnreachable: No other step that needs the chain can succeed now.
    """
    try:
        act()
    except NodeUnreachable:
        raise
    except AssayError as error:
        log.warning("step failed; it is repeated", extra=about(**subject, code=error.code, cause=error.message))
    except Exception:
        log.exception("step failed; it is repeated", extra=about(**subject))
