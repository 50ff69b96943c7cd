"""Sellers who log in, open an offer, upload it and ask for its quote, over HTTP."""

import io
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from eth_account import Account
from eth_account.signers.local import LocalAccount

from assay import OracleClient, envelope
from assay.protocol import seal
from assay.protocol.messages import MOST_WAIT_SECONDS, OfferRequest, OfferState, OfferStatus
from assay.protocol.statements import Domain
from assay.protocol.types import ModelId

PENDING = (OfferStatus.UPLOADING, OfferStatus.PRICING)


@dataclass(frozen=True)
class Prepared:
    """An offer that is ready to be sent: its request and its upload."""

    account: LocalAccount
    request: OfferRequest
    upload: bytes


@dataclass(frozen=True)
class Answered:
    """An offer and its answer; ``seconds`` pass from the first request to the quote."""

    state: OfferState
    seconds: float
    ended: float


def prepare(data: bytes, model_id: ModelId, domain: Domain, recipient: str) -> Prepared:
    """Seals the data and signs the offer, as a new seller."""
    account: LocalAccount = Account.create()
    key, nonce = secrets.token_bytes(32), secrets.token_bytes(32)
    sealed, upload = io.BytesIO(), io.BytesIO()
    root = seal.seal(io.BytesIO(data), sealed, key, chunk_size=4096).data_root
    sealed.seek(0)
    envelope.encrypt_to(recipient, sealed, upload)
    message = domain.offer(model_id, account.address, root, nonce)
    request = OfferRequest(
        model_id=model_id,
        seller=account.address,
        data_root=root,
        nonce=nonce,
        signature=bytes(account.sign_message(message).signature),
        upload_bytes=len(upload.getvalue()),
        sealed_key=envelope.wrap_key(recipient, key),
    )
    return Prepared(account, request, upload.getvalue())


def sell(client: OracleClient, domain: Domain, prepared: Prepared) -> Answered:
    """From the login to the quote."""
    begun = time.monotonic()
    party = client.as_party_of(prepared.account, domain)
    state = party.open_offer(prepared.request)
    state = party.upload(state.offer_id, io.BytesIO(prepared.upload), opened=state, wait=MOST_WAIT_SECONDS)
    while state.status in PENDING:
        state = party.offer(state.offer_id, wait=MOST_WAIT_SECONDS)
    ended = time.monotonic()
    return Answered(state, ended - begun, ended)


class Crowd:
    """Threads that sell one offer after the other.

    Args:
        url: Of the oracle.
        threads: How many sell at one time.
        prepare: The next offer; called by all threads.
        domain: Of the contract.
    """

    def __init__(self, url: str, threads: int, prepare: Callable[[], Prepared], domain: Domain) -> None:
        self._url = url
        self._threads = threads
        self._prepare = prepare
        self._domain = domain

    def sell(self, seconds: float, rate: float | None = None) -> list[Answered]:
        """Sells for so long, at once after each other or at most ``rate`` a second; every answer.

        At a rate the offers start at fixed times, and one that has to wait for a thread is counted from its time on:
        a slow answer does not slow the questions.
        """
        answers: list[Answered] = []
        lock, start = threading.Lock(), time.monotonic()
        due = [start]
        failures: list[BaseException] = []

        def work() -> None:
            try:
                with OracleClient(self._url) as client:
                    while not failures:
                        prepared = self._prepare()
                        with lock:
                            begin = due[0]
                            due[0] += 1 / rate if rate else 0
                        if max(begin, time.monotonic()) - start >= seconds:
                            return
                        time.sleep(max(0.0, begin - time.monotonic()))
                        late = time.monotonic() - begin if rate else 0.0
                        found = sell(client, self._domain, prepared)
                        with lock:
                            answers.append(Answered(found.state, found.seconds + late, found.ended))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(self._threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return answers
