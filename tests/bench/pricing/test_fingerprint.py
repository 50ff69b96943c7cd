"""The fingerprint covers the code that computes a result, and nothing that only reads results."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import assay_bench
import assay_pricing
from assay_bench.pricing import fingerprint as module
from assay_bench.pricing.fingerprint import fingerprint, sources
from assay_bench.pricing.units import Part, Unit

pytestmark = pytest.mark.unit

TRUTH = Unit(Part.TRUTH, "digits", "iid", 1)
METHOD = Unit(Part.METHOD, "digits", "iid", 1, "distillation")


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    """Copies of the sources of ``assay_bench`` and ``assay_pricing``, in place of the sources."""
    folders = []
    for package in (assay_bench, assay_pricing):
        folder = tmp_path / package.__name__
        shutil.copytree(Path(package.__file__ or "").parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.setattr(package, "__file__", str(folder / "__init__.py"))
        folders.append(folder)
    module._source_hash.cache_clear()
    yield folders[0], folders[1]
    module._source_hash.cache_clear()


def edit(path: Path) -> None:
    assert path.exists(), path
    path.write_text(path.read_text() + "\n# edited\n")
    module._source_hash.cache_clear()


@pytest.mark.parametrize(
    "file",
    ["figures.py", "packages.py", "pricing/units.py", "pricing/parts/scores.py", "pricing/truth/gains.py"],
)
def test_an_edit_of_the_benchmark_changes_every_fingerprint(copies: tuple[Path, Path], file: str) -> None:
    before = fingerprint(TRUTH), fingerprint(METHOD)
    edit(copies[0] / file)
    assert fingerprint(TRUTH) != before[0]
    assert fingerprint(METHOD) != before[1]


@pytest.mark.parametrize("file", ["function.py", "methods/distillation.py", "records/records.py"])
def test_an_edit_of_pricing_changes_what_uses_pricing(copies: tuple[Path, Path], file: str) -> None:
    before = fingerprint(TRUTH), fingerprint(METHOD)
    edit(copies[1] / file)
    assert fingerprint(TRUTH) == before[0]
    assert fingerprint(METHOD) != before[1]


@pytest.mark.parametrize(
    "file",
    ["cli.py", "pricing/run.py", "pricing/cache.py", "pricing/plan.py"],
)
def test_an_edit_of_what_only_schedules_and_stores_changes_nothing(copies: tuple[Path, Path], file: str) -> None:
    before = fingerprint(TRUTH), fingerprint(METHOD)
    edit(copies[0] / file)
    assert (fingerprint(TRUTH), fingerprint(METHOD)) == before


def test_an_edit_of_the_reporting_changes_nothing(copies: tuple[Path, Path]) -> None:
    before = fingerprint(TRUTH), fingerprint(METHOD)
    for path in sources(copies[0] / "pricing" / "reporting"):
        edit(path)
    assert (fingerprint(TRUTH), fingerprint(METHOD)) == before
