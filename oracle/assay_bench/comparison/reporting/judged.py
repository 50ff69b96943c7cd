"""The figures in the paper's words, by one stated rule, so that they can be compared with the paper's."""

from assay_bench.comparison.reporting.report import ApproachReport, Spreads

LOW, MEDIUM, HIGH, NONE = "Low", "Medium", "High", "N/A"
RULE = """\
The figures are put into the paper's words by one rule. A leakage is High from 0.5, Medium from 0.1, where it is
the largest of the shares that leak: records recovered or kept, twice the membership's AUC above 0.5, what a third
party sees; weights disclosed, a third party's fidelity, and the part of the model's answers that the best copy
has beyond the copy made alone. Practicality is High up to 10 trainings a trade, Medium up to 1,000. Fairness is
High if the rank is at least 0.8, at most 5 % goes to useless data, and a buyer that does not pay keeps at most a
tenth of the gain; Low if the rank is under 0.5, or such a buyer keeps half."""


def word(one: ApproachReport, column: str, size: str) -> str:
    """Low, Medium or High; N/A where a figure that decides is not defined."""
    found = one.spreads(column, size)
    if not found:
        return NONE
    return {
        "data_leakage": _data_leakage,
        "model_leakage": _model_leakage,
        "practicality": _practicality,
        "fairness": _fairness,
    }[column](found)


def _data_leakage(found: Spreads) -> str:
    if found["recovered"].mean is None:
        return NONE
    shares = [_of(found, name) for name in ("recovered", "kept", "third_party")]
    return _leakage([*shares, 2 * (_of(found, "membership", 0.5) - 0.5)])


def _model_leakage(found: Spreads) -> str:
    if found["fidelity"].mean is None:
        return NONE
    alone = _of(found, "alone")
    beyond = (_of(found, "fidelity") - alone) / (1 - alone) if alone < 1 else 0.0
    return _leakage([_of(found, "weights"), _of(found, "third_party"), beyond])


def _leakage(shares: list[float]) -> str:
    return HIGH if max(shares) >= 0.5 else MEDIUM if max(shares) >= 0.1 else LOW


def _practicality(found: Spreads) -> str:
    trainings = found["trainings"].mean
    if trainings is None:
        return NONE
    return HIGH if trainings <= 10 else MEDIUM if trainings <= 1000 else LOW


def _fairness(found: Spreads) -> str:
    rank, useless, kept = (found[name].mean for name in ("rank", "to_useless", "cheating_buyer"))
    if rank is None:
        return NONE
    if rank < 0.5 or (kept or 0.0) >= 0.5:
        return LOW
    return HIGH if rank >= 0.8 and (useless or 0.0) <= 0.05 and (kept or 0.0) <= 0.1 else MEDIUM


def _of(found: Spreads, name: str, otherwise: float = 0.0) -> float:
    mean = found[name].mean
    return otherwise if mean is None else mean
