"""The command: light to import, and clear about what it cannot do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.cli.group import Group
from assay_bench.cli import bench
from assay_bench.pricing.cache import ResultCache
from assay_bench.pricing.plan import plan
from assay_bench.pricing.reporting.report import Report
from assay_bench.pricing.results import CopiesResult
from assay_bench.pricing.units import BESIDE, Part, Unit
from tests.bench.pricing.synthetic import DEFAULT, case, method, truth

ROOT = Group(commands=[bench])


@pytest.mark.integration
def test_importing_the_command_imports_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "scipy", "sklearn", "matplotlib", "rich", "assay_pricing"}
    script = f"import sys, assay_bench.cli; print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.unit
def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    done = CliRunner().invoke(ROOT, ["bench", "--only", "iris", "--json", "--kept", str(tmp_path)])
    assert done.exit_code == 2
    error = json.loads(done.stdout.splitlines()[0])["error"]
    assert error["code"] == "usage_error"
    assert error["message"] == (
        "expected --only among bikes, breast_cancer, census, diabetes, digits, employment, icons, large_table, "
        "mnist_5k, news, wine, writers, got iris"
    )


@pytest.mark.integration
def test_a_run_whose_results_are_stored_writes_figures_plots_and_page(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "results")
    found = {Part.TRUTH: truth(), Part.METHOD: method(), Part.LABELS: method(label_only=True)}
    for unit in plan((101,), quick=True):
        cache.write(unit, found.get(unit.part, CopiesResult(one=(1,), exact=(1,), near=(1.1,))))
    options = ["--kept", tmp_path / "results", "--out", tmp_path / "out.json", "--page", tmp_path / "page.md"]
    done = CliRunner().invoke(ROOT, ["bench", "--quick", "--seed", "101", *map(str, options)])
    assert done.exit_code == 0, done.output
    assert "junk_auc                      1.000   >= 0.95    ok" in done.stdout
    report = Report.model_validate_json((tmp_path / "out.json").read_bytes())
    assert report.summary["copy_gain_near"] == pytest.approx(1.1)
    assert (tmp_path / "out" / "methods.png").exists()
    assert "![methods](page/methods.png)" in (tmp_path / "page.md").read_text()


@pytest.mark.integration
def test_a_report_joins_what_several_runs_stored_and_names_what_is_missing(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "results")
    names = ("news", "census")
    for name in names:
        for by in (DEFAULT, *BESIDE):
            cache.write(Unit(Part.CASE, name, "-", 7, by), case())
    options = ["--kept", tmp_path / "results", "--out", tmp_path / "out.json", "--only", "news", "--minutes", "0"]
    done = CliRunner().invoke(ROOT, ["bench", "--seed", "7", *map(str, options)])
    assert done.exit_code == 0, done.output
    report = Report.model_validate_json((tmp_path / "out.json").read_bytes())
    assert [row.name for row in report.cases.values()] == ["census", "news"]
    assert report.missing["case writers"] == (7,)
    assert not {f"case {name}" for name in names} & set(report.missing)


@pytest.mark.integration
def test_a_missing_library_is_answered_with_what_to_install() -> None:
    script = """
import sys
sys.modules["scipy"] = None
from assay.cli.group import Group
from assay_bench.cli import bench
Group(commands=[bench])(["bench", "--quick", "--json"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["error"] == {
        "code": "library_missing",
        "message": "the benchmark needs scipy, which is not installed",
        "hint": "pip install 'assay[bench]'",
    }
