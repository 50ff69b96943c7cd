"""The benchmark of sealing, on a small file: its figures, its table, and what an interrupted run keeps."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assay_bench import measure
from assay_bench.errors import MeasurementFailed
from assay_bench.measure import Run, Steps
from assay_bench.sealing import run
from assay_bench.sealing.__main__ import table


@pytest.mark.integration
def test_command_writes_figures_and_a_table(tmp_path: Path) -> None:
    out, folder = tmp_path / "seal.json", tmp_path / "files"
    command = [sys.executable, "-m", "assay_bench.sealing", "--size", "3M", "--out", str(out), "--folder", str(folder)]
    done = subprocess.run([*command, "--rounds", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = run.SealingReport.model_validate_json(out.read_text())
    assert result.bytes == 3 * 2**20
    for one in (result.seal, result.open, result.verify):
        assert one.ratio == pytest.approx(one.mb_per_s / one.bound_mb_per_s, rel=0.01)
        assert one.ratio_with_disk > one.ratio
        assert 0 < one.peak_mb < 256
        assert (one.scaling is None) == (result.processors == 1)
    assert "age (pyrage)" in result.peers
    assert set(result.peers) | set(result.missing) == {"age (pyrage)", "age", "gpg --symmetric"}
    assert done.stdout.strip() == table(result)
    assert not folder.exists()


@pytest.mark.integration
def test_size_that_cannot_be(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assay_bench.sealing", "--size", "much", "--folder", str(tmp_path / "files")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "expected --size" in done.stderr) == (2, True)


@pytest.mark.unit
def test_steps_are_measured_once_for_the_same_file(tmp_path: Path) -> None:
    calls: list[int] = []

    def work() -> Run:
        calls.append(1)
        return Run(clock=1, processors=2, peak_mb=3)

    path = tmp_path / "steps.json"
    for _ in range(2):
        assert Steps(path, {"size": 1}).once("seal", work) == Run(clock=1, processors=2, peak_mb=3)
    assert len(calls) == 1
    Steps(path, {"size": 2}).once("seal", work)
    assert len(calls) == 2
    steps = Steps(path, {"size": 2})
    steps.forget("seal")
    steps.once("seal", work)
    assert len(calls) == 3


@pytest.mark.integration
def test_program_that_fails_is_no_measurement() -> None:
    with pytest.raises(MeasurementFailed, match="ended with 3: oh"):
        measure.run_command([sys.executable, "-c", "import sys; sys.stderr.write('oh'); sys.exit(3)"])


@pytest.mark.integration
def test_peak_and_processor_time_are_those_of_the_child() -> None:
    found = measure.run_command([sys.executable, "-c", "x = b'x' * 200_000_000; sum(range(10**6))"])
    assert found.peak_mb > 200
    assert found.processors > 0


@pytest.mark.unit
def test_table_names_what_is_missing() -> None:
    figures = {
        "mb_per_s": 800,
        "bound_mb_per_s": 1000,
        "ratio": 0.8,
        "ratio_with_disk": 0.9,
        "clock_mb_per_s": 900,
        "peak_mb": 50,
    }
    one = {**figures, "scaling": None}
    values = {"bytes": 2**30, "processors": 1, "accelerated": False, "load": 0.1, "disk_mb_per_s": 300, "peers": {}}
    report = {**values, "seal": one, "open": one, "verify": one, "missing": ["age"]}
    lines = table(run.SealingReport.model_validate_json(json.dumps(report))).splitlines()
    assert lines[0] == "1,024 MiB on 1 processors, load 0.1; a plain copy to the disk: 300 MB/s by the clock"
    assert lines[1] == "hashing by hashlib: the compiled library is missing"
    assert lines[4].split() == ["seal", "800", "1,000", "0.80", "0.90", "900", "50"]
    assert lines[-1].split() == ["age", "not", "installed"]
