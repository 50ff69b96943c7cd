"""Model owners and their price functions, fitted once for all tests."""

from collections.abc import Callable
from functools import cache

import pytest

from assay_pricing import methods
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from tests.pricing import digits
from tests.pricing.digits import Olga
from tests.pricing.machines import machines, regression_of


@pytest.fixture(scope="session")
def olga() -> Olga:
    return digits.olga()


@pytest.fixture(scope="session")
def function() -> PriceFunction:
    return digits.price_function()


@pytest.fixture(scope="session")
def of_machines() -> Callable[[str], PriceFunction]:
    """A price function of 160 machines by the method's name."""
    owner = machines(1, normal=80, wear=80)
    model = regression_of(owner)
    return cache(lambda name: fit(model, owner, validation=machines(2, normal=60, wear=60), method=name, decay=2e-3))


@pytest.fixture(scope="session")
def plant(of_machines: Callable[[str], PriceFunction]) -> PriceFunction:
    """That of the default method."""
    return of_machines(methods.DEFAULT)
