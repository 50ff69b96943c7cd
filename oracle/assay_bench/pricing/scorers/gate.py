"""The gate of a price function: whether the oracle would refuse to price by it, and the same function without it."""

from dataclasses import replace

from assay_pricing.errors import FidelityError
from assay_pricing.function import PriceFunction


def is_refused(function: PriceFunction) -> bool:
    """Whether the oracle would refuse to price by the function."""
    try:
        function.check_fidelity()
    except FidelityError:
        return True
    return False


def without_gate(function: PriceFunction) -> PriceFunction:
    """The same function, which prices even if the oracle would refuse to.

    It has no backtest. That changes no price, as the backtest of a function that was fitted without the model's own
    training only says whether to refuse.
    """
    open_gate = {"fidelity": 1.0, "agreement": None, "backtest": None}
    return replace(function, manifest=function.manifest.model_copy(update=open_gate))
