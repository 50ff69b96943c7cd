"""Blind quotes of a price function: what a seller needs to know, and what a price from sums is in money.

Only a price that sums alone determine can be told blindly: of the graded rule, of records without texts or pictures.
"""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.protocol.messages import BlindTerms
from assay.protocol.proof.money import Cut, MoneyTerms
from assay_pricing.blind.pricing import BlindPricing
from assay_pricing.errors import ArtifactError, ProofError
from assay_pricing.manifest import Manifest
from assay_pricing.price import to_micros
from assay_pricing.sums.form import PriceForm, is_told_by_sums
from assay_pricing.sums.statistics import Terms

if TYPE_CHECKING:
    from assay_pricing.function import PriceFunction

TENSOR = "method.form"
"""Holds the form of a price from sums."""


def blind_pricing(function: "PriceFunction") -> BlindPricing | None:
    """The blind prices of a price function; None if it has none."""
    form = getattr(function.method, "form", None)
    if not isinstance(form, PriceForm) or not is_told_by_sums(function.manifest):
        return None
    money = partial(_money, function.manifest, form, function.method.value_unit)
    return BlindPricing(form.secret, money, BlindTerms(**asdict(form.terms.shape)))


def blind_terms_of(manifest: Manifest) -> BlindTerms | None:
    """Sizes and bounds of the blind prices of a price function; None if it has none.

    Raises:
        ArtifactError: The terms in the manifest are none.
    """
    if manifest.sums is None:
        return None
    try:
        terms = Terms.model_validate(manifest.sums)
    except ValidationError as error:
        raise ArtifactError(f"expected the terms of sums in the manifest, got others: {error}"[:500]) from None
    return BlindTerms(**asdict(terms.shape))


def money_terms(function: "PriceFunction", form: PriceForm, max_price: int) -> MoneyTerms:
    """From a doubled price to money, for whoever verifies a proof of it.

    Args:
        function: Whose prices sums determine.
        form: Its price from sums.
        max_price: Highest price of the model's terms.

    Raises:
        ProofError: The price is not a function of sums and of the number of records.
    """
    manifest, rule = function.manifest, function.manifest.rule
    if not is_told_by_sums(manifest):
        raise ProofError("expected a graded price that sums alone determine, got another")
    return MoneyTerms(
        scale=form.scale,
        unit=function.method.value_unit,
        divisor=manifest.backtest.divisor if manifest.backtest else 1.0,
        rate=rule.rate,
        cap=rule.cap,
        grid=rule.grid,
        floor=rule.floor,
        max_price=max_price,
        cuts=tuple(Cut(records=control.records, gain=control.gain) for control in manifest.controls),
    )


def _money(manifest: Manifest, form: PriceForm, unit: float, doubled: int, records: int) -> int:
    """Base units of a doubled price of so many distinct records: as ``valuation.value_offer`` and ``price`` have it."""
    from assay_pricing.controls import cut  # torch: the daemon reads terms without it

    divisor = manifest.backtest.divisor if manifest.backtest else 1.0
    gain = (form.gain_of(doubled) * unit - cut(manifest.controls, records)) / divisor
    return manifest.rule.price(max(to_micros(gain), 0), records)
