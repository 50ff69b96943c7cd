"""What both sides of a blind price know: the size of the sums, bounds on all numbers, and the plaintext moduli."""

from dataclasses import dataclass
from functools import cached_property
from math import prod

from assay_pricing.errors import BlindError

MODULUS_BITS = 52
"""Of a plaintext modulus at most; a wider price has several."""
MAX_MODULI = 4
MOST_PRICE_BITS = MAX_MODULI * MODULUS_BITS - 3
"""A prime is slightly below its power of two, and the product of all must exceed four prices."""


@dataclass(frozen=True)
class Shape:
    """Sizes and bounds of a price from sums.

    Attributes:
        features: d, rows and columns of Q.
        outputs: k, columns of U.
        sum_bits: Entries of Q and U are below ``2**sum_bits`` in magnitude.
        row_bits: Rows of Q have a Euclidean norm below ``2**row_bits``.
        weight_bits: Entries of the owner's P are below ``2**weight_bits`` in magnitude.
        price_bits: The doubled price is below ``2**price_bits`` in magnitude for all sums within their bound.
    """

    features: int
    outputs: int
    sum_bits: int
    row_bits: int
    weight_bits: int
    price_bits: int

    def __post_init__(self) -> None:
        sizes = {"features": (self.features, 512), "outputs": (self.outputs, 64)}
        bits = {name: (getattr(self, name), 40) for name in ("sum_bits", "row_bits", "weight_bits")}
        bits["price_bits"] = (self.price_bits, MOST_PRICE_BITS)
        for name, (value, most) in (sizes | bits).items():
            if not 1 <= value <= most:
                raise BlindError(f"expected {name} from 1 to {most}, got {value}")
        if self.features * self.outputs > 8192:
            raise BlindError(f"expected at most 8192 entries of U, got {self.features} x {self.outputs}")

    @property
    def columns(self) -> int:
        """Columns of [Q | U]."""
        return self.features + self.outputs

    @property
    def triangle(self) -> int:
        """Entries of a symmetric d x d matrix that differ."""
        return self.features * (self.features + 1) // 2

    @cached_property
    def moduli(self) -> tuple[int, ...]:
        """Distinct primes whose product exceeds four times the largest magnitude of the doubled price."""
        bits = self.price_bits + 3  # a prime is slightly below its power of two
        count = -(-bits // MODULUS_BITS)
        width = -(-bits // count)
        return tuple(_primes_below(2**width, count))

    @property
    def product(self) -> int:
        """Of the moduli: all results are integers modulo it."""
        return prod(self.moduli)


def _primes_below(limit: int, count: int) -> list[int]:
    found: list[int] = []
    candidate = limit - 1
    while len(found) < count:
        if _is_prime(candidate):
            found.append(candidate)
        candidate -= 2
    return found


def _is_prime(number: int) -> bool:
    """Miller and Rabin's test with the bases that decide it for every odd number below 2**64."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        if number % base == 0:
            return number == base
        power = pow(base, odd, number)
        if power not in (1, number - 1) and not any(
            (power := power * power % number) == number - 1 for _ in range(twos - 1)
        ):
            return False
    return True
