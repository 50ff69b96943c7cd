"""One run: ten sales at a time, faults at drawn steps, and what must hold at the end."""

import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from localnet import Node, anvil
from sqlalchemy import create_engine, text

from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Status
from assay.protocol.types import ModelId
from chaos.faults import Strike, drawn
from chaos.line import Line, port_of
from chaos.sales import UNFINISHED, Parties, Sale
from chaos.stage import Stage
from chaos.town import Town, town

LIMIT = 400.0
"""Seconds after which a sale counts as unfinished."""
_EVERY = 0.2
_STILL = 40
"""Blocks without a step after which the chain's clock passes a window that somebody may wait for.

20 s where the machine keeps up: one that is slow makes fewer blocks, too.
"""
_WINDOW = 3700


@dataclass
class Ended:
    """A run: what struck, and sales or quotes that are not as they must be, each in a sentence."""

    seed: int
    ledger: str
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    steps: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    def is_good(self) -> bool:
        """Whether nothing was lost, doubled, wrong or left."""
        return not (self.lost or self.doubled or self.wrong or self.unfinished)


class _Steps:
    """Counts steps; faults strike one after the other, beside the sales, when their step has come."""

    def __init__(self, strikes: list[Strike], place: Town, seed: int) -> None:
        self.count = 0
        self.struck: list[str] = []
        self._strikes = strikes
        self._town = place
        self._random = Random(seed + 1)  # noqa: S311
        self._moved = threading.Condition()
        self._ended = False
        self._error = ""
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def step(self) -> None:
        """Something happened."""
        with self._moved:
            self.count += 1
            self._moved.notify()

    def end(self) -> str:
        """No fault strikes any more; what went wrong with one: a daemon that did not start again, for example."""
        with self._moved:
            self._ended = True
            self._moved.notify()
        self._thread.join()
        return self._error

    def _work(self) -> None:
        try:
            self._strike()
        except Exception as error:
            self._error = f"{type(error).__name__}: {error}"

    def _strike(self) -> None:
        for strike in self._strikes:
            with self._moved:
                self._moved.wait_for(lambda at=strike.step: self._ended or self.count >= at)  # type: ignore[misc]
            if self._ended:
                return
            self.struck.append(f"{strike.kind} at step {self.count}")
            strike.fault(self._town, self._random)
            self._town.heal()


def run(stage: Stage, folder: Path, seed: int, ledger: str | None, strikes: list[Strike] | None = None) -> Ended:
    """A run in a new ``folder``, with the faults of its seed or with ``strikes``.

    Args:
        stage: What is sold.
        folder: Everything is kept there.
        seed: Draws the faults.
        ledger: URL of an empty PostgreSQL database for two replicas; None for one daemon on SQLite.
        strikes: Instead of those drawn by the seed.
    """
    folder.mkdir(parents=True)
    (folder / "price").symlink_to(stage.folder / "price")
    begun = time.monotonic()
    found = Ended(seed, "postgresql" if ledger else "sqlite")
    with anvil(folder / "anvil.log") as node:
        models = stage.build(node, folder)
        with town(node, folder, models, ledger, stage.durable) as place, Line([port_of(node.url)]) as line:
            steps = _Steps(drawn(seed) if strikes is None else strikes, place, seed)
            parties = Parties(stage, folder, line.url, place.to_oracle.url, models, steps.step)
            place.selling, place.buying = list(parties.selling.values()), list(parties.buying.values())
            parties.begin()
            try:
                _wait(node, parties, steps, begun + LIMIT)
            finally:
                parties.end()
                found.unfinished += filter(None, [steps.end()])
        found.steps, found.faults = steps.count, steps.struck
        _judge(found, stage, parties, models, node, folder)
    url = ledger or f"sqlite:///{folder / 'oracle/journal.sqlite'}"
    _read_ledger(found, stage, parties, url)
    found.seconds = round(time.monotonic() - begun, 1)
    return found


def _wait(node: Node, parties: Parties, steps: _Steps, latest: float) -> None:
    seen, since = -1, 0
    while not parties.have_ended() and time.monotonic() < latest:
        time.sleep(_EVERY)
        block = int(node.rpc("eth_blockNumber"), 16)
        if steps.count != seen:
            seen, since = steps.count, block
        elif block - since > _STILL:
            node.pass_time(_WINDOW)
            steps.step()


def _judge(found: Ended, stage: Stage, parties: Parties, models: list[ModelId], node: Node, folder: Path) -> None:
    """What sellers, buyer and chain have at the end."""
    found.outcomes = dict(Counter(sale.outcome for sale in parties.sales))
    paid = [sale for sale in parties.sales if sale.outcome == Status.PAID.name]
    for sale in parties.sales:
        goods = stage.goods[sale.number]
        name = f"sale {sale.number}"
        if sale.outcome == UNFINISHED:
            found.unfinished.append(f"{name}: {sale.last_error or 'no error'}")
        if sale.outcome not in _expected(sale, stage):
            found.lost.append(f"{name} ended as {sale.outcome}")
        if len(sale.quoted) > 1:
            found.doubled.append(f"{name} was quoted {sorted(sale.quoted)}")
        if sale.quoted - {goods.price}:
            found.wrong.append(f"{name} was quoted {sorted(sale.quoted)}, its price is {goods.price}")
    for sale in paid:
        model = models[stage.goods[sale.number].model]
        if stage.goods[sale.number].content not in parties.bought.get(model, []):
            found.lost.append(f"sale {sale.number} was paid, and its file is not with the buyer")
    same = [sale.number for sale in paid if stage.goods[sale.number].model == 0]
    if len(same) > 1:
        found.doubled.append(f"sales {same} have the same records, and all were paid")
    posted = len(stage.chain(node.url, folder).posted())
    if posted > len(paid):
        found.doubled.append(f"{posted} orders were posted for {len(paid)} sales")


def _expected(sale: Sale, stage: Stage) -> tuple[str, ...]:
    """How a sale may end: without a price where its records bring nothing, or where another offer has them, too."""
    goods = stage.goods[sale.number]
    has_double = sum(other.model == goods.model for other in stage.goods) > 1
    paid = (Status.PAID.name,) if goods.price else ()
    declined = (str(OfferStatus.DECLINED),) if has_double or not goods.price else ()
    return (UNFINISHED, *paid, *declined)


def _read_ledger(found: Ended, stage: Stage, parties: Parties, url: str) -> None:
    """What the oracle's ledger has at the end."""
    engine = create_engine(url)
    with engine.connect() as database:
        rows = database.execute(text("SELECT model_id, offer_id, price FROM evaluations")).all()
    engine.dispose()
    prices = {bytes(offer): int(price) for _, offer, price in rows}
    for model, count in Counter(bytes(model) for model, *_ in rows).items():
        if count > 1:
            found.doubled.append(f"model 0x{model.hex()[:8]} has {count} evaluations of one set of records")
    for sale in parties.sales:
        offer = sale.record.offer_id if sale.record else None
        if sale.quoted and (offer is None or prices.get(bytes(offer)) != stage.goods[sale.number].price):
            found.lost.append(f"sale {sale.number}: the ledger has price {prices.get(bytes(offer or b''))}")
