"""What a purchase brings: accuracy of the true model retrained with the best-scored records of an offer."""

from pathlib import Path

import numpy as np

from assay_bench.pricing.data.parties import UNPAID
from assay_bench.pricing.parts.draw import draw
from assay_bench.pricing.results import PurchaseResult
from assay_bench.pricing.scorers.baselines import BASELINES
from assay_bench.pricing.scorers.pricer import Pricer
from assay_bench.pricing.truth import nets
from assay_bench.pricing.units import Unit

_RANDOM_PURCHASES = 3


def purchase(unit: Unit, packages: Path) -> PurchaseResult:
    """Buys the 100 and the 300 best records by a scorer's ranking, and retrains.

    Every other purchase is compared with the random one, which is therefore the mean of several draws.
    """
    parties, model = draw(unit, packages)
    offer = parties.offer
    if unit.name == "random":
        rng = np.random.default_rng(parties.seed)
        rankings = [rng.permutation(len(offer)) for _ in range(_RANDOM_PURCHASES)]
    elif unit.name in BASELINES:
        rankings = [np.argsort(-BASELINES[unit.name](parties, model, offer), kind="stable")]
    else:
        rankings = [np.argsort(-Pricer.fit(parties, model, unit.name).points(offer), kind="stable")]

    def buy(budget: int) -> tuple[float, float]:
        """Mean accuracy, and share of unwanted records."""
        bought = [ranking[:budget] for ranking in rankings]
        trained = [nets.fit(parties.base.plus(offer.take(rows)), parties.recipe, parties.seed) for rows in bought]
        accuracy = float(np.mean([nets.accuracy(model, parties.test) for model in trained]))
        return accuracy, float(np.isin(parties.kinds[np.stack(bought)], UNPAID).mean())

    accuracy_100, junk_100 = buy(100)
    accuracy_300, junk_300 = buy(300)
    return PurchaseResult(
        nothing=nets.accuracy(model, parties.test),
        accuracy_100=accuracy_100,
        junk_100=junk_100,
        accuracy_300=accuracy_300,
        junk_300=junk_300,
    )
