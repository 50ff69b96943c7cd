"""The plan: which units a run has."""

import pytest

from assay_bench.pricing.cases import CASES
from assay_bench.pricing.plan import plan
from assay_bench.pricing.units import Part, Unit
from assay_pricing import methods

pytestmark = pytest.mark.unit

SEEDS = (1, 2, 3, 4)


def test_the_quick_plan_is_digits_with_the_default_method() -> None:
    default = methods.DEFAULT
    assert plan((7,), quick=True) == [
        Unit(Part.TRUTH, "digits", "shift", 7),
        Unit(Part.METHOD, "digits", "shift", 7, default),
        Unit(Part.LABELS, "digits", "shift", 7, default),
        Unit(Part.TRUTH, "digits", "iid", 7),
        Unit(Part.METHOD, "digits", "iid", 7, default),
        Unit(Part.LABELS, "digits", "iid", 7, default),
        Unit(Part.COPIES, "digits", "shift", 7, default),
    ]


def test_no_unit_is_planned_twice_and_no_file_is_shared() -> None:
    units = plan(SEEDS)
    assert len(set(units)) == len(units)
    assert len({unit.file for unit in units}) == len(units)


def test_every_case_and_every_method_is_planned() -> None:
    units = plan(SEEDS)
    assert {unit.data for unit in units if unit.part is Part.CASE} == set(CASES)
    assert {unit.name for unit in units if unit.part is Part.METHOD} == set(methods.names())


def test_the_comparison_has_three_seeds_and_the_summary_all() -> None:
    units = plan(SEEDS)
    assert {unit.seed for unit in units if unit.data == "wine"} == {1, 2, 3}
    assert {unit.seed for unit in units if unit.part is Part.SPEED} == set(SEEDS)


def test_a_regression_is_not_scored_by_baselines_for_classes() -> None:
    names = {unit.name for unit in plan(SEEDS, ("diabetes",)) if unit.part is Part.BASELINE}
    assert names == {"random", "loss", "gradient_norm", "true_retraining"}


def test_only_keeps_data_sets_and_cases_by_name() -> None:
    assert {unit.data for unit in plan(SEEDS, ("news", "wine"))} == {"news", "wine"}
    assert plan(SEEDS, ("unknown",)) == []


def test_every_unit_of_the_summary_has_true_gains_planned() -> None:
    units = plan(SEEDS)
    truths = {(unit.data, unit.setting, unit.seed) for unit in units if unit.part is Part.TRUTH}
    scored = (Part.METHOD, Part.LABELS, Part.BASELINE, Part.LIBRARY)
    assert {(unit.data, unit.setting, unit.seed) for unit in units if unit.part in scored} <= truths


def test_every_case_at_every_seed_comes_first_and_the_comparison_last() -> None:
    units = plan(SEEDS)
    cases = len(CASES) * len(SEEDS)
    assert [(unit.part, unit.seed) for unit in units[:cases]] == [(Part.CASE, s) for s in SEEDS for _ in CASES]
    summary = [unit for unit in units if unit.data in ("digits", "mnist_5k", "large_table")]
    assert units[cases : cases + 10] == summary[:10]
    alone = [i for i, unit in enumerate(units) if unit.exclusive]
    assert alone == list(range(alone[0], alone[-1] + 1)), "a part that is measured alone keeps others waiting once"
    assert {unit.part for unit in units[alone[-1] + 1 :]} == {Part.TRUTH, Part.METHOD, Part.BASELINE}


def test_the_large_table_is_measured_at_two_seeds() -> None:
    assert [unit.seed for unit in plan(SEEDS) if unit.part is Part.SCALE] == [1, 2]


def test_speed_is_measured_alone() -> None:
    assert {unit.part for unit in plan(SEEDS) if unit.exclusive} == {Part.SPEED, Part.SCALE}
