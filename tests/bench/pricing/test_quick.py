"""The quick run: digits alone, held to floors two standard errors under the published goals.

Most of its time is retraining, which does not depend on the product: the true gains of the two draws are stored in
``stored/`` as earlier runs computed them. ``test_gains.py`` recomputes a part of them.
"""

from pathlib import Path

import pytest

from assay_bench.packages import DEFAULT_CACHE
from assay_bench.pricing.cache import ResultCache
from assay_bench.pricing.plan import plan
from assay_bench.pricing.reporting.goals import GOALS
from assay_bench.pricing.reporting.report import Report, read_report
from assay_bench.pricing.run import run
from assay_bench.pricing.units import Part
from tests.bench.pricing.stored import stored_truth

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SEED = 101
FLOORS = {
    "batch_rho_v_shift": 0.88,
    "batch_rho_v_iid": 0.88,
    "batch_rho_t_share": 0.88,
    "label_only_batch_rho_v": 0.75,
    "point_rho_v_shift": 0.70,
    "point_rho_v_iid": 0.50,
    "junk_auc": 0.88,
}
CEILINGS = {
    "money_to_junk_shift": 0.10,
    "money_to_junk_iid": 0.25,
    "copy_gain_exact": 1.0,
    "copy_gain_near": 2.0,
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    units, cache = plan((SEED,), quick=True), ResultCache(tmp_path_factory.mktemp("results"))
    for unit in units:
        if unit.part is Part.TRUTH:
            cache.write(unit, stored_truth(unit))
    assert list(run(units, cache, Path(DEFAULT_CACHE), 1, lambda _: None)) == []
    return read_report(units, cache, (SEED,), quick=True)


@pytest.mark.parametrize("name", FLOORS)
def test_a_figure_stays_above_its_floor(report: Report, name: str) -> None:
    value = report.summary[name]
    assert value is not None
    assert value >= FLOORS[name]


@pytest.mark.parametrize("name", CEILINGS)
def test_a_figure_stays_below_its_ceiling(report: Report, name: str) -> None:
    value = report.summary[name]
    assert value is not None
    assert value <= CEILINGS[name] + 1e-9


def test_a_part_that_was_not_run_has_no_figure(report: Report) -> None:
    assert report.summary["purchase_gain_100"] is None
    assert GOALS["purchase_gain_100"].is_met(None) is None
    assert report.goals["purchase_gain_100"].met is None
