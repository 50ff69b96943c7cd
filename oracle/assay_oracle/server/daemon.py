"""The process: HTTP, pricing and the chain's loop in parallel, over one ledger."""

import hashlib
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from types import FrameType

import uvicorn
from eth_account.signers.local import LocalAccount
from fastapi import FastAPI

from assay.chain.interface import Deployment
from assay.chain.node import Node
from assay.chain.settlement import SettlementClient
from assay.errors import ChainError
from assay.protocol.types import ModelId
from assay_oracle.access.gate import Gate
from assay_oracle.keys.remote import RemoteAccount
from assay_oracle.keys.signer import LocalSigner
from assay_oracle.keys.vault import Vault
from assay_oracle.ledger.journal import Journal
from assay_oracle.ledger.replica import RENEWAL_SECONDS
from assay_oracle.log import about
from assay_oracle.operations.metered import MeteredAppraiser, MeteredClient, MeteredSigner, short
from assay_oracle.operations.state import StateCollector, exposition, sample_chain
from assay_oracle.server.api.app import create_app
from assay_oracle.server.connections import bounded
from assay_oracle.server.loop import STALE_SECONDS, Loop
from assay_oracle.server.model_watch import REVOKED, LoadAppraiser, ModelWatch
from assay_oracle.server.proven import ProvenOracles
from assay_oracle.server.recent import RecentClient
from assay_oracle.server.waiting import Waiting
from assay_oracle.services.catalogue import Catalogue
from assay_oracle.services.oracle import Oracle
from assay_oracle.services.pricing.proofs import Proofs
from assay_oracle.settings import WALL_FACTOR, ModelEntry, Settings
from assay_oracle.storage.chosen import Store, open_store
from assay_oracle.storage.local import free_bytes
from assay_oracle.storage.scratch import ScratchFolder

log = logging.getLogger(__name__)

SAMPLE_SECONDS = 10.0
"""Pause between two samples of the chain for the metrics."""
UNREADY_SECONDS = 90
"""Without an answer of the node for so long, the daemon asks to be sent no requests."""
MODELS_ROUNDS = 5
"""Rounds of the other loops between two looks at the configured models and their artifacts."""
_PRICING_PATIENCE = 5.0
"""Seconds, for all threads, in which attempts that were ended at a stop are recorded as such."""


def unix_time() -> int:
    """The oracle's own clock."""
    return int(time.time())


def open_chain(settings: Settings, vault: Vault | None = None) -> SettlementClient:
    """The chain that the settings name, with the oracle's account if its keys are open; checked.

    Raises:
        SettingsError: There is no deployment record.
        ChainError: No node, another chain, or no contract.
    """
    chain = MeteredClient.of(
        Node(settings.node, quorum=settings.quorum),
        Deployment.read(settings.deployment),
        account=vault.account if vault else None,
        confirmations=settings.confirmations,
        max_fee=settings.max_fee,
    )
    chain.check()
    return chain


