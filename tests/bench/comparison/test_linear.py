"""The ridge model and its influences, against what they predict."""

import numpy as np
import pytest

from assay_bench.comparison import linear
from assay_bench.comparison.approaches.recent.appraisal import appraised
from assay_bench.comparison.secure.sharing import Pair
from assay_bench.comparison.trade import SELLERS, Gains, draw

pytestmark = pytest.mark.unit

NOTHING = Gains(validation=dict.fromkeys(SELLERS, 0.0), test=dict.fromkeys(SELLERS, 0.0))


def test_influences_predict_the_drop_of_the_error_when_a_record_is_added() -> None:
    trade = draw("small", 1, NOTHING)
    model = linear.fitted(trade)
    x, y = linear.with_one(trade.owner.x), linear.one_hot(trade.owner)
    against, wanted = linear.with_one(trade.parties.validation.x), linear.one_hot(trade.parties.validation)

    def error(more_x: np.ndarray, more_y: np.ndarray) -> float:  # type: ignore[type-arg]
        a, b = np.vstack([x, more_x]), np.vstack([y, more_y])
        weights = np.linalg.solve(a.T @ a + linear.DAMPING * np.eye(a.shape[1]), a.T @ b)
        return float(((against @ weights - wanted) ** 2).sum(1).mean())

    offered_x, offered_y = linear.with_one(trade.useful.x), linear.one_hot(trade.useful)
    before = error(x[:0], y[:0])
    drops = [before - error(offered_x[i : i + 1], offered_y[i : i + 1]) for i in range(len(offered_x))]
    assert np.corrcoef(model.influences(trade.useful), drops)[0, 1] > 0.9


def test_the_sum_of_influences_on_shares_is_that_in_the_clear() -> None:
    trade = draw("small", 1, NOTHING)
    model = linear.fitted(trade)
    value = appraised(Pair(0), linear.with_one(trade.useful.x), linear.one_hot(trade.useful), model)
    assert value == pytest.approx(model.influences(trade.useful).sum(), abs=1e-3)
