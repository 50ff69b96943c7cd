"""The parties of a run: sellers who repeat what failed until their sale has ended, and a buyer who looks again.

Some sell and buy by ``assay sell`` and ``assay buy``, which faults kill; the others in this process.
"""

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
from chaos.clients import PASSWORD, Command, answer_of, write_keystore
from chaos.stage import BUYER, CONFIRMATIONS, Stage, seller

_AGAIN = 0.3
"""Seconds until a seller repeats what failed."""
_TIMEOUT = 20.0
"""Seconds in which an oracle must answer; a line may be slow."""
UNFINISHED = "unfinished"
BY_COMMAND = (1, 2)
"""Sales whose seller and buyer are commands: a process of each takes a second to start."""
_PAUSE = "0.3"
"""Seconds between two polls of a command that buys."""


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
        self.selling = {number: self._command(seller_home(number), *self._sell_words(number)) for number in BY_COMMAND}
        self.buying = {number: self._command("buyer", *self._buy_words(number)) for number in BY_COMMAND}
        self._threads = [threading.Thread(target=self._sell, args=(sale,)) for sale in self.sales]
        self._threads += [threading.Thread(target=self._buy_by_command, args=(number,)) for number in BY_COMMAND]
        self._threads.append(threading.Thread(target=self._buy))

    def _command(self, home: str, *words: object) -> Command:
        """``assay`` in the name of whoever has the folder ``home``."""
        environment = {
            "ASSAY_HOME": str(self._folder / home),
            "ASSAY_PASSWORD": PASSWORD,
            "ASSAY_NODE": self._node_url,
            "ASSAY_ORACLE": self._oracle_url,
            "ASSAY_DEPLOYMENTS": str(self._folder / "deployments"),
            "ASSAY_CONFIRMATIONS": str(CONFIRMATIONS),
        }
        return Command(words, environment, self._step)

    def _model_of(self, number: int) -> ModelId:
        return self._models[self._stage.goods[number].model]

    def _sell_words(self, number: int) -> tuple[object, ...]:
        return "sell", self._file(number), "--model", f"0x{self._model_of(number).hex()}", "--yes"

    def _buy_words(self, number: int) -> tuple[object, ...]:
        model = f"0x{self._model_of(number).hex()}"
        return "buy", "--model", model, "--into", self._folder / f"bought-{number}", "--every", _PAUSE

    def _file(self, number: int) -> Path:
        return self._folder / f"goods-{number}.csv"

    def begin(self) -> None:
        """Starts all of them."""
        self._stage.write_buyer(self._folder / "buyer")
        for number in BY_COMMAND:
            write_keystore(self._folder / seller_home(number), bytes(seller(number).key))
        for thread in self._threads:
            thread.start()

    def have_ended(self) -> bool:
        """Whether every sale has ended, and every file that was paid for is open."""
        paid = sum(sale.outcome == Status.PAID.name for sale in self.sales)
        ended = all(sale.outcome != UNFINISHED for sale in self.sales)
        return ended and sum(map(len, self.bought.values())) >= paid

    def end(self) -> None:
        """Ends the threads and the commands, and waits for them."""
        self._ended.set()
        for command in (*self.selling.values(), *self.buying.values()):
            command.stop()
        for thread in self._threads:
            thread.join()

    def _sell(self, sale: Sale) -> None:
        account, file = seller(sale.number), self._file(sale.number)
        file.write_bytes(self._stage.goods[sale.number].content)
        if sale.number in self.selling:
            self._sell_by_command(sale)
            return
        home = self._folder / seller_home(sale.number)
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
        record = own.prepare(file, self._model_of(sale.number))
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

    def _sell_by_command(self, sale: Sale) -> None:
        """Starts the command again until it says how the sale ended."""
        store = OfferStore(self._folder / seller_home(sale.number))
        while not self._ended.is_set() and sale.outcome == UNFINISHED:
            _, printed, sale.last_error = self.selling[sale.number].run()
            answer = answer_of(printed)
            if records := store.of(self._file(sale.number), model_id=self._model_of(sale.number), seller=_seller(sale)):
                sale.record = records[0]
                sale.quoted |= {record.quote.price for record in records if record.quote}
            if "status" in answer:
                sale.quoted.add(int(answer["price"]))
                status = str(answer["status"])
                sale.outcome = status.upper() if status.upper() in Status.__members__ else status
            self._ended.wait(_AGAIN)

    def _buy_by_command(self, number: int) -> None:
        """Keeps the command running, and takes what it has opened."""
        running = threading.Thread(target=self._run_again, args=(self.buying[number],))
        running.start()
        while not self._ended.wait(_AGAIN):
            for file in (self._folder / f"bought-{number}").glob("*.csv"):
                self._take(self._model_of(number), file.read_bytes())
        running.join()

    def _run_again(self, command: Command) -> None:
        while not self._ended.is_set():
            command.run()
            self._ended.wait(_AGAIN)

    def _take(self, model: ModelId, content: bytes) -> None:
        held = self.bought.setdefault(model, [])
        if content not in held:
            held.append(content)

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
                    by_command = {self._model_of(number) for number in BY_COMMAND}
                    while not self._ended.wait(_AGAIN):
                        for model in self._models:
                            if model not in by_command:
                                self._poll(buyer, model)
            except AssayError:
                self._ended.wait(_AGAIN)

    def _poll(self, buyer: Buyer, model: ModelId) -> None:
        for purchase in buyer.poll(model):
            if purchase.file and purchase.status is Status.PAID:
                self._take(model, purchase.file.read_bytes())


def seller_home(number: int) -> str:
    """Name of a seller's folder in that of the run."""
    return f"seller-{number}"


def _seller(sale: Sale) -> str:
    return str(seller(sale.number).address)