class Daemon:
    """The oracle as a process.

    Args:
        settings: Where everything is, and its limits.
        vault: The opened secrets; without an account the daemon runs dry.
        chain: The settlement contract.
        load: Makes the appraiser of each model.
        read_models: Reads the configured models again; by default they stay as in ``settings``.
        registered: Called with each model that is found registered with its artifact's price function.
        next_key: Finds the account of a rotation that began, which is none of those it is given.
        end_pricing: Ends all pricing that is under way, when the daemon stops.
        now: Unix time.

    Attributes:
        app: The HTTP application, whose lifespan is that of the loops.

    Raises:
        JournalError: Another daemon uses the journal, or it is damaged.
    """

    def __init__(
        self,
        settings: Settings,
        vault: Vault,
        chain: SettlementClient,
        *,
        load: LoadAppraiser,
        read_models: Callable[[], Iterable[ModelEntry]] | None = None,
        registered: Callable[[ModelEntry], None] = lambda _: None,
        next_key: Callable[[Collection[str]], LocalAccount | RemoteAccount | None] = lambda _: None,
        end_pricing: Callable[[], None] = lambda: None,
        now: Callable[[], int] = unix_time,
    ) -> None:
        self._settings = settings
        self._end_pricing = end_pricing
        self._chain = chain
        self._journal = Journal(settings.ledger_url(), now=now)
        _check_secrets(self._journal, vault)
        chain.keep_in(self._journal.outbox)
        self._next_key = next_key
        blobs = open_store(settings)
        self._proofs = Proofs(blobs)
        self._proven = ProvenOracles(chain, lambda: self._signer.accounts if self._signer else ())
        self._signer: LocalSigner | None = self._signer_of(vault) if vault.accounts else None
        signer = MeteredSigner(self._signer) if self._signer else None
        self._dry = signer is None
        self._catalogue = Catalogue()
        models = ModelWatch(
            self._catalogue,
            chain,
            read=read_models or (lambda: settings.models),
            load=lambda entry: MeteredAppraiser(load(entry), short(entry.id)),
            registered=registered,
            oracles=lambda: signer.addresses if signer else (),
            committee=settings.committee,
            follow=self._proven.follow,
        )
        models.refresh()
        self._waiting = Waiting()
        self._oracle = Oracle(
            catalogue=self._catalogue,
            ledger=self._journal,
            blobs=blobs,
            proofs=self._proofs,
            scratch=ScratchFolder(settings.data_dir / "scratch"),
            chain=chain,
            signer=signer,
            identity=vault.identity,
            digests=vault.digests,
            settings=settings,
            now=now,
            recent=RecentClient(chain),
            priced=self._waiting.priced,
        )
        stale = STALE_SECONDS + 2 * WALL_FACTOR * settings.pricing_seconds
        price_next = where_room(blobs, self._oracle.evaluation.price_next)
        self._pricing = [
            Loop("pricing", price_next, settings.poll_seconds, now, stale=stale) for _ in range(settings.workers())
        ]
        self._orders = Loop("orders", _never_again(self._oracle.cycle), settings.poll_seconds, now)
        self._claims = Loop("claims", _renewing(self._journal), RENEWAL_SECONDS, now)
        self._models = Loop(
            "models", _never_again(self._follow_key, models.refresh), MODELS_ROUNDS * settings.poll_seconds, now
        )
        sample = sample_chain(
            chain,
            vault.account.address if vault.account else None,
            now,
            nodes=partial(chain.node.nodes.states, now=False),
            still=settings.still_after(chain.domain.chain_id),
        )
        self._samples = Loop("samples", sample, SAMPLE_SECONDS, now, stale=UNREADY_SECONDS)
        self._loops = (self._claims, *self._pricing, self._orders, self._models, self._samples)
        state = StateCollector(
            self._journal,
            free_bytes=partial(free_bytes, settings.data_dir),
            succeeded=lambda: last_rounds(self._loops),
            unavailable=lambda: len(self._catalogue.unavailable),
            now=now,
        )
        gate = Gate(
            chain=chain,
            ledger=self._journal,
            key=vault.access_key,
            settings=settings,
            operator_token=settings.secret_operator_token(),
            now=now,
        )
        self.app = create_app(
            self._oracle,
            gate,
            self.health,
            exposition=partial(exposition, state),
            ready=self.ready,
            waiting=self._waiting,
            wake_pricing=self._wake_pricing,
            wake_orders=self._orders.wake,
            lifespan=self._lifespan,
        )

    def _signer_of(self, vault: Vault) -> LocalSigner:
        return LocalSigner(
            *(vault.accounts, self._chain.domain, self._journal, partial(_oracle_of, self._chain)),
            committee=self._settings.committee,
            owners=self._chain.safe_owners,
            proven=self._proven.operators,
            proof_of=self._proofs.of,
        )

    def _follow_key(self) -> None:
        """Signs with the next key once there is one: the models that name it lose no sale to a restart."""
        if self._signer is not None and (account := self._next_key(self._signer.addresses)) is not None:
            self._signer.add(account)
            log.info("signing with the next key, too", extra=about(account=str(account.address)))

    def _wake_pricing(self) -> None:
        for loop in self._pricing:
            loop.wake()

    def health(self) -> dict[str, bool]:
        """Whether each part works, by name."""
        try:
            self._chain.block_number()
            reachable = True
        except ChainError:
            reachable = False
        return {
            "pricing": all(loop.healthy() for loop in self._pricing),
            "orders": self._orders.healthy(),
            "signing": not self._dry,
            "chain": reachable and self._samples.healthy(),
            "models": bool(self._catalogue.ids),
        }

    def ready(self) -> bool:
        """Whether requests can be served.

        The ledger answers, the chain moved lately, no loop is stuck, and not all models have replaced this oracle.
        """
        try:
            self._journal.cursor()
        except OSError:
            return False
        unavailable = self._catalogue.unavailable
        revoked = not self._catalogue.ids and unavailable and all(model.code in REVOKED for model in unavailable)
        return not revoked and all(loop.healthy() for loop in self._loops)

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG002
        for loop in self._loops:
            loop.start()
        yield
        self._samples.stop(patience=0)
        self._models.stop(patience=0)
        for loop in self._pricing:
            loop.ask_to_stop()
        self._end_pricing()
        end = time.monotonic() + _PRICING_PATIENCE
        for loop in self._pricing:
            loop.stop(patience=max(0.0, end - time.monotonic()))
        self._orders.stop(patience=15)
        self._claims.stop(patience=1)

    def _read_models_again(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._models.wake()

    def serve(self, ready: Callable[[str], None]) -> None:
        """Serves until SIGTERM or SIGINT; running requests and ticks end first. SIGHUP reads the models again.

        ``ready`` is called with the URL once the server listens.
        """
        config = bounded(self.app, host=self._settings.host, port=self._settings.port)
        try:
            with _signals({signal.SIGTERM: _ignore, signal.SIGINT: _ignore, signal.SIGHUP: self._read_models_again}):
                _Server(config, ready, self._waiting).run()
        finally:
            self._journal.close()


class _Server(uvicorn.Server):
    """Reports where it listens. A stop waits for no request that waits itself."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None], waiting: Waiting) -> None:
        super().__init__(config)
        self._ready = ready
        self._waiting = waiting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts listening."""
        await super().startup(sockets)
        if self.servers:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._ready(f"http://{host}:{port}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops listening, and ends what is under way."""
        self._waiting.close()
        await super().shutdown(sockets)


def _oracle_of(chain: SettlementClient, model_id: ModelId) -> str | None:
    return chain.model_state(model_id).oracle


def last_rounds(loops: Iterable[Loop]) -> dict[str, int]:
    """When the last round without a failure ended, by name; of several loops of one name, that of the worst."""
    newest_first = sorted(loops, key=lambda loop: -loop.ended)
    return {loop.name: loop.ended for loop in newest_first}


def where_room(store: Store, tick: Callable[[], bool]) -> Callable[[], bool]:
    """A tick that waits while the disk has too little room: strangers' offers fill no journal that orders need."""

    def with_room() -> bool:
        store.check_room_to_price()
        return tick()

    return with_room


def _check_secrets(journal: Journal, vault: Vault) -> None:
    """Checks that the ledger was written with the secrets of ``vault``.

    Raises:
        JournalError: It was not; the journal is closed.
    """
    try:
        journal.check_secret("digest secret", vault.digests.fingerprint())
        journal.check_secret("age identity", hashlib.sha256(vault.recipient.encode()).digest())
    except BaseException:
        journal.close()
        raise


def _renewing(journal: Journal) -> Callable[[], bool]:
    """A tick that renews claims. Where it fails the next one comes as soon: what is not renewed ends."""

    def tick() -> bool:
        try:
            journal.renew()
        except OSError as error:
            log.warning("claims not renewed", extra=about(cause=str(error)))
        return False

    return tick


def _never_again(*acts: Callable[[], None]) -> Callable[[], bool]:
    """A tick that does all there is at once."""

    def tick() -> bool:
        for act in acts:
            act()
        return False

    return tick


def _ignore(number: int, frame: FrameType | None) -> None:
    """Uvicorn re-raises SIGTERM and SIGINT after shutting down; ignored, the process exits with 0."""


@contextmanager
def _signals(handlers: Mapping[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    """Handles signals in the context."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
