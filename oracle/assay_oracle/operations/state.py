"""Metrics that are read when they are asked for: of the ledger, the disk and the loops. None of them asks the chain."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from assay.chain.port import Chain
from assay.chain.rpc.members import NodeState
from assay.errors import ChainError
from assay.protocol.messages import OfferStatus
from assay_oracle.operations.metered import short
from assay_oracle.operations.metrics import (
    BALANCE,
    CHAIN_BLOCK,
    CHAIN_SAMPLED,
    CHAIN_TIME,
    NODE_BLOCK,
    NODE_WELL,
    REGISTRY,
)
from assay_oracle.services.ports import Ledger

WEI = 10**18
"""Base units of one native coin."""


class StateCollector(Collector):
    """Reads the state of one daemon.

    Args:
        ledger: Counted in small queries.
        free_bytes: Free bytes of the disk that the ledger lies on.
        succeeded: When each loop last ended a round without a failure, unix time, by name.
        unavailable: Number of configured models that cannot be priced for.
        now: Unix time.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        free_bytes: Callable[[], int],
        succeeded: Callable[[], dict[str, int]],
        unavailable: Callable[[], int],
        now: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._free_bytes = free_bytes
        self._succeeded = succeeded
        self._unavailable = unavailable
        self._now = now

    def collect(self) -> Iterable[Metric]:
        """The metrics; those of the ledger are left out while it does not answer, which ``assay_ledger_up`` says."""
        yield _gauge("assay_free_disk_bytes", "Free bytes on the disk of data_dir", self._free_bytes())
        yield _gauge("assay_models_unavailable", "Configured models that cannot be priced for", self._unavailable())
        loops = GaugeMetricFamily(
            "assay_loop_success_timestamp_seconds",
            "When each loop last ended a round without a failure",
            labels=["loop"],
        )
        for name, ended in self._succeeded().items():
            loops.add_metric([name], ended)
        yield loops
        try:
            found = list(self._of_ledger())
        except OSError:
            found = []
        yield _gauge("assay_ledger_up", "Whether the ledger answers", bool(found))
        yield from found

    def _of_ledger(self) -> Iterator[Metric]:
        counts = self._ledger.offers.counts()
        offers = GaugeMetricFamily("assay_offers", "Offers by model and status", labels=["model", "status"])
        for (model_id, status), count in counts.items():
            offers.add_metric([short(model_id), status], count)
        yield offers
        waiting = sum(count for (_, status), count in counts.items() if status is OfferStatus.PRICING)
        yield _gauge("assay_queue_length", "Offers that wait to be priced, or are", waiting)
        oldest = self._ledger.offers.oldest(OfferStatus.PRICING)
        age = 0 if oldest is None else max(0, self._now() - oldest)
        yield _gauge("assay_queue_oldest_seconds", "How long the first of them has waited", age)
        cursor = self._ledger.cursor()
        yield _gauge("assay_chain_read_block", "Block up to which events were read", cursor.block if cursor else 0)
        held = max((restoration.held_until for restoration in self._ledger.restorations()), default=0)
        text = "Chain time before which no offer is priced after a restoration; 0 without one"
        yield _gauge("assay_pricing_held_until_timestamp_seconds", text, held)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def exposition(collector: Collector) -> bytes:
    """All metrics in the text format of Prometheus."""
    own = CollectorRegistry()
    own.register(collector)
    return generate_latest(REGISTRY) + generate_latest(own)


def sample_chain(
    chain: Chain,
    account: str | None,
    now: Callable[[], int],
    *,
    nodes: Callable[[], Iterable[NodeState]] = tuple,
    still: int | None = None,
) -> Callable[[], bool]:
    """A loop's tick that asks the node: its latest block, and what the account holds. An answer to a scraper waits not.

    A node that does not answer raises ``NodeUnreachable``; the gauges keep what they had. A latest block that is older
    than ``still`` seconds raises ``ChainError``: the chain stands still, or all nodes lag.

    Args:
        chain: What is asked.
        account: Account that pays for gas; None in a dry run.
        now: Unix time.
        nodes: What each node was like when it was last asked.
        still: Age of the latest block, in seconds; None for no bound.
    """

    def tick() -> bool:
        for node in nodes():
            NODE_WELL.labels(node.name).set(not node.fault)
            NODE_BLOCK.labels(node.name).set(node.head)
        block, time = chain.block_number(), chain.block_time()
        if account is not None:
            BALANCE.set(chain.balance(account) / WEI)
        CHAIN_BLOCK.set(block)
        CHAIN_TIME.set(time)
        CHAIN_SAMPLED.set(now())
        if still is not None and now() - time > still:
            raise ChainError(
                f"expected a block within {still} s, the latest one is {now() - time} s old",
                hint="compare the nodes with an explorer; if the chain itself stands still, wait: nothing is lost",
            )
        return False

    return tick
