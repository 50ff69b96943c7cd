"""What a price tells: much where it is made to tell, nothing where it does not depend on the data."""

import numpy as np
import pytest

from assay_bench.comparison import from_price
from assay_bench.comparison.trade import Gains, draw

pytestmark = pytest.mark.unit

TRADE = draw("medium", 11, Gains(validation={}, test={}))


def test_members_are_told_by_values_that_differ_and_not_by_values_that_do_not() -> None:
    n, others = len(TRADE.useful), len(TRADE.outsiders)
    told = from_price.membership(TRADE, 2.0, (np.full(n, 1.0), np.zeros(others)), usual=1.0)
    untold = from_price.membership(TRADE, 2.0, (np.zeros(n), np.zeros(others)), usual=1.0)
    assert (told.value, untold.value) == (1.0, 0.5)
    assert from_price.membership(TRADE, 0.5, (np.full(n, 1.0), np.zeros(others)), usual=1.0).value == 0


def test_the_guess_has_the_prices_mean_value_and_is_the_public_mean_where_values_do_not_differ() -> None:
    values = TRADE.public.y / 100  # a price that tells the mean class
    price = 0.07 * len(TRADE.useful)
    guess = from_price.reconstruction(TRADE, price, values)
    nines = TRADE.public.x[TRADE.public.y >= 7].mean(0)
    zeros = TRADE.public.x[TRADE.public.y <= 2].mean(0)
    assert ((guess - nines) ** 2).mean() < ((guess - zeros) ** 2).mean()
    flat = from_price.reconstruction(TRADE, price, np.zeros(len(values)))
    assert flat == pytest.approx(TRADE.public.x.mean(0, keepdims=True))
