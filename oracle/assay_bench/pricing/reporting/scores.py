"""Figures of every scorer against true gains, by data set, setting and seed."""

import numpy as np

from assay_bench.figures import Floats, auc, payment_share, spearman, spearman_brown
from assay_bench.pricing.data.parties import FRESH, JUNK, UNPAID
from assay_bench.pricing.reporting.goals import LABEL_ONLY
from assay_bench.pricing.reporting.result_set import ResultSet
from assay_bench.pricing.reporting.rows import ScorerRow, TruthRow
from assay_bench.pricing.results import MethodResult, ScoreResult, TruthResult
from assay_bench.pricing.units import Part, Unit

_SCORED = (Part.METHOD, Part.LABELS, Part.BASELINE, Part.LIBRARY)


def scorer_rows(results: ResultSet) -> list[ScorerRow]:
    """One row for each scorer whose true gains are known."""
    truths = {(u.data, u.setting, u.seed): truth for u, truth in results.select(Part.TRUTH, TruthResult)}
    return [
        scorer_row(unit, scores, truth)
        for part in _SCORED
        for unit, scores in results.select(part, ScoreResult)
        if (truth := truths.get((unit.data, unit.setting, unit.seed))) is not None
    ]


def scorer_row(unit: Unit, scores: ScoreResult, truth: TruthResult) -> ScorerRow:
    """Compares a scorer's scores with true gains."""
    method = scores if isinstance(scores, MethodResult) else None
    points = np.array(scores.points)
    gate, paid = (np.array(method.gate), np.array(method.paid_points)) if method else (points, points)
    kinds, validation, test = np.array(truth.kinds), np.array(truth.validation), np.array(truth.test)
    fresh, junk, unpaid = kinds == FRESH, np.isin(kinds, JUNK), np.isin(kinds, UNPAID)
    return ScorerRow(
        kind=unit.part.value,
        name=LABEL_ONLY if unit.part is Part.LABELS else unit.name,
        data=unit.data,
        setting=unit.setting,
        seed=unit.seed,
        point_rho_update=spearman(points, np.array(truth.update)),
        point_rho_v=spearman(points, validation),
        point_rho_t=spearman(points, test),
        clean_point_rho_v=spearman(points[fresh], validation[fresh]),
        clean_point_rho_t=spearman(points[fresh], test[fresh]),
        junk_auc=auc(gate, fresh, junk),
        money_to_junk=payment_share(paid, unpaid),
        batch_rho_v=_set_correlation(scores, np.array(truth.sets_validation)),
        batch_rho_t=_set_correlation(scores, np.array(truth.sets_test)),
        seconds_fit=scores.seconds_fit,
        seconds_points=scores.seconds_points,
        seconds_set=method.seconds_set if method else None,
        fidelity=method.fidelity if method else None,
        refused=method.refused if method else None,
        label_only=method.label_only if method else None,
    )


def _set_correlation(scores: ScoreResult, gains: Floats) -> float | None:
    """Rank correlation of the sets' scores with their true gains (m, i), averaged over initialisations."""
    return None if scores.sets is None else spearman(np.array(scores.sets), gains.mean(1))


def truth_rows(results: ResultSet) -> list[TruthRow]:
    """Reliability and ceilings of true gains."""
    return [truth_row(unit, truth) for unit, truth in results.select(Part.TRUTH, TruthResult)]


def truth_row(unit: Unit, truth: TruthResult) -> TruthRow:
    """Reliability and ceilings of one draw."""
    validation, test = np.array(truth.validation), np.array(truth.test)
    fresh = np.array(truth.kinds) == FRESH
    sets_v, sets_t = np.array(truth.sets_validation), np.array(truth.sets_test)
    return TruthRow(
        data=unit.data,
        setting=unit.setting,
        seed=unit.seed,
        accuracy=truth.accuracy,
        test_loss=truth.test_loss,
        point_ceiling=spearman(validation, test),
        clean_point_ceiling=spearman(validation[fresh], test[fresh]),
        batch_reliability=spearman_brown(sets_v),
        batch_ceiling=spearman(sets_v.mean(1), sets_t.mean(1)),
        seconds_points=truth.seconds_points,
        seconds_sets=truth.seconds_sets,
    )
