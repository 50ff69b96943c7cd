"""A chain, a model of handwritten digits, its price function, and a daemon that prices for it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from demo import commands
from demo.digits import RARE_CLASSES, Digits, deal
from localnet import ETHER, Daemon, Node, account
from sklearn.linear_model import LogisticRegression

from assay import ModelTerms, SettlementClient
from assay.chain.interface import Deployment
from assay.envelope import delivery_key_of, new_identity, public_of
from assay.protocol.types import ModelId
from assay_pricing.fitting import fit
from assay_pricing.price import PricingRule
from assay_pricing.records.inference import infer
from assay_pricing.records.tables import parse_table, to_records

RECORDS = 100
"""Records of an offer."""
WINDOW = 3600
_NOISE = 0.05
_MANY = "1000000"
_UNLIMITED = {
    f"ASSAY_ORACLE_{name}": _MANY
    for name in (
        "REQUESTS_PER_SECOND",
        "ADDRESS_REQUESTS_PER_SECOND",
        "LOGINS_PER_MINUTE",
        "OFFERS_PER_HOUR",
        "MAX_OPEN_OFFERS",
    )
}
"""All sellers share an address here."""


def csv(data: Digits) -> bytes:
    """The records as a CSV file."""
    target = io.StringIO()
    header = ",".join((*(f"x{column}" for column in range(data.x.shape[1])), "y"))
    np.savetxt(target, np.column_stack([data.x, data.y]), delimiter=",", fmt="%.6g", header=header, comments="")
    return target.getvalue().encode()


class Market:
    """What is set up once; a daemon is started in a folder of its own for each measurement."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        self.folder = folder
        self.deployment = node.deploy(folder / commands.RECORD)
        hands = deal()
        self._useful = hands.offers["useful"].join(hands.offers["same_distribution"])
        self.model_id = self._register(self._fit(hands.owner, hands.validation))

    def offer(self, number: int) -> bytes:
        """Records that no other offer has: digits of the classes that the owner lacks, and noise."""
        random = np.random.default_rng(number)
        rare = np.flatnonzero(np.isin(self._useful.y, RARE_CLASSES))
        drawn = self._useful.take(random.choice(rare, RECORDS))
        noisy = drawn.x + random.normal(scale=_NOISE, size=drawn.x.shape)
        return csv(Digits(noisy.clip(0, 1).astype(np.float32), drawn.y))

    def _fit(self, owner: Digits, validation: Digits) -> bytes:
        tables = [parse_table(io.BytesIO(csv(data))) for data in (owner, validation)]
        schema = infer(tables, "y", classes=tuple(map(str, range(10)))).schema
        records, held = (to_records(table, schema) for table in tables)
        model = LogisticRegression(max_iter=500).fit(owner.x, owner.y)
        rule = PricingRule(rate=ETHER, cap=ETHER)
        function = fit(model, records, validation=held, rule=rule)
        function.save(self.folder / "price")
        return function.hash

    def _register(self, function_hash: bytes) -> ModelId:
        buyer = account(1)
        chain = SettlementClient.of(self.node.url, Deployment.read(self.folder / commands.RECORD), account=buyer)
        terms = ModelTerms(
            owner=buyer.address,
            function_hash=function_hash,
            delivery_key=delivery_key_of(public_of(new_identity())),
            max_price=ETHER,
            reveal_window=WINDOW,
            dispute_window=WINDOW,
        )
        chain.register_model(terms, account(2).address)
        chain.fund(terms, 20 * ETHER)
        return chain.model_id(terms)

    @contextmanager
    def daemon(self, name: str, workers: int) -> Iterator[Daemon]:
        """A new oracle with so many pricing processes."""
        folder = self.folder / name
        folder.mkdir()
        (folder / "deployments").mkdir()
        for shared in (commands.RECORD, "price"):
            (folder / shared).symlink_to(self.folder / shared)
        commands.make_oracle(self.node, folder, account(2))
        daemon = commands.serve(folder, {self.model_id: "price"})
        del daemon.environment["ASSAY_ORACLE_POLL_SECONDS"]  # as operators run it; a demonstration waits for nothing
        daemon.environment |= {"ASSAY_ORACLE_PRICING_WORKERS": str(workers), **_UNLIMITED}
        with daemon:
            yield daemon
