"""Offers: opened, uploaded, priced once, quoted, accepted. No HTTP and no loop; whoever calls decides when.

A step that was cut short is begun again by calling it again. What a seller may know is what ``state`` says.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from assay import envelope
from assay.chain.port import Chain
from assay.chain.queries import is_signed_by
from assay.errors import AssayError, ChainError, CommitmentMismatch
from assay.protocol import seal
from assay.protocol.messages import (
    AcceptanceRequest,
    AppraisalSummary,
    ModelInfo,
    OfferRequest,
    OfferState,
    OfferStatus,
    OracleInfo,
)
from assay.protocol.statements import Domain, digest
from assay.protocol.structs import Status, key_hash, order_id
from assay.protocol.types import ZERO_ADDRESS
from assay_oracle.errors import (
    KeyMismatch,
    ModelUnknown,
    OfferConflict,
    OfferUnknown,
    QuoteExpired,
    RequestInvalid,
    SignatureInvalid,
    TooMuchBeside,
    UploadTooLarge,
)
from assay_oracle.keys.signer import Signer
from assay_oracle.ledger.content import ContentDigests
from assay_oracle.ledger.journal import ALREADY_EVALUATED, Evaluation, Journal, Offer, SignedQuote
from assay_oracle.log import about
from assay_oracle.services.catalogue import Parse, PricedModel, RecordsLike
from assay_oracle.storage.local import Appender, FileStore

MAX_ATTEMPTS = 3
"""Attempts at pricing one offer: data that brings the process down three times is refused."""
MAX_OTHER_RECORDS = 1_000_000
"""Records, at most, that an offer is priced jointly with. Beyond, it is refused: none is left out unsaid."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """Bounds on what sellers may ask for; see ``Settings``."""

    quote_seconds: int
    max_upload_bytes: int
    max_open_offers: int
    max_open_offers_per_seller: int


class OfferService:
    """The seller's side of the oracle.

    Args:
        identity: age identity that uploads are enveloped to.
        digests: content ids and record tags.
        signer: signs the quotes; None for a dry run.
        models: what is priced for, by model id.
        parse: bytes and schema to records.
        now: unix time.
    """

    def __init__(
        self,
        *,
        identity: str,
        digests: ContentDigests,
        signer: Signer | None,
        journal: Journal,
        store: FileStore,
        chain: Chain,
        models: Mapping[bytes, PricedModel],
        parse: Parse,
        limits: Limits,
        now: Callable[[], int],
    ) -> None:
        self._identity = identity
        self._digests = digests
        self._signer = signer
        self._journal = journal
        self._store = store
        self._chain = chain
        self._models = models
        self._parse = parse
        self._limits = limits
        self._now = now
        self._postponed: set[bytes] = set()
        """Offers on which the disk failed since all others had their turn."""

    @property
    def domain(self) -> Domain:
        """Chain and contract that everything is signed for."""
        return self._chain.domain

    @property
    def oracle(self) -> str | None:
        """Signer of the quotes; None in a dry run."""
        return self._signer.address if self._signer else None

    def info(self) -> OracleInfo:
        """Who the oracle is."""
        recipient = envelope.public_of(self._identity)
        return OracleInfo(
            version=version("assay"),
            chain_id=self.domain.chain_id,
            contract=self.domain.contract,
            oracle=self.oracle or ZERO_ADDRESS,
            recipient=recipient,
            recipient_signature=self._signer.sign_recipient(recipient) if self._signer else b"",
            max_upload_bytes=self._limits.max_upload_bytes,
            models=tuple(self._models),
        )

    def model(self, model_id: bytes) -> ModelInfo:
        """What the oracle prices for.

        Raises:
            ModelUnknown: not for this one.
        """
        return self._model(model_id).info()

    def _model(self, model_id: bytes) -> PricedModel:
        model = self._models.get(model_id)
        if model is None:
            raise ModelUnknown(
                f"the oracle does not price for model 0x{model_id.hex()}",
                hint="GET /v1/info lists the models that it prices for",
            )
        return model

    def _offer(self, offer_id: bytes) -> Offer:
        offer = self._journal.offer(offer_id)
        if offer is None:
            raise OfferUnknown("there is no offer of this id", hint="open it first: POST /v1/offers")
        return offer

    # --- opening and uploading ----------------------------------------------------------------------------------------

    def open_offer(self, request: OfferRequest) -> OfferState:
        """Opens an offer, or finds the one that was opened by the same statement.

        Raises:
            SignatureInvalid: not signed by the seller.
            ModelUnknown, ModelNotReady: no sale could come of it.
            EnvelopeInvalid, RequestInvalid: the key cannot be opened, or is none.
            OfferConflict: the same statement came with another length or key.
            UploadTooLarge, TooManyOffers: more than the oracle takes.
        """
        message = self.domain.offer(request.model_id, request.seller, request.data_root, request.nonce)
        offer_id = digest(message)
        found = self._journal.offer(offer_id)
        if found is None:
            model = self._model(request.model_id)
            if request.upload_bytes > self._limits.max_upload_bytes:
                raise UploadTooLarge(
                    f"expected an upload of at most {self._limits.max_upload_bytes} bytes, got {request.upload_bytes}",
                    hint="split the data into several offers",
                )
            if not is_signed_by(self._chain, request.seller, message, request.signature):
                raise SignatureInvalid(
                    f"expected the offer to be signed by its seller {request.seller}, it is not",
                    hint="check the key, and that chain id and contract are those of GET /v1/info",
                )
            self._sealing_key(request.sealed_key)
            model.check_ready(self._chain, self.oracle, request.seller)
            found = self._journal.add_offer(
                offer_id,
                request,
                per_seller=self._limits.max_open_offers_per_seller,
                in_all=self._limits.max_open_offers,
                max_bytes=self._limits.max_open_offers_per_seller * self._limits.max_upload_bytes,
            )
            log.info("offer opened", extra=about(offer=offer_id, model=request.model_id, bytes=request.upload_bytes))
        same_key = self._sealing_key(found.sealed_key) == self._sealing_key(request.sealed_key)
        if found.upload_bytes != request.upload_bytes or not same_key:
            raise OfferConflict(
                f"this offer was opened with {found.upload_bytes} bytes and its key; it came again with other ones",
                hint="send the same envelope again, or offer under a fresh nonce",
            )
        return self.state(offer_id)

    def _sealing_key(self, sealed_key: str) -> bytes:
        key = envelope.unwrap_key(self._identity, sealed_key)
        if len(key) != seal.KEY_BYTES:
            raise RequestInvalid(f"expected a sealing key of {seal.KEY_BYTES} bytes in its envelope, got {len(key)}")
        return key

    def appending(self, offer_id: bytes, offset: int) -> AbstractContextManager[Appender] | None:
        """Where the bytes of an upload from ``offset`` on go; None if the offer takes no more.

        Raises:
            OfferUnknown: no such offer.
            UploadOffsetMismatch, UploadBusy: see ``FileStore.appending``.
        """
        offer = self._offer(offer_id)
        if offer.status is not OfferStatus.UPLOADING:
            return None
        return self._appending(offer, offset)

    @contextmanager
    def _appending(self, offer: Offer, offset: int) -> Iterator[Appender]:
        """Only bytes that came keep an upload from lapsing."""
        before = self._store.received(offer.offer_id)
        try:
            with self._store.appending(offer.offer_id, offset=offset, length=offer.upload_bytes) as appender:
                yield appender
        finally:
            if self._store.received(offer.offer_id) > before:
                self._journal.touch(offer.offer_id)

    def uploaded(self, offer_id: bytes) -> OfferState:
        """Notes how far an upload is; with the last byte the offer waits for its price."""
        offer = self._offer(offer_id)
        if offer.status is OfferStatus.UPLOADING and self._store.received(offer_id) == offer.upload_bytes:
            self._journal.uploaded(offer_id)
        return self.state(offer_id)

    # --- state and quotes ---------------------------------------------------------------------------------------------

    def state(self, offer_id: bytes) -> OfferState:
        """Where an offer stands. A quote that has run out is renewed at the same price.

        Raises:
            OfferUnknown: no such offer.
        """
        offer = self._offer(offer_id)
        evaluation = self._evaluation(offer)
        signed = self._quote(offer, evaluation) if evaluation and evaluation.price else None
        sale = self._journal.sale_of(offer_id)
        uploading = offer.status is OfferStatus.UPLOADING
        return OfferState(
            offer_id=offer_id,
            status=offer.status,
            received_bytes=self._store.received(offer_id) if uploading else offer.upload_bytes,
            upload_bytes=offer.upload_bytes,
            reason=offer.reason,
            code=offer.code,
            quote=signed.quote if signed else None,
            oracle_signature=signed.signature if signed and signed.signature else None,
            appraisal=offer.summary,
            order_id=signed.quote.order_id() if signed else None,
            transaction=sale.transaction if sale else None,
        )

    def _evaluation(self, offer: Offer) -> Evaluation | None:
        if offer.content_id is None or offer.status in (OfferStatus.DECLINED, OfferStatus.EXPIRED):
            return None
        return self._journal.evaluation(offer.model_id, offer.content_id)

    def _quote(self, offer: Offer, evaluation: Evaluation) -> SignedQuote:
        quotes = self._journal.quotes(evaluation)
        if offer.status is not OfferStatus.QUOTED:
            accepted = [signed for signed in quotes if signed.digest == offer.accepted_quote]
            return (accepted or quotes)[0]
        try:
            time = self._chain_time()
        except ChainError:
            if quotes:
                return quotes[0]
            raise
        margin = self._limits.quote_seconds // 10
        if quotes and quotes[0].quote.expiry > time + margin:
            return quotes[0]
        expiry = time + self._limits.quote_seconds
        if self._signer is None:
            quote = evaluation.quote(expiry)
            log.info("dry run: would sign a quote", extra=about(offer=offer.offer_id, price=str(quote.price)))
            return SignedQuote(quote, digest(self.domain.quote(quote)), b"")
        return self._signer.sign_quote(evaluation, expiry)

    def _chain_time(self) -> int:
        """The time that the next block will have at least: a chain's clock may run ahead of ours, or stand still."""
        return max(self._now(), self._chain.block_time())

    # --- pricing ------------------------------------------------------------------------------------------------------

    def price_next(self) -> bool:
        """Prices the offer that waits longest; False if none waits, or none but those on which the disk failed.

        One at a time and in one thread: two offers of one data set cannot both find it new.

        Raises:
            ChainError: whether a sale is possible cannot be seen now; the offer waits on.
            OSError: the oracle's own disk failed; the offer waits on, and lets the others pass.
        """
        waiting = self._journal.offers(OfferStatus.PRICING)
        offer = next((offer for offer in waiting if offer.offer_id not in self._postponed), None)
        if offer is None:
            self._postponed.clear()
            return False
        self._price(offer)
        return True

    def _price(self, offer: Offer) -> None:
        offer_id = offer.offer_id
        try:
            model = self._model(offer.model_id)
            model.check_ready(self._chain, self.oracle, offer.seller)
            if self._journal.begin_attempt(offer_id) > MAX_ATTEMPTS:
                self._refuse(offer_id, "pricing_failed", "the data could not be priced, for a reason the oracle logged")
                return
            try:
                priced = self._evaluate(offer, model, self._open(offer, model))
            except OSError:
                self._journal.take_attempt_back(offer_id)
                self._postponed.add(offer_id)
                raise
        except ChainError:
            raise
        except AssayError as error:
            self._refuse(offer_id, error.code, f"{error.message}; {error.hint}" if error.hint else error.message)
            return
        log.info("offer priced", extra=about(offer=offer_id, model=offer.model_id, status=priced.status))
        if priced.status is not OfferStatus.QUOTED:
            self._store.drop_upload(offer_id)

    def _refuse(self, offer_id: bytes, code: str, reason: str) -> None:
        self._journal.refuse(offer_id, code, reason)
        self._store.drop_upload(offer_id)
        log.info("offer refused", extra=about(offer=offer_id, code=code))

    def _open(self, offer: Offer, model: PricedModel) -> RecordsLike:
        """Envelope, seal and format: every byte checked, nothing kept."""
        with self._store.scratch() as sealed:
            with self._store.upload_path(offer.offer_id).open("rb") as upload:
                envelope.open_with(self._identity, upload, sealed)
            root = seal.read_index(sealed).data_root
            if root != offer.data_root:
                raise CommitmentMismatch(
                    f"expected the sealed file with root 0x{offer.data_root.hex()}, got one with 0x{root.hex()}",
                    hint="upload the file that the offer commits to",
                )
            with self._store.scratch() as plain:
                seal.open_sealed(sealed, self._sealing_key(offer.sealed_key), plain)
                plain.seek(0)
                return self._parse(plain, model.function.schema)

    def _evaluate(self, offer: Offer, model: PricedModel, records: RecordsLike) -> Offer:
        """The one evaluation of these records for this model, if they have not had it."""
        hashes = tuple(records.hashes())
        content_id = self._digests.content_id(offer.model_id, hashes)
        tags = {value: self._digests.record_tag(offer.model_id, value) for value in set(hashes)}
        seen = self._journal.priced_tags(offer.model_id, tags.values())
        if self._journal.evaluation(offer.model_id, content_id) or len(seen) == len(tags):
            return self._journal.refuse(offer.offer_id, *ALREADY_EVALUATED)
        if self._chain.order_state(order_id(offer.model_id, content_id)).status is not Status.NONE:
            log.error("the chain has an order that the journal never priced", extra=about(offer=offer.offer_id))
            return self._journal.refuse(offer.offer_id, *ALREADY_EVALUATED)
        known = frozenset(value for value, tag in tags.items() if tag in seen)
        beside, sold = self._others(offer, model)
        appraisal = model.function.appraise(records, known=known, context=beside, sold=sold)
        price = min(appraisal.price, model.terms.max_price)
        capped = ("the price is the highest that the model pays",) if price < appraisal.price else ()
        evaluation = Evaluation(
            model_id=offer.model_id,
            content_id=content_id,
            offer_id=offer.offer_id,
            seller=offer.seller,
            data_root=offer.data_root,
            price=price,
            digest=appraisal.digest(),
            appraisal=appraisal.canonical_json(),
        )
        summary = AppraisalSummary(
            records=appraisal.records,
            priced=appraisal.priced,
            fidelity=appraisal.fidelity,
            reasons=(*appraisal.reasons, *capped),
        )
        return self._journal.add_evaluation(evaluation, tags.values(), summary)

    def _others(self, offer: Offer, model: PricedModel) -> tuple[RecordsLike | None, RecordsLike | None]:
        """Records of the seller's other offers, and what others sold: splitting data over offers earns nothing."""
        found = self._journal.beside(offer.model_id, offer.seller, self._chain.block_time())
        sold, own = ([o for o in some if self._store.received(o.offer_id) == o.upload_bytes] for some in found)
        self._check_room(sold, "were sold for this model", "its owner must fit a new price function")
        lapse = "wait for them to lapse: a declined one counts until its quote runs out"
        self._check_room([*sold, *own], "were sold for this model or are in offers of yours", lapse)
        return self._joined(own, model), self._joined(sold, model)

    def _check_room(self, others: Sequence[Offer], which: str, remedy: str) -> None:
        count = sum(other.summary.records for other in others if other.summary)
        if count > MAX_OTHER_RECORDS:
            raise TooMuchBeside(
                f"expected at most {MAX_OTHER_RECORDS} records to price an offer beside, {count} {which}",
                hint=f"nothing was used up; {remedy}",
            )

    def _joined(self, others: Sequence[Offer], model: PricedModel) -> RecordsLike | None:
        joined: RecordsLike | None = None
        for other in others:
            try:
                records = self._open(other, model)
            except AssayError as error:
                log.error("priced without a damaged offer", extra=about(offer=other.offer_id, cause=str(error)))
                continue
            joined = joined.join(records) if joined is not None else records
        return joined

    # --- acceptance ---------------------------------------------------------------------------------------------------

    def accept(self, offer_id: bytes, request: AcceptanceRequest) -> OfferState:
        """The seller sells: checked, and recorded to be posted. The same acceptance again changes nothing.

        Raises:
            OfferConflict: there is no quote to accept, or another key was accepted.
            KeyMismatch: the key locked is not the one that opens the file.
            QuoteExpired: it accepts a quote that has run out.
            SignatureInvalid: not signed by the quote's seller.
        """
        offer = self._offer(offer_id)
        if offer.status in (OfferStatus.ACCEPTED, OfferStatus.POSTED) and offer.key_hash == request.key_hash:
            return self.state(offer_id)
        evaluation = self._evaluation(offer)
        if offer.status is not OfferStatus.QUOTED or evaluation is None:
            raise OfferConflict(f"expected an offer with an open quote, this one is {offer.status}")
        if self._signer is None:
            raise OfferConflict("the oracle runs dry: it signs and posts nothing", hint="use one that does not")
        pair = evaluation.quote(0).order_id()
        if key_hash(pair, self._sealing_key(offer.sealed_key)) != request.key_hash:
            raise KeyMismatch(
                "the key hash is not that of the key which opens the priced file, for this order",
                hint='lock keccak256(abi.encode("assay/key/v1", orderId, key)) with the key that was sent',
            )
        signed = self._accepted_quote(evaluation, request)
        if self._chain_time() > signed.quote.expiry:
            raise QuoteExpired(
                f"the quote expired at {signed.quote.expiry}",
                hint="GET the offer for a renewed quote at the same price, and accept that",
            )
        accepted = self._journal.accept(
            offer_id,
            quote=signed.digest,
            key_hash=request.key_hash,
            signature=request.signature,
            cooperative=request.cooperative,
        )
        if accepted.key_hash != request.key_hash:
            raise OfferConflict(f"the offer became {accepted.status} meanwhile")
        log.info("quote accepted", extra=about(offer=offer_id))
        return self.state(offer_id)

    def _accepted_quote(self, evaluation: Evaluation, request: AcceptanceRequest) -> SignedQuote:
        """Which of the pair's quotes the acceptance is for."""
        for signed in self._journal.quotes(evaluation):
            message = self.domain.acceptance(signed.digest, request.key_hash)
            if is_signed_by(self._chain, evaluation.seller, message, request.signature):
                return signed
        raise SignatureInvalid(
            f"expected an acceptance of this offer's quote signed by its seller {evaluation.seller}, it is not",
            hint="sign Acceptance(quoteDigest, keyHash) for the quote that GET answers with",
        )

    def decline(self, offer_id: bytes) -> OfferState:
        """The seller says no; an evaluation that was made stays used.

        A quote that was signed may still be posted, so the upload stays until that has run out; the orders' loop
        drops it.

        Raises:
            OfferConflict: the offer was accepted already.
        """
        self._offer(offer_id)
        offer = self._journal.decline(offer_id)
        if offer.status in (OfferStatus.ACCEPTED, OfferStatus.POSTED):
            raise OfferConflict(f"expected an offer that is not accepted, this one is {offer.status}")
        if offer.content_id is None:
            self._store.drop_upload(offer_id)
        return self.state(offer_id)
