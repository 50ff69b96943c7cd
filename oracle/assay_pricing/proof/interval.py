"""Which doubled prices have a price in money: what a proof shows, so that it tells no more than the price."""

from collections.abc import Callable

from assay_pricing.errors import ProofError


def enclosing(money: Callable[[int], int], price: int, bits: int) -> tuple[int, int]:
    """The least and the greatest doubled price, up to ``2**bits`` in magnitude, that is ``price`` in money.

    Args:
        money: From a doubled price to base units; it never falls.
        price: In base units.
        bits: Of the doubled price.

    Raises:
        ProofError: No doubled price is.
    """
    least = _first(lambda doubled: money(doubled) >= price, bits)
    beyond = _first(lambda doubled: money(doubled) > price, bits)
    if least >= beyond:
        raise ProofError(f"expected a price that the rule can give, got {price}", hint="it is not on the rule's grid")
    return least, beyond - 1


def _first(reached: Callable[[int], bool], bits: int) -> int:
    """The least doubled price with a property that all greater ones have; one more than the greatest if none has."""
    low, high = -(1 << bits), (1 << bits) + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle + 1, high)
    return low
