"""A market with proof of contribution: an attested worker scores records, and every record earns the same."""

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay_bench.comparison.approach import Approach
from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of
from assay_bench.comparison.figures import Row, measured, undefined
from assay_bench.comparison.linear import leakage_of_sum
from assay_bench.comparison.meter import Meter, size_of
from assay_bench.comparison.trade import BUDGET, SIZES, USEFUL, Trade, labels
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets

NAME = "proof-of-contribution"


def run(trade: Trade) -> Row:
    """The worker decrypts the records, scores them, and signs the score; the pool pays a flat reward by it."""
    reference = nets.fit(trade.public, trade.parties.recipe, trade.seed)
    useful, worker = trade.useful, Ed25519PrivateKey.generate()
    with Meter() as meter:
        meter.sent(size_of(useful))
        score = quality(trade, reference, useful).mean()
        statement = f"{len(useful)} {score:.6f}".encode()
        signature = worker.sign(statement)
        meter.sent(len(statement) + len(signature))
        worker.public_key().verify(signature, statement)
    reward = BUDGET / SIZES[trade.size]
    prices = {name: reward * float(quality(trade, reference, data).sum()) for name, data in trade.sellers.items()}

    def values(data: Dataset) -> Floats:
        return reward * quality(trade, reference, data)

    leaked = leakage_of_sum(trade, "the score", prices[USEFUL], values)
    return Row(
        data_leakage=leaked.model_copy(update={"third_party": measured(1.0)}),
        model_leakage=model_leakage(trade, "nothing", copy_alone(trade), queries=0, weights=0.0),
        practicality=meter.practicality(trade, ("the worker",), undefined("its contracts were not deployed")),
        fairness=fairness_of(trade, prices, cheating_buyer=measured(0.0), in_nats=False),
    )


def quality(trade: Trade, reference: Nets, data: Dataset) -> Floats:
    """Score of each record (n,): 1 if its label is the reference model's and the pool has no such record, else 0."""
    pool = {row.tobytes() for row in trade.owner.x}
    new = np.zeros(len(data), dtype=bool)
    for place, row in enumerate(data.x):
        new[place] = row.tobytes() not in pool
        pool.add(row.tobytes())
    return np.asarray((new & (labels(reference, data.x) == data.y)).astype(np.float64))


APPROACHES = (
    Approach(
        name=NAME,
        title="Proof of contribution",
        paper=None,
        source="The idea of Vana: a worker in an enclave attests authenticity, uniqueness and quality, and a pool "
        "rewards records alike. Ours: quality is agreement with a reference model of public records, uniqueness is by "
        "exact copies, and the attestation is a signature. No enclave and no contract was run.",
        run=run,
        remark="The worker sees all records in the clear. The score does not know the model: new records that the "
        "model has no use for earn what useful ones do.",
    ),
)
