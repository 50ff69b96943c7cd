"""The fingerprint covers the code that computes a result, and nothing that only reads results."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import assay_bench
import assay_pricing
from assay_bench.pricing import fingerprint as module
from assay_bench.pricing.fingerprint import fingerprint, python_files
from assay_bench.pricing.units import Part, Unit

pytestmark = pytest.mark.unit

TRUTH = Unit(Part.TRUTH, "digits", "iid", 1)
METHOD = Unit(Part.METHOD, "digits", "iid", 1, "distillation")
CASE = Unit(Part.CASE, "census", "-", 1, "distillation")


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    """Copies of the sources of ``assay_bench`` and ``assay_pricing``, in place of the sources."""
    folders = []
    for package in (assay_bench, assay_pricing):
        folder = tmp_path / package.__name__
        shutil.copytree(Path(package.__file__ or "").parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.setattr(package, "__file__", str(folder / "__init__.py"))
        folders.append(folder)
    module.source_hash.cache_clear()
    yield folders[0], folders[1]
    module.source_hash.cache_clear()


def edit(path: Path) -> None:
    assert path.exists(), path
    path.write_text(path.read_text() + "\n# edited\n")
    module.source_hash.cache_clear()


@pytest.mark.parametrize(
    "file",
    ["figures.py", "packages.py", "pricing/parts/draw.py", "pricing/truth/gains.py"],
)
def test_an_edit_of_what_two_parts_import_changes_both(copies: tuple[Path, Path], file: str) -> None:
    before = fingerprint(TRUTH), fingerprint(METHOD)
    edit(copies[0] / file)
    assert fingerprint(TRUTH) != before[0]
    assert fingerprint(METHOD) != before[1]


def test_an_edit_of_what_one_part_imports_changes_no_other(copies: tuple[Path, Path]) -> None:
    before = fingerprint(TRUTH), fingerprint(METHOD), fingerprint(CASE)
    edit(copies[0] / "pricing/parts/truth.py")
    assert fingerprint(TRUTH) != before[0]
    assert (fingerprint(METHOD), fingerprint(CASE)) == before[1:]
    edit(copies[0] / "pricing/scorers/pricer.py")
    assert fingerprint(METHOD) != before[1]
    assert fingerprint(CASE) == before[2]


def test_an_edit_of_a_case_or_of_what_it_imports_changes_that_case(copies: tuple[Path, Path]) -> None:
    other = replace(CASE, data="news")
    before, before_other = fingerprint(CASE), fingerprint(other)
    edit(copies[0] / "pricing/cases/census.py")
    assert fingerprint(CASE) != before
    edited = fingerprint(CASE)
    edit(copies[0] / "pricing/cases/boosting.py")
    assert fingerprint(CASE) != edited
    assert fingerprint(other) == before_other


@pytest.mark.parametrize("file", ["function.py", "methods/distillation.py", "records/records.py"])
def test_an_edit_of_pricing_changes_what_uses_pricing(copies: tuple[Path, Path], file: str) -> None:
    before = fingerprint(TRUTH), fingerprint(METHOD), fingerprint(CASE)
    edit(copies[1] / file)
    assert fingerprint(TRUTH) == before[0]
    assert fingerprint(METHOD) != before[1]
    assert fingerprint(CASE) != before[2]


def test_an_edit_of_pricing_that_no_unit_imports_changes_nothing(copies: tuple[Path, Path]) -> None:
    before = fingerprint(METHOD), fingerprint(CASE)
    edit(copies[1] / "proof/circuit.py")
    edit(copies[1] / "records/formats/csv.py")
    assert (fingerprint(METHOD), fingerprint(CASE)) == before


@pytest.mark.parametrize(
    "file",
    ["cli.py", "pricing/run.py", "pricing/cache.py", "pricing/plan.py", "pricing/results.py", "pricing/units.py"],
)
def test_an_edit_of_what_only_schedules_and_stores_changes_nothing(copies: tuple[Path, Path], file: str) -> None:
    before = fingerprint(TRUTH), fingerprint(METHOD)
    edit(copies[0] / file)
    assert (fingerprint(TRUTH), fingerprint(METHOD)) == before


def test_an_edit_of_the_reporting_changes_nothing(copies: tuple[Path, Path]) -> None:
    before = fingerprint(TRUTH), fingerprint(METHOD)
    for path in python_files(copies[0] / "pricing" / "reporting"):
        edit(path)
    assert (fingerprint(TRUTH), fingerprint(METHOD)) == before
