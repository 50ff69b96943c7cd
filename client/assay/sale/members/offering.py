"""What a seller asks of the daemons that price for a model: one oracle, or the members of a committee.

Every member is sent the same statement and the same sealed file, encrypted to it. Members that answer the same, as many
as the committee's Safe asks for, then sign one quote. A member that lies, is slow or does not answer stops nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from eth_account.signers.local import LocalAccount

from assay import envelope
from assay.chain.port import Chain
from assay.chain.queries import is_signed_by, registered_terms
from assay.errors import OracleMisbehaved, OracleUnreachable, SettingsError
from assay.files import whole_file
from assay.oracle.api import OracleClient
from assay.oracle.committee import Answers, Committee
from assay.protocol import seal
from assay.protocol.messages import MOST_WAIT_SECONDS, ModelInfo, OfferRequest, OfferState, OfferStatus, OracleInfo
from assay.protocol.statements import digest
from assay.protocol.structs import Quote
from assay.protocol.types import ModelId
from assay.sale.offers import OfferRecord, OfferStore
from assay.sale.release import Release
from assay.sale.trust import Signers, check_model, member_of, signers_of

GRACE_SECONDS = 10.0
"""Seconds for which the other members are waited for once enough agree: what they miss now they price later."""
_PENDING = (OfferStatus.UPLOADING, OfferStatus.PRICING)

T = TypeVar("T")


@dataclass(frozen=True)
class Said(Generic[T]):
    """What a daemon answered, and the account by which it signs."""

    signer: str
    value: T


class Offering:
    """Offers of one seller.

    Args:
        chain: The settlement contract.
        committee: Asked by the seller.
        store: The record of offers.
        account: Signs.
        release: Waits and reports.
    """

    def __init__(
        self,
        chain: Chain,
        committee: Committee,
        store: OfferStore,
        account: LocalAccount,
        release: Release,
    ) -> None:
        self._chain = chain
        self._committee = committee
        self._store = store
        self._account = account
        self._release = release

    def signers(self, model_id: ModelId) -> Signers:
        """Who signs for a model now.

        Raises:
            SaleError: The model accepts no quotes.
            SettingsError: Other URLs are configured than its oracle needs.
        """
        signers, count = signers_of(self._chain, model_id), len(self._committee.members)
        if count < signers.threshold:
            raise SettingsError(
                f"expected URLs of at least {signers.threshold} members of the committee {signers.oracle}, got {count}",
                hint="name them with commas between them: --oracle; nothing was sent",
            )
        if count > 1 and signers.safe is None:
            raise SettingsError(
                f"expected the URL of the model's oracle {signers.oracle}, which is no committee, got {count} URLs",
                hint="name the model's oracle: --oracle; nothing was sent",
            )
        return signers

    def look(self, model_id: ModelId) -> tuple[OracleInfo, ModelInfo]:
        """What the model's oracle says of itself and of the model; of a committee, what enough members say of it.

        Raises:
            SettingsError: The oracle is not the model's.
            SaleError: The model accepts no quotes.
            OracleRefused: The oracle does not price for this model, or not at present.
            OracleMisbehaved: What it publishes of the model is of another price function.
        """
        signers, terms = self.signers(model_id), registered_terms(self._chain, model_id)

        def ask(member: OracleClient) -> Said[tuple[OracleInfo, ModelInfo]]:
            info, signer = member_of(signers, member)
            return Said(signer, (info, check_model(terms, member.model(model_id))))

        answers = self._asked(signers, ask, lambda value: value[1].model_dump_json())
        infos = [said.value[0] for said in answers]
        return min(infos, key=lambda info: info.max_upload_bytes), answers[0].value[1]

    def price(self, record: OfferRecord, progress: seal.Progress | None, *, latest: int) -> OfferState:
        """Opens the offer, uploads what is missing, and waits for the answer; of a committee, for the same of enough.

        Args:
            record: The offer.
            progress: Receives the bytes that the first member receives.
            latest: Unix time until which a committee's quote may be posted at most.

        Raises:
            SettingsError, SaleError: As ``look``; nothing was sent.
            OracleUnreachable: Too few members answer the same.
        """
        signers = self.signers(record.model_id)

        def offer(member: OracleClient) -> Said[OfferState]:
            info, signer = member_of(signers, member)
            self._send(member, record, info.recipient, progress if member is self._committee.members[0] else None)
            self._release.report_once("waiting for the price")
            return Said(signer, self._wait(member, record))

        return self._quoted(signers, record, self._asked(signers, offer, _answer, GRACE_SECONDS), latest)

    def state(self, record: OfferRecord, *, latest: int) -> OfferState:
        """Where the offer stands; see ``price``."""
        signers, offer_id = self.signers(record.model_id), record.offer_id
        assert offer_id is not None
        if signers.safe is None:
            return self._committee.members[0].offer(offer_id)

        def ask(member: OracleClient) -> Said[OfferState]:
            return Said(member_of(signers, member)[1], member.offer(offer_id))

        return self._quoted(signers, record, self._asked(signers, ask, _answer), latest)

    def holds(self, record: OfferRecord) -> bool:
        """Whether the saved quote can be posted as it is: it has not expired, and its signers are the oracle's now."""
        quote, signature = record.quote, record.oracle_signature
        if quote is None or signature is None or self._chain.block_time() > quote.expiry:
            return False
        oracle = self.signers(record.model_id).oracle
        return is_signed_by(self._chain, oracle, self._chain.domain.quote(quote), signature)

    def decline(self, record: OfferRecord) -> None:
        """Declines the quote, at every member that answers."""
        offer_id = record.offer_id
        assert offer_id is not None
        self._committee.ask(lambda member: member.decline(offer_id), within=GRACE_SECONDS)

    # --- one member ---------------------------------------------------------------------------------------------------

    def _send(self, member: OracleClient, record: OfferRecord, recipient: str, progress: seal.Progress | None) -> None:
        """Opens the offer at a member, records its id, and uploads what the member lacks."""
        message = self._chain.domain.offer(record.model_id, record.seller, record.data_root, record.nonce)
        upload = self._envelope(record, recipient)
        request = OfferRequest(
            model_id=record.model_id,
            seller=record.seller,
            data_root=record.data_root,
            nonce=record.nonce,
            signature=self._account.sign_message(message).signature,
            upload_bytes=upload.stat().st_size,
            sealed_key=envelope.wrap_key(recipient, self._store.key(record)),
        )
        state = member.open_offer(request)
        if state.offer_id != digest(message):
            raise OracleMisbehaved("the oracle answered with another offer's id")
        self._store.update(record, offer_id=state.offer_id)
        with upload.open("rb") as file:
            member.upload(state.offer_id, file, opened=state, wait=MOST_WAIT_SECONDS, progress=progress)

    def _envelope(self, record: OfferRecord, recipient: str) -> Path:
        path = self._store.upload(record, recipient if len(self._committee.members) > 1 else None)
        with self._store.enveloping():
            if path.exists():
                return path
            with self._store.sealed(record).open("rb") as source, whole_file(path) as target:
                envelope.encrypt_to(recipient, source, target)
        return path

    def _wait(self, member: OracleClient, record: OfferRecord) -> OfferState:
        offer_id = self._store.load(record.data_root).offer_id
        assert offer_id is not None
        while (state := member.offer(offer_id, wait=MOST_WAIT_SECONDS)).status in _PENDING:
            self._release.wait()
        return state

    # --- what members say together ------------------------------------------------------------------------------------

    def _asked(
        self,
        signers: Signers,
        ask: Callable[[OracleClient], Said[T]],
        same: Callable[[T], object],
        grace: float = 0.0,
    ) -> list[Said[T]]:
        """The answers of as many signers as a committee asks for that are the same.

        Raises:
            OracleUnreachable: There are too few.
        """
        answers = self._committee.ask(ask, lambda said: bool(_agreeing(said, signers, same)), grace=grace)
        found = _agreeing(answers.values, signers, same)
        if not found:
            said = "; ".join(f"{one.signer}: {_text(one.value)}" for one in answers.values)
            raise answers.too_few(f"{signers.threshold} members of the committee that answer the same", said)
        return found

    def _quoted(
        self, signers: Signers, record: OfferRecord, said: Sequence[Said[OfferState]], latest: int
    ) -> OfferState:
        """The state with one quote that enough members signed, where they agree on one but for its expiry.

        The latest expiry that a member states is asked for first: what a member states too late the others refuse.

        Raises:
            OracleUnreachable: Too few sign.
        """
        state = said[0].value
        if signers.safe is None or state.status is not OfferStatus.QUOTED or state.quote is None:
            return state
        refusal: Exception = OracleMisbehaved(f"expected quotes that expire by {latest}, got later ones")
        stated = {one.value.quote.expiry for one in said if one.value.quote}
        for expiry in sorted((time for time in stated if time <= latest), reverse=True):
            quote = state.quote.model_copy(update={"expiry": expiry})
            try:
                signature = self._signed(signers, record, quote)
            except OracleUnreachable as error:
                refusal = error
            else:
                return state.model_copy(update={"quote": quote, "oracle_signature": signature})
        raise refusal

    def _signed(self, signers: Signers, record: OfferRecord, quote: Quote) -> bytes:
        """The committee's signature over a quote, joined of those of its members.

        Raises:
            OracleUnreachable: Too few sign.
        """
        message = self._chain.domain.quote(quote)
        offer_id = self._store.load(record.data_root).offer_id
        assert offer_id is not None

        def sign(member: OracleClient) -> Said[bytes]:
            signature = member.quote_until(offer_id, quote.expiry).oracle_signature or b""
            signer = signers.signer(message, signature)
            if signer is None:
                raise OracleMisbehaved("the signature is no owner's over the quote that the others sign")
            return Said(signer, signature)

        answers: Answers[Said[bytes]] = self._committee.ask(sign, partial(_is_enough, signers))
        joined = signers.joined({said.signer: said.value for said in answers.values})
        if joined is None:
            raise answers.too_few(f"{signers.threshold} members of the committee that sign one quote")
        return joined


def _is_enough(signers: Signers, said: Sequence[Said[T]]) -> bool:
    return len({one.signer for one in said}) >= signers.threshold


def _agreeing(said: Sequence[Said[T]], signers: Signers, same: Callable[[T], object]) -> list[Said[T]]:
    """One answer of each signer in the first group that is large enough; a member at two URLs counts once."""
    groups: dict[object, dict[str, Said[T]]] = {}
    for one in said:
        groups.setdefault(same(one.value), {})[one.signer] = one
    return next((list(group.values()) for group in groups.values() if len(group) >= signers.threshold), [])


def _answer(state: OfferState) -> object:
    """What members must say alike of an offer: its quote but for the expiry, or why there is none."""
    if state.quote is None:
        return state.status, state.code
    return state.status, state.quote.model_copy(update={"expiry": 0})


def _text(value: object) -> str:
    if not isinstance(value, OfferState):
        return "other terms of the model"
    return f"{value.status} at {value.quote.price}" if value.quote else str(value.status)
