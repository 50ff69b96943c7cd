"""A blind price of lines of text: it pays for each line, as ``LinePrices`` does."""

from dataclasses import asdict

import numpy as np

from assay.protocol.messages import BlindTerms
from assay_pricing.blind.form import SecretForm
from assay_pricing.blind.pricing import BlindPricing
from assay_pricing.blind.shape import Shape
from tests.kit.data import PRICE_PER_RECORD

ONE = np.ones((1, 1), np.int64)
COUNTED = SecretForm(Shape(1, 1, 20, 20, 4, 60), weights=0 * ONE, linear=-ONE, quadratic=0 * ONE)
"""One constant feature: S = T = n, R = n, and the doubled price is 2 n."""
LINE_BLIND = BlindPricing(
    COUNTED, lambda doubled, _: max(doubled, 0) // 2 * PRICE_PER_RECORD, BlindTerms(**asdict(COUNTED.shape))
)
