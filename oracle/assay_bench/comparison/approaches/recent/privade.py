"""PrivaDE: a distilled model scores a representative subset in secret."""

import numpy as np
from scipy.spatial.distance import cdist, pdist
from sklearn.cluster import KMeans

from assay_bench.comparison.approach import Approach
from assay_bench.comparison.attacks.extraction import questions
from assay_bench.comparison.attacks.moments import Weights
from assay_bench.comparison.attacks.network import network_of
from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of
from assay_bench.comparison.figures import Row, measured, undefined
from assay_bench.comparison.linear import leakage_of_sum, with_one
from assay_bench.comparison.meter import Meter, size_of
from assay_bench.comparison.secure import squares
from assay_bench.comparison.secure.sharing import Pair
from assay_bench.comparison.trade import USEFUL, Trade
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset

NAME = "privade"
_HIDDEN, _DISTILLED_ON = 8, 600
_SUBSET = 5
"""One record of so many is scored."""
_LEAST = 1e-3


def run(trade: Trade) -> Row:
    """The subset's outputs are computed on shares; the seller is paid its mean score for every record."""
    student, useful = distilled(trade), trade.useful
    with Meter() as meter:
        chosen = representative(useful, trade.seed)
        pair = Pair(trade.seed)
        outputs = evaluated(pair, student, chosen.x)
        score = float(utility(outputs, chosen).mean()) + diversity(chosen)
    meter.bytes_sent, meter.messages = pair.bytes_sent + pair.dealt_bytes, pair.rounds
    meter.sent(size_of(useful))
    prices = {name: len(data) * _clear_score(student, data, trade.seed) for name, data in trade.sellers.items()}
    prices[USEFUL] = len(useful) * score

    def values(data: Dataset) -> Floats:
        return utility(squares.outputs(student, data.x), data) + diversity(data)

    online = ("the buyer", "the seller", "a dealer of triples", "a scorer")
    return Row(
        data_leakage=leakage_of_sum(trade, "shares, and the score", prices[USEFUL], values),
        model_leakage=model_leakage(trade, "shares, and the score", copy_alone(trade), queries=0, weights=0.0),
        practicality=meter.practicality(trade, online, undefined("its contracts and proofs were not run")),
        fairness=fairness_of(trade, prices, cheating_buyer=measured(0.0), in_nats=False),
    )


def distilled(trade: Trade) -> Weights:
    """A small network of squares that learned the model's probabilities on the owner's records and mixtures of them."""
    asked = questions(trade.owner.x, _DISTILLED_ON, trade.seed)
    start = squares.initial(asked.shape[1], _HIDDEN, trade.owner.classes, trade.seed)
    return squares.trained(start, asked, network_of(trade.model).probabilities(asked))


def representative(data: Dataset, seed: int) -> Dataset:
    """The record nearest to each centre of k-means, one for every five records."""
    clusters = min(max(2, len(data) // _SUBSET), len(np.unique(data.x, axis=0)))
    centres = KMeans(clusters, n_init=1, random_state=seed).fit(data.x).cluster_centers_
    return data.take(np.unique(cdist(centres, data.x).argmin(1)))


def evaluated(pair: Pair, student: Weights, x: Floats) -> Floats:
    """Outputs (n, k) of the student on records (n, d), computed on shares and opened."""
    w1, b1, w2, b2 = student
    z = pair.matmul(pair.share(with_one(x)), pair.share(np.vstack([w1, b1])))
    return pair.opened(pair.matmul(pair.product(z, z), pair.share(w2))) + b2


def utility(outputs: Floats, data: Dataset) -> Floats:
    """Loss and entropy of each record (n,), in nats, from outputs (n, k)."""
    p = np.clip(outputs, _LEAST, None)
    p = p / p.sum(1, keepdims=True)
    loss = -np.log(p[np.arange(len(data)), data.y.astype(int)])
    return np.asarray(loss - (p * np.log(p)).sum(1))


def diversity(data: Dataset) -> float:
    """Root mean squared difference of the features of two records, mean over pairs."""
    return float(pdist(data.x).mean() / np.sqrt(data.x.shape[1])) if len(data) > 1 else 0.0


def _clear_score(student: Weights, data: Dataset, seed: int) -> float:
    chosen = representative(data, seed)
    return float(utility(squares.outputs(student, chosen.x), chosen).mean()) + diversity(chosen)


APPROACHES = (
    Approach(
        name=NAME,
        title="PrivaDE",
        paper=None,
        source="Theirs (arXiv 2510.18109): a distilled model, a representative subset, a score of loss, entropy and "
        "diversity, computed in secret. Ours: k-means for the subset, a network of squares on additive shares, equal "
        "weights of the three terms, a scorer who sees the opened outputs, and the score as a price by the record. "
        "Their zero-knowledge proofs and contracts were not run.",
        run=run,
        remark="A score of what the model does not know is largest for noise and wrong labels: it chooses what to look "
        "at, not what to pay.",
    ),
)
