"""The oracle over HTTP: one method for each request of ``docs/protocol.md``. Interrupted transfers resume."""

import copy
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Self

from eth_account.signers.local import LocalAccount

from assay.bounded_http import NoAnswer, Transport
from assay.errors import OracleMisbehaved, OracleRefused, OracleUnreachable, UsageError
from assay.files import private_file
from assay.oracle.downloads import Download, forget_spans, waiting_spans
from assay.oracle.requests import ANSWER_SECONDS, REQUEST_TOO_LARGE, OracleRequests, pause_after
from assay.oracle.session import Party
from assay.protocol.messages import (
    UPLOAD_OFFSET_HEADER,
    AcceptanceRequest,
    BlindAnswer,
    BlindOpened,
    BlindRequest,
    BlindValues,
    BuyerStatement,
    ModelInfo,
    OfferRequest,
    OfferState,
    OracleInfo,
    OrderRecord,
    QuoteRequest,
)
from assay.protocol.statements import Domain
from assay.protocol.types import ModelId, OfferId, OrderId

PIECE_BYTES = 2**19
"""Bytes of an upload in one request: half of what proxies take by default."""
LEAST_PIECE_BYTES = 2**13
"""A proxy that refuses a piece of this size refuses every upload."""
DOWNLOAD_SECONDS = 600.0
"""Time for one download; the next one resumes where it ended."""
_UPLOAD_CONFLICTS = ("upload_busy", "upload_offset_mismatch")
"""Problems of a piece whose predecessor is still on its way: the oracle's state shows where to resume."""

Progress = Callable[[int], None]


