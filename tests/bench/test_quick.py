"""The benchmark's quick form: digits alone, held to floors two standard errors under the published goals."""

import pytest

from assay_bench.packages import DEFAULT_CACHE
from assay_bench.pricing.reporting.summary import Results, by_method, met, summary
from assay_bench.pricing.run import Kept, run
from assay_bench.pricing.units import Unit, plan

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
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Unit], Kept]:
    units, kept = plan((SEED,), quick=True), Kept(tmp_path_factory.mktemp("kept"))
    refused = list(run(units, kept, DEFAULT_CACHE, 2, lambda _: None))
    assert refused == []
    return units, kept


@pytest.fixture(scope="module")
def figures(results: tuple[list[Unit], Kept]) -> dict[str, float | None]:
    known = Results(*results)
    return summary(known, by_method(known))


@pytest.mark.parametrize("name", FLOORS)
def test_a_figure_stays_above_its_floor(figures: dict[str, float | None], name: str) -> None:
    value = figures[name]
    assert value is not None
    assert value >= FLOORS[name]


@pytest.mark.parametrize("name", CEILINGS)
def test_a_figure_stays_below_its_ceiling(figures: dict[str, float | None], name: str) -> None:
    value = figures[name]
    assert value is not None
    assert value <= CEILINGS[name] + 1e-9


def test_what_was_not_run_has_no_figure(figures: dict[str, float | None]) -> None:
    assert figures["purchase_gain_100"] is None
    assert met("purchase_gain_100", None) is None


def test_a_run_that_was_cut_goes_on_with_what_is_missing(results: tuple[list[Unit], Kept]) -> None:
    units, kept = results
    truth = next(unit for unit in units if unit.part == "truth")
    others = [unit for unit in units if unit != truth]
    before = {unit: (kept.folder / unit.file).stat().st_mtime_ns for unit in others}
    (kept.folder / truth.file).write_text("cut in the mid")
    seen: list[Unit] = []
    assert list(run(units, kept, DEFAULT_CACHE, 1, seen.append)) == []
    assert sorted(seen) == sorted(units)
    assert kept.read(truth) is not None
    assert {unit: (kept.folder / unit.file).stat().st_mtime_ns for unit in others} == before


def test_a_result_of_other_code_is_not_used(results: tuple[list[Unit], Kept]) -> None:
    units, kept = results
    path = kept.folder / units[0].file
    sound = path.read_text()
    path.write_text(sound.replace(units[0].fingerprint, "0" * 16))
    assert kept.read(units[0]) is None
    path.write_text(sound)
