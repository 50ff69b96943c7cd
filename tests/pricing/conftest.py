"""One model owner and her price function, fitted once for all tests."""

import pytest

from assay_pricing.function import PriceFunction
from tests.pricing import digits
from tests.pricing.digits import Olga


@pytest.fixture(scope="session")
def olga() -> Olga:
    return digits.olga()


@pytest.fixture(scope="session")
def function() -> PriceFunction:
    return digits.price_function()
