"""The oracle over HTTP: one method for each request of ``docs/protocol.md``. Interrupted transfers resume."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar

import httpx
from pydantic import ValidationError

from assay.errors import OracleMisbehaved, OracleRefused, OracleUnreachable, SettingsError
from assay.protocol.messages import (
    API_PREFIX,
    UPLOAD_OFFSET_HEADER,
    AcceptanceRequest,
    BuyerStatement,
    ModelInfo,
    OfferRequest,
    OfferState,
    OracleInfo,
    OrderRecord,
    Problem,
)
from assay.protocol.types import ModelId, OfferId, OrderId, Value

PIECE_BYTES = 4 * 2**20
"""Bytes of an upload in one request: the most that a broken connection loses."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")
Progress = Callable[[int], None]
V = TypeVar("V", bound=Value)


def _check_url(url: str) -> None:
    """Refuses URLs without TLS: a third party could substitute its own key for the oracle's and read the data."""
    try:
        parsed = httpx.URL(url)
        fine = bool(parsed.host) and (parsed.scheme == "https" or (parsed.scheme == "http" and parsed.host in LOOPBACK))
    except httpx.InvalidURL:
        fine = False
    if not fine:
        raise SettingsError(
            f"expected the oracle's URL, https:// or http:// to this machine, got {url!r}",
            hint="over plain http anyone in between can pose as the oracle and read the data: put TLS in front of it",
        )


