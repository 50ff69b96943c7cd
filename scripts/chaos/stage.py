"""What runs have in common: a price function, the sellers' files, and what they are worth."""

import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from localnet import ETHER, Node, account
from numpy.typing import NDArray

from assay import ModelTerms, SettlementClient, keys
from assay.chain.interface import Deployment
from assay.envelope import delivery_key_of, public_of
from assay.protocol.types import ModelId
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from assay_pricing.price import PricingRule
from assay_pricing.records.inference import infer
from assay_pricing.records.tables import parse_table, to_records
from chaos import power
from chaos.clients import PASSWORD, write_keystore

SALES = 10
"""Concurrent sales of a run: the last two have the first one's records, and records that are worth nothing."""
RECORD = "31337.json"
HOUR = 3600
CONFIRMATIONS = 3
_CORNERS = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
_RECORDS = 30
BUYER, ORACLE = account(1), account(2)


def seller(number: int) -> Any:
    """The account of a sale's seller."""
    return account(5 + number)


@dataclass(frozen=True)
class Goods:
    """A file that is offered to the ``model``-th model, and its price in base units; 0 is no price."""

    model: int
    content: bytes
    price: int


class Stage:
    """Fits the price function, in ``folder``, and prices the files of all sales."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        keys.create_identity(folder / "buyer.json", PASSWORD)
        self.identity = keys.load_identity(folder / "buyer.json", PASSWORD)
        self.durable = power.build(folder)
        self.function = self._fit()
        useful = [_table(100 + number, _RECORDS, (2,)) for number in range(SALES - 2)]
        contents = [*enumerate(useful), (0, _shuffled(useful[0])), (SALES - 2, _table(1, 50, (0, 1)))]
        self.goods = [Goods(model, content, self._price(content)) for model, content in contents]

    def write_buyer(self, home: Path) -> None:
        """The buyer's keys, in a new folder for its commands."""
        write_keystore(home, bytes(BUYER.key))
        shutil.copy(self.folder / "buyer.json", home / "identity.json")

    def terms(self, number: int) -> ModelTerms:
        """Of the ``number``-th model: all have the one price function."""
        return ModelTerms(
            owner=BUYER.address,
            function_hash=self.function.hash,
            delivery_key=delivery_key_of(public_of(self.identity)),
            max_price=ETHER,
            reveal_window=HOUR,
            dispute_window=HOUR,
            salt=number.to_bytes(32, "big"),
        )

    def build(self, node: Node, folder: Path) -> list[ModelId]:
        """Deploys the contract on a new chain, and registers and funds the models; their ids."""
        deployment = node.deploy(folder / RECORD)
        chain = SettlementClient.of(node.url, deployment, account=BUYER)
        for number in range(SALES):
            terms = self.terms(number)
            chain.register_model(terms, ORACLE.address)
            chain.fund(terms, 20 * ETHER)
        node.rpc("anvil_mine", hex(2 * CONFIRMATIONS))
        return [chain.model_id(self.terms(number)) for number in range(SALES)]

    def chain(self, node_url: str, folder: Path, party: Any = None) -> SettlementClient:
        """The contract as a party of a sale sees it."""
        deployment = Deployment.read(folder / RECORD)
        return SettlementClient.of(node_url, deployment, account=party, confirmations=CONFIRMATIONS)

    def _fit(self) -> PriceFunction:
        tables = [parse_table(io.BytesIO(content)) for content in (_table(1, 150, (0, 1)), _table(2, 300))]
        schema = infer(tables, "y", classes=("0", "1", "2")).schema
        owner, validation = (to_records(table, schema) for table in tables)
        rule = PricingRule(rate=ETHER // 10, cap=ETHER)
        settings = {"family": "forest"}  # the box has learned from nothing: no family is its own
        function = fit(_black_box, owner, validation=validation, rule=rule, settings=settings)
        function.save(self.folder / "price")
        return function

    def _price(self, content: bytes) -> int:
        records = to_records(parse_table(io.BytesIO(content)), self.function.schema)
        return self.function.appraise(records).price


def _black_box(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities of classes 0 and 1 by the distance to their corners; knows nothing of class 2."""
    far = ((x[:, None, :] - _CORNERS[:2]) ** 2).sum(2)
    likely = np.exp(-(far - far.min(1, keepdims=True)) / 2)
    likely = 0.999 * likely / likely.sum(1, keepdims=True)
    return np.column_stack([likely, np.full(len(x), 0.001)])


def _table(seed: int, count: int, classes: tuple[int, ...] = (0, 1, 2)) -> bytes:
    """Points around corners, labelled by their corner, as a CSV file."""
    random = np.random.default_rng(seed)
    y = random.choice(classes, size=count)
    x = _CORNERS[y] + random.normal(size=(count, 2))
    return "\n".join(["x0,x1,y", *(f"{a:.5f},{b:.5f},{c}" for (a, b), c in zip(x, y, strict=True))]).encode()


def _shuffled(content: bytes) -> bytes:
    """The same records in the opposite order."""
    head, *lines = content.splitlines()
    return b"\n".join([head, *reversed(lines)])
