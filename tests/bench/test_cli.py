"""The command: light to import, and clear about what it cannot do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.cli.terminal import Group
from assay_bench.cli import bench

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
    assert done.exit_code == 1
    error = json.loads(done.stdout.splitlines()[0])["error"]
    assert error["code"] == "usage_error"
    assert error["message"] == (
        "expected --only among breast_cancer, census, diabetes, digits, icons, mnist_5k, news, wine, writers, got iris"
    )


@pytest.mark.integration
def test_a_missing_library_is_answered_with_what_to_install() -> None:
    script = """
import sys
sys.modules["scipy"] = None
from assay.cli.terminal import Group
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
