"""A run computes what is missing, stores it at once, and can be resumed."""

from pathlib import Path

import pytest

from assay_bench.errors import PackageUnavailable
from assay_bench.pricing import run as run_module
from assay_bench.pricing.cache import ResultCache
from assay_bench.pricing.results import ScoreResult
from assay_bench.pricing.run import Failure, run
from assay_bench.pricing.units import Part, Unit

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

UNITS = [Unit(Part.BASELINE, "wine", "iid", seed, name) for seed in (1, 2) for name in ("random", "loss")]
UNAVAILABLE = Unit(Part.BASELINE, "mnist_5k", "iid", 1, "random")
"""Its data set comes from a package."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> ResultCache:
    cache = ResultCache(tmp_path_factory.mktemp("results"))
    assert list(run(UNITS, cache, Path("unused"), 2, lambda _: None)) == []
    return cache


def test_every_unit_has_a_result(cache: ResultCache) -> None:
    for unit in UNITS:
        result = cache.read(unit)
        assert isinstance(result, ScoreResult)
        assert len(result.points) == 48
        assert result.sets is not None
        assert len(result.sets) == 48


def test_a_resumed_run_computes_what_is_missing_alone(cache: ResultCache) -> None:
    damaged, others = UNITS[1], [UNITS[0], *UNITS[2:]]
    before = {unit: (cache.folder / unit.file).stat().st_mtime_ns for unit in others}
    expected = cache.read(damaged)
    assert isinstance(expected, ScoreResult)
    (cache.folder / damaged.file).write_text("damaged")
    done: list[Unit] = []
    assert list(run(UNITS, cache, Path("unused"), 1, done.append)) == []
    assert sorted(done) == sorted(UNITS)
    assert {unit: (cache.folder / unit.file).stat().st_mtime_ns for unit in others} == before
    again = cache.read(damaged)
    assert isinstance(again, ScoreResult)
    assert again.points == expected.points
    assert again.sets == expected.sets


def test_a_run_whose_time_is_over_computes_nothing_more(cache: ResultCache) -> None:
    missing = Unit(Part.BASELINE, "wine", "iid", 3, "random")
    done: list[Unit] = []
    assert list(run([*UNITS, missing], cache, Path("unused"), 1, done.append, until=0.0)) == []
    assert sorted(done) == sorted(UNITS)
    assert cache.read(missing) is None


def test_a_unit_that_cannot_be_computed_is_reported_with_the_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(unit: Unit, packages: Path) -> ScoreResult:
        raise PackageUnavailable("cannot download mlxtend", hint="reach the registry")

    monkeypatch.setattr(run_module, "compute", compute)
    outcome = run_module._outcome(UNAVAILABLE, tmp_path)
    assert outcome == Failure(UNAVAILABLE, "cannot download mlxtend (hint: reach the registry)")
