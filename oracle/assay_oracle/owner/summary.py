"""Appraisals and price functions as lines of text, for the terminal: a name, a tab, a value."""

from collections.abc import Iterator
from pathlib import Path

from assay.amounts import ETHER, Token, amount_text, short_amount
from assay_oracle.owner.columns import columns_text
from assay_pricing.appraisal import Appraisal
from assay_pricing.function import PriceFunction
from assay_pricing.manifest import Agreement, Manifest
from assay_pricing.price import to_micros
from assay_pricing.records.profile import profile
from assay_pricing.sums.form import PriceForm

_MIN_MICROS = 1000
_MUCH = 0.05
"""Share of the risk that recalibration removes before it is worth a word."""
_MAX_CLASSES = 10
_MAX_ROWS = 400
"""Characters of a list of rows."""


def fit_text(function: PriceFunction, folder: Path) -> str:
    """The result of a fit."""
    return f"function\t0x{function.hash.hex()}\nfidelity\t{function.fidelity:.4f}\nfolder\t{folder}"


def fidelity_lines(manifest: Manifest) -> Iterator[str]:
    """How well the surrogate represents the model: the raw agreement, that of a constant, and by class."""
    yield f"fidelity {manifest.fidelity:.1%}: agreement of the surrogate with the model on held-out records"
    found = manifest.agreement
    if found is not None:
        yield f"  a constant agrees on {found.constant:.1%}; corrected for chance (Cohen's kappa): {found.kappa:.2f}"
        yield f"  by class: {_by_class(manifest, found)}"


def backtest_lines(manifest: Manifest) -> Iterator[str]:
    """How prices of held-out parts of the owner's records agreed with what the parts are worth."""
    found = manifest.backtest
    if found is None:
        return
    if found.truth == "itself":
        yield (
            "backtest: no other learner is as near to the model, and the size of prices was tested against nothing; "
            "let the test retrain the model (--train MODULE:FUNCTION)"
        )
        rank = _with_error(found.rank_agreement, found.rank_error)
        yield f"  from one half of the validation records to the other, gains have the rank agreement {rank}"
        return
    source = "the retrained model" if found.truth == "train" else "learners near to the model"
    yield f"backtest: {found.episodes} held-out parts were priced; {source} said what they are worth"
    rank = _with_error(found.rank_agreement, found.rank_error)
    yield f"  rank agreement {rank} (the truth with itself: {found.ceiling:.2f})"
    divided = f"; gains are divided by {found.divisor:.2f}" if found.divisor != 1 else ""
    yield f"  slope of predicted on true gain {_with_error(found.slope, found.slope_error)}{divided}"
    yield f"  expected error of a gain {found.expected_error:.3g} ({manifest.metric})"


def cost_lines(manifest: Manifest, token: Token) -> Iterator[str]:
    """What the rate costs, in sentences."""
    rule, seen, metric = manifest.rule, manifest.outlook, manifest.metric
    unit = f"per unit of {metric}" if rule.kind == "graded" else "per useful record"
    yield f"rate {short_amount(rule.rate, token)} {unit}; a risk of {seen.risk:.4g} is left"
    if rule.kind == "binary":
        yield f"  a record is useful that brings a gain of {rule.record_gain / 1e9:.2g}, or several that together do"
    if to_micros(seen.risk) < _MIN_MICROS and seen.risk > 0:
        yield (
            f"warning: prices count millionths of the goal's unit, and the risk is {seen.risk:.2g}: give labels and "
            "values in a smaller unit"
        )
    if seen.recalibration > _MUCH * seen.risk:
        yield (
            "warning: the model's probabilities are too sure or too unsure: another temperature alone lowers its risk "
            f"by {seen.recalibration:.2g}, and data that does the same is paid for it; recalibrate the model first"
        )
    cap = f", cut to the cap of {short_amount(rule.cap, token)}" if rule.cap < seen.perfect(rule) else ""
    yield f"  the owner's own records again: {short_amount(0, token)}, exact copies are not priced"
    yield (
        f"  {seen.records} more records of the owner's kind: about {short_amount(seen.typical(rule), token)} "
        f"(gain {seen.gain:.2g})"
    )
    yield from _accuracy_lines(manifest, token)
    yield f"  data that leaves no risk: {short_amount(seen.perfect(rule), token)}{cap}"


def _accuracy_lines(manifest: Manifest, token: Token) -> Iterator[str]:
    """How closely the validation records tell what a typical offer is worth, and how many would tell it to a fifth."""
    rule, seen, given = manifest.rule, manifest.outlook, manifest.validation_records
    if seen.enough:
        price = seen.typical(rule)
        error = round(price * min(seen.error / seen.gain, 1e6))
        yield (
            f"  with {given} validation records a price of {short_amount(price, token)} is known to +- "
            f"{short_amount(error, token)}; for +- a fifth it takes {seen.enough}"
        )
    elif seen.error:
        yield (
            f"  {given} validation records do not show a gain of such an offer: its standard error is "
            f"{seen.error:.2g} ({manifest.metric}); more of them would (--validation)"
        )


def _with_error(value: float, error: float) -> str:
    return f"{value:.2f} +- {error:.2f}"


