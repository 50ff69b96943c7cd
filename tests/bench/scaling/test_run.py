"""The benchmark of growing offers: its figures, its table, and a run on small ones."""

from functools import partial
from pathlib import Path
from unittest.mock import Mock

import pytest

from assay_bench.errors import MeasurementFailed
from assay_bench.scaling import run
from assay_bench.scaling.__main__ import table
from assay_bench.scaling.plot import draw
from assay_bench.scaling.run import Point, ScalingReport


def points(power: float) -> tuple[Point, ...]:
    """A minute of start-up up to 10,000 records, from there on seconds grow with a power of them."""
    sizes = (1000, 10_000, 100_000, 1_000_000)
    return tuple(
        Point(n=n, seconds=60 * max(1.0, n / 10_000) ** power, processor_seconds=1, peak_mb=n / 100) for n in sizes
    )


@pytest.mark.unit
@pytest.mark.parametrize("power", [0.5, 1.0, 1.5])
def test_the_exponent_is_of_offers_whose_time_grows(power: float) -> None:
    assert run.exponent(points(power)) == pytest.approx(power)
    assert run.exponent(points(power)[:2]) is None


@pytest.mark.unit
def test_figures_are_told_and_drawn(tmp_path: Path) -> None:
    found = ScalingReport(
        processors=2, load=0, points=points(1), exponent=1.0, dask_speedup=1.75, peers={"pydvl": points(2)[:2]}
    )
    lines = table(found).splitlines()
    assert sum(line.startswith("appraise") for line in lines) == 4
    assert sum(line.startswith("pydvl") for line in lines) == 2
    assert lines[-1] == "two Dask workers are 1.75 times as fast as one"
    draw(found, tmp_path / "scale.png")
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.filterwarnings("default")  # of distributed, which warns of its own parts
def test_a_run_measures_offers_and_workers_and_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    again = partial(run.run, (300, 200), 200, tmp_path / "files", said.append, peers=False)
    monkeypatch.setattr(run, "cluster", Mock(side_effect=MeasurementFailed("no scheduler")))
    with pytest.raises(MeasurementFailed, match="no scheduler"):
        again()
    monkeypatch.undo()
    found = again()
    assert said.count("appraising 300 records") == said.count("fitting the price function") == 1
    assert [point.n for point in found.points] == [200, 300]
    assert all(point.seconds > 0 and point.peak_mb > 50 for point in found.points)
    assert found.dask_speedup
    assert not (tmp_path / "files").exists()