class OracleClient:
    """The oracle at ``url``.

    Args:
        url: Base URL, e.g. ``https://oracle.example``; without TLS only on this machine.
        attempts: How often a request without an answer is sent, with pauses that double from half a second.
        timeout: Seconds for one request with its whole answer, however slowly the answer comes. All attempts at a
            request end within twice this time.
        transport: httpx transport, for an oracle in the same process.
        report: Receives a sentence if the oracle does not answer for some seconds.

    Raises:
        SettingsError: The URL is impossible, or leads to another machine without TLS.
    """

    def __init__(
        self,
        url: str,
        *,
        attempts: int = 4,
        timeout: float = ANSWER_SECONDS,
        transport: Transport | None = None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        self._requests = OracleRequests(url, attempts=attempts, timeout=timeout, transport=transport, report=report)
        self.url = self._requests.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes idle connections."""
        self._requests.close()

    def as_party(self, party: Party) -> Self:
        """The same oracle over the same connections, asked by ``party`` about its own offers and orders.

        The first such request logs in. Without a party, an oracle answers about itself and its models alone.
        """
        found = copy.copy(self)
        found._requests = self._requests.as_party(party)
        return found

    def as_party_of(self, account: LocalAccount, domain: Domain) -> Self:
        """As ``as_party`` by the key of ``account``, unless a party asks already: a wallet contract, for instance."""
        return self if self._requests.has_party else self.as_party(Party.by_key(account, domain))

    # --- offers -------------------------------------------------------------------------------------------------------

    def info(self) -> OracleInfo:
        """Who the oracle is."""
        return self._requests.value(OracleInfo, "GET", "/info")

    def model(self, model_id: ModelId) -> ModelInfo:
        """What the oracle prices for: terms, shape of the records, fidelity."""
        found = self._requests.value(ModelInfo, "GET", f"/models/0x{model_id.hex()}")
        self._requests.check_subject("model", model_id, found.model_id)
        return found

    def open_offer(self, request: OfferRequest) -> OfferState:
        """Opens an offer, or returns its state if it is open already."""
        return self._requests.value(OfferState, "POST", "/offers", json=request.model_dump(mode="json"))

    def offer(self, offer_id: OfferId, *, wait: int = 0) -> OfferState:
        """Where an offer stands.

        Args:
            offer_id: The offer.
            wait: Seconds for which the oracle may hold back its answer while the offer waits to be priced, at most half
                of the time-out. An oracle may answer sooner.
        """
        wait, headers = self._patience(wait)
        return self._offer(offer_id, "GET", waiting=wait, headers=headers)

    def _patience(self, wait: int) -> tuple[int, dict[str, str]]:
        """For how long an answer is waited for, of so many seconds, and the header that says it."""
        wait = min(wait, int(self._requests.timeout / 2))
        return wait, {"Prefer": f"wait={wait}"} if wait else {}

    def upload(
        self,
        offer_id: OfferId,
        source: BinaryIO,
        *,
        opened: OfferState | None = None,
        wait: int = 0,
        progress: Progress | None = None,
    ) -> OfferState:
        """Sends the part of ``source``, the envelope of the sealed file, that the oracle does not have yet.

        A piece that a proxy refuses, or that does not arrive, is sent again in halves.

        Args:
            offer_id: The offer.
            source: Seekable.
            opened: What the oracle answered to ``open_offer`` a moment ago; None asks for it.
            wait: As of ``offer``, for the answer to the last bytes.
            progress: Receives the bytes that the oracle has, and those that are sent.

        Raises:
            OracleMisbehaved: The oracle names an impossible offset, or does not keep what it confirms.
        """
        whole = source.seek(0, os.SEEK_END)
        state = self._checked_upload(opened, offer_id, whole) if opened else self._upload_state(offer_id, whole)
        done, size, failures = 0, PIECE_BYTES, 0
        while True:
            if state.received_bytes > done:
                if progress:
                    progress(state.received_bytes - done)
                done, failures = state.received_bytes, 0
            if state.status != "uploading" or state.received_bytes == whole:
                return state
            try:
                state = self._send_piece(offer_id, source, state.received_bytes, size, whole, wait)
            except (NoAnswer, OracleRefused) as error:
                failures += 1
                self._pause_or_give_up(error, failures, size)
                size = max(size // 2, LEAST_PIECE_BYTES)
                state = self._upload_state(offer_id, whole)

    def _pause_or_give_up(self, error: NoAnswer | OracleRefused, failures: int, size: int) -> None:
        """Waits before the next attempt at a piece.

        Raises:
            OracleRefused: The oracle refuses the upload, or a proxy before it refuses every piece.
            OracleUnreachable: There were enough attempts.
        """
        if isinstance(error, OracleRefused):
            too_large = error.problem == REQUEST_TOO_LARGE and size > LEAST_PIECE_BYTES
            if not too_large and error.problem not in _UPLOAD_CONFLICTS:
                raise error
            if too_large:
                return
        if failures >= self._requests.attempts:
            raise self._requests.unreachable(error) from error
        self._requests.wait(pause_after(failures, error))

    def _send_piece(
        self, offer_id: OfferId, source: BinaryIO, start: int, size: int, whole: int, wait: int
    ) -> OfferState:
        source.seek(start)
        piece = source.read(size)
        wait, headers = self._patience(wait if start + len(piece) == whole else 0)
        headers |= {UPLOAD_OFFSET_HEADER: str(start), "Content-Type": "application/octet-stream"}
        with self._requests.reported(self._requests.timeout, silence=self._requests.silence + wait):
            answer = self._requests.exchange(
                "PATCH", f"/offers/0x{offer_id.hex()}/upload", self._requests.timeout, content=piece, headers=headers
            )
        state = self._checked_upload(self._requests.parsed(OfferState, answer), offer_id, whole)
        if state.status == "uploading" and state.received_bytes < start + len(piece):
            raise OracleMisbehaved(
                f"sent bytes {start} to {start + len(piece)}, and the oracle kept none behind {state.received_bytes}"
            )
        return state

    def _upload_state(self, offer_id: OfferId, whole: int) -> OfferState:
        return self._checked_upload(self.offer(offer_id), offer_id, whole)

    def _checked_upload(self, state: OfferState, offer_id: OfferId, whole: int) -> OfferState:
        self._requests.check_subject("offer", offer_id, state.offer_id)
        if state.upload_bytes != whole or state.received_bytes > whole:
            raise OracleMisbehaved(
                f"expected an upload of {whole} bytes, the oracle has {state.received_bytes} of {state.upload_bytes}"
            )
        return state

    def open_blind(self, request: BlindRequest) -> BlindOpened:
        """Opens a blind quote, or finds the one that was opened by the same statement."""
        return self._requests.value(BlindOpened, "POST", "/blind", json=request.model_dump(mode="json"))

    def blind_sums(self, offer_id: OfferId, message: bytes) -> bytes:
        """The answer to encrypted sums."""
        return self._requests.octets(f"/blind/0x{offer_id.hex()}/sums", message)

    def blind_products(self, offer_id: OfferId, sums: bytes, message: bytes) -> bytes:
        """The answer to encrypted products; ``sums`` is SHA-256 of the encrypted sums."""
        return self._requests.octets(f"/blind/0x{offer_id.hex()}/products?sums=0x{sums.hex()}", message)

    def blind_price(self, offer_id: OfferId, values: BlindValues) -> BlindAnswer:
        """The signed price that the decrypted values unmask."""
        path = f"/blind/0x{offer_id.hex()}/price"
        found = self._requests.value(BlindAnswer, "POST", path, json=values.model_dump(mode="json"))
        self._requests.check_subject("blind quote", offer_id, found.offer_id)
        return found

    def quote_until(self, offer_id: OfferId, expiry: int) -> OfferState:
        """The offer with a quote at the same price that expires at ``expiry`` (unix time)."""
        request = QuoteRequest(expiry=expiry).model_dump(mode="json")
        return self._offer(offer_id, "POST", "/quotes", json=request)

    def accept(self, offer_id: OfferId, request: AcceptanceRequest) -> OfferState:
        """Accepts the quote; the oracle posts the order."""
        return self._offer(offer_id, "POST", "/acceptance", json=request.model_dump(mode="json"))

    def decline(self, offer_id: OfferId) -> OfferState:
        """Declines the quote; the evaluation stays used."""
        return self._offer(offer_id, "DELETE")

    def _offer(self, offer_id: OfferId, method: str, below: str = "", **options: Any) -> OfferState:
        state = self._requests.value(OfferState, method, f"/offers/0x{offer_id.hex()}{below}", **options)
        self._requests.check_subject("offer", offer_id, state.offer_id)
        return state

    # --- orders -------------------------------------------------------------------------------------------------------

    def order(self, order_id: OrderId) -> OrderRecord:
        """What the oracle holds for the two sides of an order."""
        return self._order(order_id, "GET")

    def put_receipt(self, order_id: OrderId, signature: bytes) -> OrderRecord:
        """Stores the buyer's receipt for the seller."""
        return self._put(order_id, "receipt", signature)

    def put_acknowledgement(self, order_id: OrderId, signature: bytes) -> OrderRecord:
        """Stores the buyer's acknowledgement, with which the oracle settles."""
        return self._put(order_id, "acknowledgement", signature)

    def _put(self, order_id: OrderId, kind: str, signature: bytes) -> OrderRecord:
        statement = BuyerStatement(signature=signature).model_dump(mode="json")
        return self._order(order_id, "PUT", f"/{kind}", json=statement)

    def _order(self, order_id: OrderId, method: str, below: str = "", **options: Any) -> OrderRecord:
        record = self._requests.value(OrderRecord, method, f"/orders/0x{order_id.hex()}{below}", **options)
        self._requests.check_subject("order", order_id, record.order_id)
        return record

    def download(
        self,
        order_id: OrderId,
        target: Path,
        *,
        within: float = DOWNLOAD_SECONDS,
        streams: int = 1,
        progress: Progress | None = None,
        received: Callable[[int], None] | None = None,
    ) -> None:
        """Downloads the envelope of the sealed file into ``target``, from the end of what ``target`` has already.

        Args:
            order_id: Whose file.
            target: Private to its owner; keeps what came, whatever happens. A folder beside it keeps what waits for
                bytes before it.
            within: Seconds after which the rest is left to the next call.
            streams: Requests that are under way at a time.
            progress: Receives the bytes that are there, and those that come.
            received: Is called with the length of ``target`` whenever it grew, and may end the download by an error.

        Raises:
            OracleMisbehaved: The oracle sends other bytes than were requested.
            OracleRefused: The oracle has deleted the file.
            OracleUnreachable: Bytes are missing when the time is over, or the oracle sends next to none.
            UsageError: The disk has no room for the file and its decrypted copy.
        """
        end = time.monotonic() + within
        whole = self.order(order_id).sealed_bytes
        if not whole:
            raise OracleRefused(
                "delivery_deleted",
                "the oracle has deleted the sealed file, some time after its order was closed",
                status=410,
                hint="use the copy that was downloaded",
            )
        with private_file(target, "ab") as file:
            if file.tell() > whole:
                file.seek(0)
                file.truncate()
            if progress and file.tell():
                progress(file.tell())
            _check_room(target.parent, 2 * whole - file.tell())

            def take(piece: bytes) -> None:
                file.write(piece)
                if progress:
                    progress(len(piece))
                if received:
                    file.flush()
                    received(file.tell())

            if received:
                received(file.tell())
            try:
                path = f"/orders/0x{order_id.hex()}/sealed"
                download = Download(self._requests, path, whole, end, waiting_spans(target))
                download.run(file.tell(), streams, take)
                forget_spans(target)
            except NoAnswer as error:
                raise OracleUnreachable(
                    f"got {file.tell()} of {whole} bytes of a file from the oracle at {self.url}: {error}",
                    hint="run the same command again: it resumes",
                ) from error
            finally:
                file.flush()
                os.fsync(file.fileno())


def _check_room(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise UsageError(
            f"expected {wanted} free bytes in {folder} for a file and its decrypted copy, got {free}",
            hint="free some space, or name another folder",
        )