def _by_class(manifest: Manifest, found: Agreement) -> str:
    """The share of each class, the lowest first; of many classes the lowest ten."""
    known = zip(manifest.schema_.classes, found.by_class, strict=True)
    ordered = sorted(((name, share) for name, share in known if share is not None), key=lambda one: one[1])
    shown = ", ".join(f"{name} {share:.0%}" for name, share in ordered[:_MAX_CLASSES])
    return shown + (f" and {len(ordered) - _MAX_CLASSES} more" if len(ordered) > _MAX_CLASSES else "")


def _agreement(manifest: Manifest) -> list[str]:
    found = manifest.agreement
    if found is None:
        return []
    return [f"constant\t{found.constant:.4f}", f"kappa\t{found.kappa:.4f}", f"by class\t{_by_class(manifest, found)}"]


def _backtest(manifest: Manifest) -> list[str]:
    found = manifest.backtest
    if found is None:
        return []
    if found.truth == "itself":
        return [
            f"backtest\t{found.episodes} held-out parts, measured against nothing (--train)",
            f"rank\t{_with_error(found.rank_agreement, found.rank_error)} from half to half of the validation records",
        ]
    skipped = f", training failed on {found.skipped}" if found.skipped else ""
    return [
        f"backtest\t{found.episodes} held-out parts, truth by {found.truth}{skipped}",
        f"rank\t{_with_error(found.rank_agreement, found.rank_error)}, the truth with itself {found.ceiling:.2f}",
        f"slope\t{_with_error(found.slope, found.slope_error)}, gains divided by {found.divisor:.2f}",
        f"error\t{found.expected_error:.6f} expected of a gain",
    ]


def _accuracy(manifest: Manifest) -> list[str]:
    seen, given = manifest.outlook, manifest.validation_records
    if not seen.error:
        return []
    takes = f", +- a fifth takes {seen.enough}" if seen.enough else ", no gain is seen"
    return [
        f"accuracy\t+- {seen.error:.2g} of a typical gain of {seen.gain:.2g} with {given} validation records{takes}"
    ]


def form_text(form: PriceForm, path: Path) -> str:
    """The result of an export."""
    agreements = (f"{found / 10**6:.4f}" for found in (form.rank_agreement, form.exact_agreement))
    lines = (f"form\t{path}", f"features\t{form.terms.features.width}", f"price bits\t{form.terms.price_bits}")
    return "\n".join([*lines, "rank agreement\t{} (before rounding: {})".format(*agreements)])


def appraisal_text(appraisal: Appraisal, token: Token = ETHER) -> str:
    """Price, gain and reasons of an appraisal."""
    low, high = appraisal.interval
    lines = [
        f"price\t{amount_text(appraisal.price, token)}",
        f"gain\t{appraisal.predicted_gain:.6f} ({appraisal.metric}; 90 % interval {low:.6f} to {high:.6f})",
        f"records\t{appraisal.priced} of {appraisal.records} priced",
        *([f"left out\t{_left_out(appraisal)}"] if appraisal.left_out else []),
        f"fidelity\t{appraisal.fidelity:.4f}",
        *(f"because\t{reason}" for reason in appraisal.reasons),
    ]
    return "\n".join(lines)


def _left_out(appraisal: Appraisal) -> str:
    rows = appraisal.left_out
    if len(rows) > _MAX_ROWS:
        rows = f"{rows[:_MAX_ROWS].rpartition(',')[0]} and more (all of them: --report, --json)"
    return f"rows {rows}; the gain is that of the set without them"


def function_text(function: PriceFunction, token: Token = ETHER) -> str:
    """A price function, and what its artifact discloses, tensor by tensor."""
    manifest = function.manifest
    rule, seen, carried = manifest.rule, manifest.outlook, manifest.carried
    parts = ("rate", "cap", "floor", "grid")
    amounts = ", ".join(f"{part} {amount_text(getattr(rule, part), token)}" for part in parts)
    lines = [
        f"function\t0x{function.hash.hex()}",
        f"method\t{manifest.method}",
        f"goal\t{manifest.metric}" + (f", worst group by {manifest.worst_group}" if manifest.worst_group else ""),
        f"pricing\t{rule.kind}, {amounts}, {rule.basis}",
        f"typical\t{seen.records} more records of the owner's kind: {amount_text(seen.typical(rule), token)}",
        f"fidelity\t{manifest.fidelity:.4f}",
        *_accuracy(manifest),
        *_agreement(manifest),
        *_backtest(manifest),
        f"records\t{manifest.owner_records} of the owner, {manifest.validation_records} for validation",
        "",
        columns_text(profile(manifest.schema_)),
        "",
        f"carries\t{carried.bytes} bytes",
        f"owner's\t{carried.owner_records} records in it",
        f"validation\t{carried.validation_records} records in it",
        f"best copy\tagrees with the model on {carried.copy_fidelity:.1%}, made by {carried.copied_by}",
        "",
        "tensor\tbytes\towner's records\tvalidation records\tcarries",
        *("\t".join(str(value) for value in leak.model_dump().values()) for leak in manifest.leaks),
    ]
    return "\n".join(lines)
