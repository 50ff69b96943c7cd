"""Blind quotes of a price function: what a seller needs to know, and what a price from sums is in money.

Only a price that sums alone determine can be told blindly: of the graded rule, of records without texts or pictures.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay.protocol.messages import BlindTerms
from assay.protocol.proof.money import Cut, MoneyTerms
from assay_pricing import artifact
from assay_pricing.blind.pricing import BlindPricing
from assay_pricing.errors import ProofError
from assay_pricing.manifest import Manifest
from assay_pricing.price import to_micros
from assay_pricing.sums.form import PriceForm

if TYPE_CHECKING:
    from assay_pricing.function import PriceFunction

TENSOR = "method.form"
"""Holds the form of a price from sums."""


def blind_pricing(function: "PriceFunction") -> BlindPricing | None:
    """The blind prices of a price function; None if it has none."""
    form = getattr(function.method, "form", None)
    if not isinstance(form, PriceForm) or not _is_told_by_sums(function.manifest):
        return None
    money = partial(_money, function.manifest, form, function.method.value_unit)
    return BlindPricing(form.secret, money, blind_terms(form))


def blind_terms_in(folder: Path) -> BlindTerms | None:
    """The terms of the blind prices of an artifact, read without torch; None if it has none.

    Raises:
        ArtifactError: It is missing, damaged or altered.
    """
    manifest, content = artifact.read_tensor(folder, TENSOR)
    if content is None or not _is_told_by_sums(manifest):
        return None
    return blind_terms(PriceForm.model_validate_json(content))


def blind_terms(form: PriceForm) -> BlindTerms:
    """What a seller needs to know: how sums are computed, and their bounds."""
    shape = form.terms.shape
    return BlindTerms(
        features=shape.features,
        outputs=shape.outputs,
        sum_bits=shape.sum_bits,
        row_bits=shape.row_bits,
        weight_bits=shape.weight_bits,
        price_bits=shape.price_bits,
        sums=form.terms.model_dump(mode="json"),
    )


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
    if not _is_told_by_sums(manifest):
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


def _is_told_by_sums(manifest: Manifest) -> bool:
    return manifest.rule.kind == "graded" and all(feature.encoder is None for feature in manifest.schema_.features)


def _money(manifest: Manifest, form: PriceForm, unit: float, doubled: int, records: int) -> int:
    """Base units of a doubled price of so many distinct records: as ``valuation.value_offer`` and ``price`` have it."""
    from assay_pricing.controls import cut  # torch: the daemon reads terms without it

    divisor = manifest.backtest.divisor if manifest.backtest else 1.0
    gain = (form.gain_of(doubled) * unit - cut(manifest.controls, records)) / divisor
    return manifest.rule.price(max(to_micros(gain), 0), records)
