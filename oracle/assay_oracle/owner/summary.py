"""Appraisals and price functions as lines of text, for the terminal: a name, a tab, a value."""

from pathlib import Path

from assay_pricing.appraisal import Appraisal
from assay_pricing.function import PriceFunction
from assay_pricing.scorer.format import Scorer


def fit_text(function: PriceFunction, folder: Path) -> str:
    """The result of a fit."""
    return f"function\t0x{function.hash.hex()}\nfidelity\t{function.fidelity:.4f}\nfolder\t{folder}"


def scorer_text(scorer: Scorer, path: Path) -> str:
    """The result of an export."""
    return f"scorer\t{path}\nkind\t{scorer.kind}\nrank agreement\t{scorer.rank_agreement / 10**6:.4f}"


def appraisal_text(appraisal: Appraisal) -> str:
    """Price, gain and reasons of an appraisal."""
    low, high = appraisal.interval
    lines = [
        f"price\t{appraisal.price}",
        f"gain\t{appraisal.predicted_gain:.6f} ({appraisal.metric}; 90 % interval {low:.6f} to {high:.6f})",
        f"records\t{appraisal.priced} of {appraisal.records} priced",
        f"fidelity\t{appraisal.fidelity:.4f}",
        *(f"because\t{reason}" for reason in appraisal.reasons),
    ]
    return "\n".join(lines)


def function_text(function: PriceFunction) -> str:
    """A price function, and what its artifact discloses, tensor by tensor."""
    manifest = function.manifest
    rule, carried = manifest.rule, manifest.carried
    lines = [
        f"function\t0x{function.hash.hex()}",
        f"method\t{manifest.method}",
        f"goal\t{manifest.metric}" + (f", worst group by {manifest.worst_group}" if manifest.worst_group else ""),
        f"pricing\t{rule.kind}, rate {rule.rate}, cap {rule.cap}, floor {rule.floor}, grid {rule.grid}, {rule.basis}",
        f"fidelity\t{manifest.fidelity:.4f}",
        f"records\t{manifest.owner_records} of the owner, {manifest.validation_records} for validation",
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