class OracleClient:
    """The oracle at ``url``.

    Args:
        url: Base URL, e.g. ``https://oracle.example``; without TLS only on this machine.
        attempts: How often a request without an answer is sent, with pauses that double from half a second.
        timeout: Seconds to wait for one answer.
        transport: httpx transport, for an oracle in the same process.

    Raises:
        SettingsError: The URL is impossible, or leads to another machine without TLS.
    """

    def __init__(
        self,
        url: str,
        *,
        attempts: int = 4,
        timeout: float = 60,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._attempts = attempts
        _check_url(url)
        self._http = httpx.Client(base_url=self.url + API_PREFIX, timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes idle connections."""
        self._http.close()

    # --- offers -------------------------------------------------------------------------------------------------------

    def info(self) -> OracleInfo:
        """Who the oracle is."""
        return self._value(OracleInfo, "GET", "/info")

    def model(self, model_id: ModelId) -> ModelInfo:
        """What the oracle prices for: terms, shape of the records, fidelity."""
        return self._value(ModelInfo, "GET", f"/models/0x{model_id.hex()}")

    def open_offer(self, request: OfferRequest) -> OfferState:
        """Opens an offer, or returns its state if it is open already."""
        return self._value(OfferState, "POST", "/offers", json=request.model_dump(mode="json"))

    def offer(self, offer_id: OfferId) -> OfferState:
        """Where an offer stands."""
        return self._value(OfferState, "GET", f"/offers/0x{offer_id.hex()}")

    def upload(self, offer_id: OfferId, source: BinaryIO, *, progress: Progress | None = None) -> OfferState:
        """Sends the part of ``source``, the envelope of the sealed file, that the oracle does not have yet."""
        state = self.offer(offer_id)
        if progress and state.received_bytes:
            progress(state.received_bytes)
        while state.received_bytes < state.upload_bytes and state.status == "uploading":
            source.seek(state.received_bytes)
            piece = source.read(PIECE_BYTES)
            before = state.received_bytes
            state = self._value(
                OfferState,
                "PATCH",
                f"/offers/0x{offer_id.hex()}/upload",
                content=piece,
                headers={UPLOAD_OFFSET_HEADER: str(before), "Content-Type": "application/octet-stream"},
            )
            if state.received_bytes <= before:
                raise OracleMisbehaved(f"sent bytes {before} to {before + len(piece)}, and the oracle kept none")
            if progress:
                progress(state.received_bytes - before)
        return state

    def accept(self, offer_id: OfferId, request: AcceptanceRequest) -> OfferState:
        """Accepts the quote; the oracle posts the order."""
        path = f"/offers/0x{offer_id.hex()}/acceptance"
        return self._value(OfferState, "POST", path, json=request.model_dump(mode="json"))

    def decline(self, offer_id: OfferId) -> OfferState:
        """Declines the quote; the evaluation stays used."""
        return self._value(OfferState, "DELETE", f"/offers/0x{offer_id.hex()}")

    # --- orders -------------------------------------------------------------------------------------------------------

    def order(self, order_id: OrderId) -> OrderRecord:
        """What the oracle holds for the two sides of an order."""
        return self._value(OrderRecord, "GET", f"/orders/0x{order_id.hex()}")

    def put_receipt(self, order_id: OrderId, signature: bytes) -> OrderRecord:
        """Stores the buyer's receipt for the seller."""
        return self._put(order_id, "receipt", signature)

    def put_acknowledgement(self, order_id: OrderId, signature: bytes) -> OrderRecord:
        """Stores the buyer's acknowledgement, with which the oracle settles."""
        return self._put(order_id, "acknowledgement", signature)

    def _put(self, order_id: OrderId, kind: str, signature: bytes) -> OrderRecord:
        statement = BuyerStatement(signature=signature).model_dump(mode="json")
        return self._value(OrderRecord, "PUT", f"/orders/0x{order_id.hex()}/{kind}", json=statement)

    def download(self, order_id: OrderId, target: Path, *, progress: Progress | None = None) -> None:
        """Downloads the envelope of the sealed file into ``target``, from the end of what ``target`` has already.

        Raises:
            OracleMisbehaved: The oracle sends other bytes than were requested.
        """
        whole = self.order(order_id).sealed_bytes
        with target.open("ab") as file:
            if file.tell() > whole:
                file.seek(0)
                file.truncate()
            if progress and file.tell():
                progress(file.tell())
            self._retry(lambda: self._fetch(order_id, file, whole, progress))
            if file.tell() != whole:
                raise OracleMisbehaved(f"expected an envelope of {whole} bytes, got {file.tell()}")
            file.flush()
            os.fsync(file.fileno())

    def _fetch(self, order_id: OrderId, file: BinaryIO, whole: int, progress: Progress | None) -> None:
        """One request for the bytes that ``file`` lacks of ``whole``. Bytes before a broken connection are kept."""
        if file.tell() >= whole:
            return
        # Bytes are counted as they lie in the oracle's file: compressed on the way, a range would be another one.
        headers = {"Range": f"bytes={file.tell()}-", "Accept-Encoding": "identity"}
        with self._http.stream("GET", f"/orders/0x{order_id.hex()}/sealed", headers=headers) as response:
            if response.status_code != httpx.codes.PARTIAL_CONTENT:
                response.read()
                self._raise_problem(response)
                raise OracleMisbehaved(f"expected a partial answer (206), got {response.status_code}")
            for piece in response.iter_raw():
                if file.tell() + len(piece) > whole:
                    raise OracleMisbehaved(f"expected an envelope of {whole} bytes, got more")
                file.write(piece)
                if progress:
                    progress(len(piece))

    # --- requests -----------------------------------------------------------------------------------------------------

    def _retry(self, call: Callable[[], Any]) -> Any:
        for pause in self._pauses():
            try:
                return call()
            except httpx.DecodingError as error:
                raise OracleMisbehaved(
                    f"expected an answer in its declared encoding from the oracle at {self.url}, got another: {error}",
                    hint="check the URL",
                ) from None
            except httpx.TransportError as error:
                if pause is None:
                    raise OracleUnreachable(
                        f"no answer from the oracle at {self.url}: {type(error).__name__}: {error}",
                        hint="run the same command again when the oracle is back: it resumes",
                    ) from error
                threading.Event().wait(pause)
        raise AssertionError("unreachable")

    def _pauses(self) -> Iterator[float | None]:
        yield from (0.5 * 2**attempt for attempt in range(self._attempts - 1))
        yield None

    def _value(self, kind: type[V], method: str, path: str, **options: Any) -> V:
        response: httpx.Response = self._retry(lambda: self._http.request(method, path, **options))
        self._raise_problem(response)
        try:
            return kind.model_validate_json(response.content)
        except ValidationError as error:
            raise OracleMisbehaved(
                f"expected {kind.__name__} from {self.url}{API_PREFIX}{path}, got {response.text[:200]!r}",
                hint="check that the URL is an Assay oracle's, of the same version",
            ) from error

    def _raise_problem(self, response: httpx.Response) -> None:
        if response.status_code < 400:
            return
        try:
            problem = Problem.model_validate_json(response.content)
        except ValidationError:
            raise OracleMisbehaved(
                f"{self.url} answered {response.status_code}: {response.text[:200]!r}",
                hint="check that the URL is an Assay oracle's",
            ) from None
        raise OracleRefused(problem.code, problem.message, status=response.status_code, hint=problem.hint)
