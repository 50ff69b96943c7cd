"""Ours: the price is a surrogate's, told once by an oracle, and the contract pays for the key of what was priced."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from assay_bench.comparison import from_price
from assay_bench.comparison.approach import EFFICACY, Approach
from assay_bench.comparison.copying import copy_alone, copy_from_labels, model_leakage
from assay_bench.comparison.fairness import fairness_of
from assay_bench.comparison.figures import Figure, Row, measured
from assay_bench.comparison.market.blind import quoted
from assay_bench.comparison.market.chain import ETHER
from assay_bench.comparison.market.proven import ProvenOffer, prepared
from assay_bench.comparison.market.sale import MAX_PRICE, settled
from assay_bench.comparison.meter import Meter
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.trade import BUDGET, QUERIES, SELLERS, USEFUL, Trade, labels
from assay_bench.errors import MeasurementFailed
from assay_bench.figures import Floats, auc
from assay_bench.measure import processor_seconds
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.scorers.pricer import Pricer
from assay_bench.pricing.truth.nets import Nets

BLIND, PROVEN = "blind", "proven"
_PROBED = 30
"""Records of the owner, and as many strangers, that a prober asks about."""


@dataclass(frozen=True)
class _Priced:
    """The trade's prices by one price function, capped at the budget."""

    pricer: Pricer

    def __call__(self, data: Dataset) -> float:
        """Price of an offer in nats."""
        return min(self.pricer.paid(data), BUDGET)

    @property
    def bytes(self) -> int:
        """Size of the price function as the oracle receives it."""
        with tempfile.TemporaryDirectory() as folder:
            self.pricer.function.save(Path(folder) / "function")
            return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def run(trade: Trade, *, method: str, quoting: str) -> Row:
    """Fits the price function once, sells the useful data on a chain, and lets seller and buyer attack the prices."""
    with tempfile.TemporaryDirectory() as folder:
        start = processor_seconds()
        pricer = Pricer.fit(trade.parties, trade.model, method)
        proofs = prepared(pricer, Path(folder) / "proofs", MAX_PRICE) if quoting == PROVEN else None
        setup = processor_seconds() - start
        price, blind, proven = _Priced(pricer), quoting == BLIND, None
        with Meter() as meter:
            meter.sent(price.bytes)
            if blind:
                paid = min(quoted(pricer, trade.useful, meter), MAX_PRICE)
            elif proofs:
                proven = ProvenOffer.of(proofs, pricer, trade.useful, meter)
                paid = proven.price
            else:
                paid = int(price(trade.useful) * ETHER)
            sale = settled(trade.useful, max(paid, 1), proven)
            for size in (sale.sealed_bytes, 32, sale.sealed_bytes) if not blind else (32, sale.sealed_bytes):
                meter.sent(size)
    prices = {name: price(trade.sellers[name]) for name in SELLERS}
    if not np.isclose(paid / ETHER, prices[USEFUL], atol=1e-6, rtol=0):
        raise MeasurementFailed(f"expected the {quoting} price to be {prices[USEFUL]}, got {paid / ETHER}")
    values = [pricer.points(part) for part in (trade.useful, trade.outsiders, trade.public)]
    usual = price(trade.public.take(np.arange(len(trade.useful)) % len(trade.public)))
    copy, queries = _best_copy(trade, price)
    return Row(
        data_leakage=leakage(
            trade,
            "the price" if blind else "the price and the sealed file",
            from_price.reconstruction(trade, prices[USEFUL], values[2]),
            from_price.membership(trade, prices[USEFUL], (values[0], values[1]), usual),
            kept=float(sale.before_payment),
            third_party=0.0 if blind else 1.0,
        ),
        model_leakage=model_leakage(
            trade,
            "the price" if proven is None else "the price and its proof",
            copy,
            queries=queries,
            weights=0.0,
            membership=_owners_membership(trade, price),
            third_party=pricer.function.manifest.carried.copy_fidelity,
        ),
        practicality=meter.practicality(trade, ("oracle",), measured(sale.gas), setup=setup),
        fairness=fairness_of(trade, prices, cheating_buyer=measured(float(sale.before_payment))),
    )


def _best_copy(trade: Trade, price: Callable[[Dataset], float]) -> tuple[Nets, int]:
    """The copy of a seller that asks for prices of single records under as many identities.

    A record that is worth nothing is one that the model has right already: the copy learns these alone, and so lacks
    what the model lacks. The better of this copy and of the one without an answer is taken, in the seller's favour.
    """
    asked = trade.public.plus(trade.useful)
    asked = asked.take(np.arange(min(QUERIES, len(asked))))
    known = np.array([price(asked.take([row])) <= 0 for row in range(len(asked))])
    alone = copy_alone(trade)
    if not known.any():
        return alone, 0
    informed = copy_from_labels(trade, asked.x[known], asked.y[known])
    test = trade.parties.test.x
    better = trade.fidelity(labels(informed, test)) > trade.fidelity(labels(alone, test))
    return (informed, len(asked)) if better else (alone, 0)


def _owners_membership(trade: Trade, price: Callable[[Dataset], float]) -> Figure:
    """ROC AUC of telling the owner's records from strangers by their prices alone: lower for a member."""
    rows = np.arange(_PROBED)
    asked = trade.owner.take(rows).plus(trade.strangers.take(rows))
    prices: Floats = np.array([price(asked.take([row])) for row in range(len(asked))])
    is_member = np.arange(len(asked)) < _PROBED
    return measured(auc(-prices, is_member, ~is_member))


_SOLD = "Sealed, quoted by an oracle, and paid by Settlement.sol on Anvil."
_TOLD = (
    "The oracle sees the data and the surrogate, as an escrow agent would; it never sees the model, and cannot take "
    "the money."
)


def _approach(name: str, title: str, method: str, source: str, remark: str = "", quoting: str = "clear") -> Approach:
    return Approach(
        name=f"ours-{name}",
        title=f"Ours, {title}",
        paper=EFFICACY,
        source=f"{source} {_SOLD}",
        run=partial(run, method=method, quoting=quoting),
        remark=remark,
    )


APPROACHES = (
    _approach(
        "default", "default", "retraining", "The product's default: it retrains a learner like the model.", _TOLD
    ),
    _approach(
        "influence",
        "influence",
        "influence",
        "The paper's section 5.1.1: influence functions of a surrogate (Koh and Liang 2017).",
        "A sum of influences has no bound: it overstates large offers, and pays for wrong labels that a set of the "
        "owner's kind of error would correct.",
    ),
    _approach("extraction", "model extraction", "forest", "The paper's section 5.1.2: a forest like the model."),
    _approach("compression", "compression", "distillation", "The paper's section 5.1.3: a distilled student."),
    _approach("ridge", "ridge", "ridge", "A ridge regression that prices sets from their sums, in integers."),
    _approach(
        "blind",
        "blind",
        "ridge",
        "The same price from encrypted sums: the oracle sees no record.",
        "The paper expects that encrypting the pricing function is practical because it is small (section 5.3). It is.",
        quoting=BLIND,
    ),
    _approach(
        "proven",
        "proven",
        "ridge",
        "The same price with a zero-knowledge proof (Groth16) that it follows from the owner's committed integers and "
        "from the data; the model's oracle is a contract, ProvenOracle.sol, that signs with a proof alone. The key is "
        "a development key, made by one party. Memory is without the prover's.",
        "A proof tells the counterparty what the price tells. The oracle that makes it has the data, so that a third "
        "party sees them, as without a proof; the product does not combine proofs with blind quotes.",
        quoting=PROVEN,
    ),
)
