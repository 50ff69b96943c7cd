"""Secret integers and sums of small and of full size, for the tests of blind prices."""

import numpy as np

from assay_pricing.blind.form import Integers, SecretForm
from assay_pricing.blind.shape import Shape

SMALL = Shape(features=5, outputs=3, sum_bits=9, row_bits=11, weight_bits=6, price_bits=60)
TWO_MODULI = Shape(features=4, outputs=2, sum_bits=14, row_bits=16, weight_bits=12, price_bits=90)
FULL = Shape(features=128, outputs=10, sum_bits=12, row_bits=16, weight_bits=12, price_bits=95)


def form_of(shape: Shape, seed: int, *, linear: int = 50, quadratic: int = 20) -> SecretForm:
    """Secret integers, uniform within their bounds."""
    draw = np.random.default_rng(seed)
    size, bound = (shape.features, shape.outputs), 2**shape.weight_bits
    half = draw.integers(-quadratic, quadratic, (shape.features, shape.features))
    return SecretForm(
        shape,
        weights=draw.integers(1 - bound, bound, size),
        linear=draw.integers(-linear, linear, size),
        quadratic=half + half.T,
    )


def sums_of(shape: Shape, seed: int) -> tuple[Integers, Integers]:
    """Q and U, uniform within their bound."""
    draw = np.random.default_rng(seed)
    bound = 2**shape.sum_bits
    upper = np.triu(draw.integers(1 - bound, bound, (shape.features, shape.features)))
    return upper + np.triu(upper, 1).T, draw.integers(1 - bound, bound, (shape.features, shape.outputs))
