"""The parties of a run: sellers who repeat what failed until their sale has ended, and a buyer who looks again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from assay import OracleClient
from assay.errors import AssayError, OfferRefused
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Status
from assay.protocol.types import ModelId
from assay.sale.buyer import Buyer
from assay.sale.offers import OfferRecord, OfferStore
from assay.sale.seller import Seller
from chaos.stage import BUYER, Stage, seller

_AGAIN = 0.3
"""Seconds until a seller repeats what failed."""
_TIMEOUT = 20.0
"""Seconds in which an oracle must answer; a line may be slow."""
UNFINISHED = "unfinished"


@dataclass
class Sale:
    """One sale: how it ended, and all prices that its seller was quoted."""

    number: int
    outcome: str = UNFINISHED
    quoted: set[int] = field(default_factory=set)
    record: OfferRecord | None = None
    last_error: str = ""


class Parties:
    """All parties, each a thread.

    Args:
        stage: What is sold.
        folder: Of the run.
        node_url, oracle_url: Where parties reach the two.
        models: Ids of the models.
        step: Called at each step of anybody.
    """

    def __init__(
        self,
        stage: Stage,
        folder: Path,
        node_url: str,
        oracle_url: str,
        models: list[ModelId],
        step: Callable[[], None],
    ) -> None:
        self._stage = stage
        self._folder = folder
        self._node_url = node_url
        self._oracle_url = oracle_url
        self._models = models
        self._step = step
        self._ended = threading.Event()
        self.sales = [Sale(number) for number in range(len(stage.goods))]
        self.bought: dict[bytes, list[bytes]] = {}
        self._sellers = [threading.Thread(target=self._sell, args=(sale,)) for sale in self.sales]
        self._buyer = threading.Thread(target=self._buy)

    def begin(self) -> None:
        """Starts all of them."""
        for thread in (*self._sellers, self._buyer):
            thread.start()

    def have_ended(self) -> bool:
        """Whether every sale has ended, and every file that was paid for is open."""
        paid = sum(sale.outcome == Status.PAID.name for sale in self.sales)
        ended = all(sale.outcome != UNFINISHED for sale in self.sales)
        return ended and sum(map(len, self.bought.values())) >= paid

    def end(self) -> None:
        """Ends the threads, and waits for them."""
        self._ended.set()
        for thread in (*self._sellers, self._buyer):
            thread.join()

    def _sell(self, sale: Sale) -> None:
        goods, account = self._stage.goods[sale.number], seller(sale.number)
        file = self._folder / f"goods-{sale.number}.csv"
        file.write_bytes(goods.content)
        home = self._folder / f"seller-{sale.number}"
        while not self._ended.is_set() and sale.outcome == UNFINISHED:
            try:
                with OracleClient(self._oracle_url, timeout=_TIMEOUT) as oracle:
                    chain = self._stage.chain(self._node_url, self._folder, account)
                    own = Seller(chain, oracle, OfferStore(home), account, report=self._said, poll=0.2)
                    self._carry(sale, own, file)
            except OfferRefused as error:
                sale.outcome = error.reason_code
            except AssayError as error:
                sale.last_error = f"{type(error).__name__}: {error.message}"
                self._ended.wait(_AGAIN)

    def _carry(self, sale: Sale, own: Seller, file: Path) -> None:
        record = own.prepare(file, self._models[self._stage.goods[sale.number].model])
        sale.record = record
        if record.acceptance is None:
            record, state = own.offer(record)
            if state.quote:
                sale.quoted.add(state.quote.price)
            if state.status is OfferStatus.DECLINED:
                sale.outcome = str(state.status)
                return
        record = own.accept(record)
        if record.quote:
            sale.quoted.add(record.quote.price)
        sale.record = record
        sale.outcome = own.release(record).name

    def _said(self, _: str) -> None:
        self._step()
        if self._ended.is_set():
            raise AssayError("the run has ended")

    def _buy(self) -> None:
        while not self._ended.is_set():
            try:
                with OracleClient(self._oracle_url, timeout=_TIMEOUT) as oracle:
                    chain = self._stage.chain(self._node_url, self._folder, BUYER)
                    folder = self._folder / "bought"
                    buyer = Buyer(chain, oracle, BUYER, self._stage.identity, folder, report=lambda _: self._step())
                    while not self._ended.wait(_AGAIN):
                        for model in self._models:
                            self._poll(buyer, model)
            except AssayError:
                self._ended.wait(_AGAIN)

    def _poll(self, buyer: Buyer, model: ModelId) -> None:
        for purchase in buyer.poll(model):
            if purchase.file and purchase.status is Status.PAID:
                held = self.bought.setdefault(model, [])
                content = purchase.file.read_bytes()
                if content not in held:
                    held.append(content)
