"""Stored results: complete or absent, of this code or computed again, in the JSON form of earlier versions."""

import json
import os
from pathlib import Path

import pytest

from assay_bench.pricing.cache import ResultCache
from assay_bench.pricing.fingerprint import fingerprint
from assay_bench.pricing.results import CopiesResult, PurchaseResult
from assay_bench.pricing.units import Part, Unit

pytestmark = pytest.mark.unit

UNIT = Unit(Part.COPIES, "digits", "shift", 1, "distillation")
RESULT = CopiesResult(one=(0.1, 0.2), exact=(0.1, 0.2), near=(0.15, float("inf")))


@pytest.fixture
def cache(tmp_path: Path) -> ResultCache:
    cache = ResultCache(tmp_path / "results")
    cache.write(UNIT, RESULT)
    return cache


def path_of(cache: ResultCache) -> Path:
    return cache.folder / UNIT.file


def test_a_result_is_read_as_it_was_written(cache: ResultCache) -> None:
    assert cache.read(UNIT) == RESULT


def test_a_file_has_the_form_of_earlier_versions(cache: ResultCache) -> None:
    assert path_of(cache).name == "copies.digits.shift.1.distillation.json"
    assert json.loads(path_of(cache).read_text()) == {
        "fingerprint": fingerprint(UNIT),
        "result": {"one": [0.1, 0.2], "exact": [0.1, 0.2], "near": [0.15, float("inf")]},
    }


def test_budgets_are_the_names_of_fields_on_disk(cache: ResultCache) -> None:
    unit = Unit(Part.PURCHASE, "mnist_5k", "shift", 1, "random")
    stored = {"nothing": 0.7, "100": 0.8, "junk_100": 0.1, "300": 0.9, "junk_300": 0.2}
    (cache.folder / unit.file).write_text(json.dumps({"fingerprint": fingerprint(unit), "result": stored}))
    result = cache.read(unit)
    assert result == PurchaseResult(nothing=0.7, accuracy_100=0.8, junk_100=0.1, accuracy_300=0.9, junk_300=0.2)
    cache.write(unit, result)
    assert json.loads((cache.folder / unit.file).read_text())["result"] == stored


def test_a_unit_without_a_file_has_no_result(cache: ResultCache) -> None:
    assert cache.read(Unit(Part.COPIES, "digits", "shift", 2, "distillation")) is None


def test_a_result_of_other_code_is_not_used(cache: ResultCache) -> None:
    path_of(cache).write_text(path_of(cache).read_text().replace(fingerprint(UNIT), "0" * 16))
    assert cache.read(UNIT) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"fingerprint": "FINGERPRINT"}',
        b'{"fingerprint": "FINGERPRINT", "result": null}',
        b'{"fingerprint": "FINGERPRINT", "result": {"one": [1], "exact": [1]}}',
        b'{"fingerprint": "FINGERPRINT", "result": {"one": [1], "exact": [1], "near": ["x"]}}',
        b'{"fingerprint": "FINGERPRINT", "result": {"one": [1], "exact": [1], "near": [1], "far": [1]}}',
    ],
)
def test_an_altered_file_is_not_used(cache: ResultCache, content: bytes) -> None:
    path_of(cache).write_bytes(content.replace(b"FINGERPRINT", fingerprint(UNIT).encode()))
    assert cache.read(UNIT) is None


def test_an_interrupted_write_leaves_the_earlier_result(cache: ResultCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="No space"):
        cache.write(UNIT, CopiesResult(one=(9.0,), exact=(9.0,), near=(9.0,)))
    assert cache.read(UNIT) == RESULT
    assert [path.name for path in cache.folder.iterdir()] == [UNIT.file]
