"""The process: HTTP, pricing and the chain's loop side by side, over one journal."""

import logging
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from assay.chain.interface import Deployment
from assay.chain.settlement import SettlementClient
from assay.errors import AssayError, ChainError, SettingsError
from assay_oracle.keys.signer import Signer
from assay_oracle.keys.vault import Vault
from assay_oracle.ledger.journal import Journal
from assay_oracle.log import about
from assay_oracle.server.api import create_app
from assay_oracle.services.catalogue import Parse, PricedModel, PriceFunctionLike
from assay_oracle.services.offers import Limits, OfferService
from assay_oracle.services.orders import OrderService
from assay_oracle.settings import Settings
from assay_oracle.storage.local import FileStore

STALE_SECONDS = 300
"""A loop that has not come round for so long is not healthy; pricing one large offer may take minutes."""
_MAX_PAUSE = 60.0

log = logging.getLogger(__name__)


def unix_time() -> int:
    """The one clock."""
    return int(time.time())


def open_chain(settings: Settings, vault: Vault) -> SettlementClient:
    """The chain as the settings name it, with the oracle's account; checked.

    Raises:
        SettingsError: no deployment record.
        ChainError: no node, another chain, or no contract.
    """
    chain = SettlementClient.of(settings.node, Deployment.read(settings.deployment), account=vault.account)
    chain.check()
    return chain


def open_read_only(settings: Settings) -> SettlementClient:
    """The same without an account."""
    chain = SettlementClient.of(settings.node, Deployment.read(settings.deployment))
    chain.check()
    return chain


@dataclass
class Loop:
    """Calls ``step`` until ``stop``: again at once while it returns True, else after ``pause`` seconds or a wake-up.

    What fails is logged and tried again, after pauses that double up to a minute.
    """

    name: str
    step: Callable[[], bool]
    pause: float
    now: Callable[[], int]
    seen: int = 0
    _wake: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Runs in a thread of its own."""
        self.seen = self.now()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def stop(self, patience: float) -> None:
        """Ends after the current step; one that takes longer than ``patience`` seconds is left: it is safe to cut."""
        self._stop.set()
        self._wake.set()
        if self._thread:
            self._thread.join(patience)

    def healthy(self) -> bool:
        """Whether it came round lately."""
        return bool(self._thread and self._thread.is_alive()) and self.now() - self.seen < STALE_SECONDS

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._wake.clear()
            again = False
            try:
                again = self.step()
                failures = 0
            except AssayError as error:
                failures += 1
                log.warning(f"{self.name} failed; tried again", extra=about(code=error.code, cause=error.message))
            except Exception:
                failures += 1
                log.exception(f"{self.name} failed; tried again")
            self.seen = self.now()
            if failures:
                self._stop.wait(min(self.pause * 2**failures, _MAX_PAUSE))
            elif not again:
                self._wake.wait(self.pause)


class Daemon:
    """Everything put together.

    Args:
        settings: what is set.
        vault: the opened secrets; without an account the daemon runs dry.
        chain: the settlement contract.
        parse: bytes and schema to records.
        load: folder of an artifact to price function.
        now: unix time.
    """

    def __init__(
        self,
        settings: Settings,
        vault: Vault,
        chain: SettlementClient,
        *,
        parse: Parse,
        load: Callable[[Path], PriceFunctionLike],
        now: Callable[[], int] = unix_time,
    ) -> None:
        if not settings.models:
            raise SettingsError("expected at least one model to price for, got none", hint="add [[models]]")
        self.settings = settings
        self._chain = chain
        self.journal = Journal(settings.data_dir / "journal.sqlite", now=now)
        store = FileStore(settings.data_dir, max_bytes=settings.max_disk_bytes)
        models = {entry.id: PricedModel.load(entry.id, entry.artifact, chain, load) for entry in settings.models}
        signer = Signer(vault.account, chain.domain, self.journal) if vault.account else None
        self._dry = signer is None
        self.offers = OfferService(
            identity=vault.identity,
            digests=vault.digests,
            signer=signer,
            journal=self.journal,
            store=store,
            chain=chain,
            models=models,
            parse=parse,
            limits=Limits(
                quote_seconds=settings.quote_seconds,
                max_upload_bytes=settings.max_upload_bytes,
                max_open_offers=settings.max_open_offers,
                max_open_offers_per_seller=settings.max_open_offers_per_seller,
            ),
            now=now,
        )
        self.orders = OrderService(
            identity=vault.identity,
            journal=self.journal,
            store=store,
            chain=chain,
            models=models,
            confirmations=settings.depth(chain.domain.chain_id),
            idle=(settings.upload_idle_seconds, settings.quote_idle_seconds),
            keep=settings.keep_seconds,
            now=now,
        )
        self._pricing = Loop("pricing", self.offers.price_next, settings.poll_seconds, now)
        self._orders = Loop("orders", self._cycle, settings.poll_seconds, now)
        self.app = create_app(self.offers, self.orders, self.health, wake=self.wake, lifespan=self._lifespan)

    def _cycle(self) -> bool:
        self.orders.cycle()
        return False

    def wake(self) -> None:
        """There is something to price or to post."""
        self._pricing.wake()
        self._orders.wake()

    def health(self) -> dict[str, bool]:
        """What works, by name."""
        try:
            self._chain.block_number()
            reachable = True
        except ChainError:
            reachable = False
        return {
            "pricing": self._pricing.healthy(),
            "orders": self._orders.healthy(),
            "signing": not self._dry,
            "chain": reachable,
        }

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG002
        self._pricing.start()
        self._orders.start()
        yield
        self._pricing.stop(patience=5)
        self._orders.stop(patience=15)

    def serve(self, ready: Callable[[str], None]) -> None:
        """Serves until SIGTERM or SIGINT; running requests and steps end first.

        ``ready`` gets the URL once the server listens.
        """
        config = uvicorn.Config(
            self.app,
            host=self.settings.host,
            port=self.settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=10,
            timeout_keep_alive=30,
            h11_max_incomplete_event_size=64 * 1024,
            server_header=False,
        )
        try:
            with _asked_to_stop_is_no_error():
                _Server(config, ready).run()
        finally:
            self.journal.close()


class _Server(uvicorn.Server):
    """Says where it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts listening."""
        await super().startup(sockets)
        if self.servers:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._ready(f"http://{host}:{port}")


class _asked_to_stop_is_no_error:  # noqa: N801
    """uvicorn shuts down at a signal and then raises it again, for whoever handled it before."""

    def __enter__(self) -> None:
        self._before = {number: signal.signal(number, _ignore) for number in (signal.SIGTERM, signal.SIGINT)}

    def __exit__(self, *unused: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _ignore(number: int, frame: FrameType | None) -> None:
    """The shutdown is under way already."""
