"""The owner's integers, and the price of a set: ``docs/price-format.md`` in code."""

from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from assay.protocol.types import Value
from assay_pricing.blind.form import SecretForm
from assay_pricing.errors import BlindError, DataError
from assay_pricing.manifest import Manifest
from assay_pricing.sums.inputs import Integers
from assay_pricing.sums.moments import Moments
from assay_pricing.sums.statistics import Terms

Matrix = tuple[tuple[int, ...], ...]


class PriceForm(Value):
    """A price function of sets in integers.

    Attributes:
        terms: What a seller knows.
        weights: Prior mean P of the regression, (d, k), in units of 2^-(u - q).
        linear: H, (d, k).
        quadratic: K, (d, d), symmetric.
        scale: The gain is the doubled price over ``2^(scale + 1)``, in the unit of the goal.
        rank_agreement: Spearman's rank correlation of prices with those of the default method, on offers that the owner
            simulated and nothing was chosen by, in millionths.
        exact_agreement: The same with prices by the regression before it became integers.
    """

    format: Literal["assay/price-of-sums"] = "assay/price-of-sums"
    version: Literal[2] = 2
    terms: Terms
    weights: Matrix
    linear: Matrix
    quadratic: Matrix
    scale: int = Field(ge=-200, le=200)
    rank_agreement: int = Field(default=0, ge=-(10**6), le=10**6)
    exact_agreement: int = Field(default=0, ge=-(10**6), le=10**6)

    @model_validator(mode="after")
    def _check(self) -> "PriceForm":
        if self.terms.solution_bits <= self.terms.shrinkage_bits:
            raise ValueError("expected more bits of the solution than of the shrinkage")
        try:
            assert self.secret
        except (BlindError, OverflowError) as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def secret(self) -> SecretForm:
        """The owner's integers as arrays."""
        return SecretForm(self.terms.shape, *(_array(part) for part in (self.weights, self.linear, self.quadratic)))

    def doubled_price(self, moments: Moments) -> int:
        """The doubled price of a set: an integer that every machine computes alike.

        Raises:
            DataError: A number exceeds its bound.
        """
        found = self.terms.statistics(moments)
        return self.secret.doubled_price(found.shrinkage, found.solution)

    def gain(self, moments: Moments) -> float:
        """Predicted drop of the owner's risk by a set: the nearest floating-point number.

        Raises:
            DataError: A number exceeds its bound.
        """
        return self.gain_of(self.doubled_price(moments))

    def gain_of(self, doubled: int) -> float:
        """Predicted drop of the owner's risk by a set of a doubled price: the nearest floating-point number."""
        shift = self.scale + 1
        return doubled / 2**shift if shift >= 0 else float(doubled * 2**-shift)


def form_of(method: object) -> PriceForm:
    """The price in integers of a fitted method.

    Raises:
        DataError: The method has none.
    """
    form = getattr(method, "form", None)
    if not isinstance(form, PriceForm):
        raise DataError(
            f"expected a price function of the method ridge, got one of {getattr(method, 'name', 'another')}",
            hint="fit it with --method ridge: other methods have no price in integers",
        )
    return form


def is_told_by_sums(manifest: Manifest) -> bool:
    """Whether sums alone determine the prices of a price function that has a price from sums."""
    return manifest.rule.kind == "graded" and all(feature.encoder is None for feature in manifest.schema_.features)


def published_sums(manifest: Manifest, method: object) -> dict[str, Any] | None:
    """``Manifest.sums`` of a fitted method: JSON of the terms of its price from sums; None if it has none."""
    form = getattr(method, "form", None)
    if not isinstance(form, PriceForm) or not is_told_by_sums(manifest):
        return None
    return form.terms.model_dump(mode="json")


def _array(matrix: Matrix) -> Integers:
    return np.array(matrix, dtype=np.int64)
