"""``assay-oracle fit``: what it refuses before it reads data or asks a model, and what it loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from assay_oracle.cli.main import main
from assay_pricing import artifact
from tests.pricing.contexts import manifest

pytestmark = pytest.mark.unit


def test_fit_refuses_a_folder_with_a_price_function_before_it_asks_the_model(tmp_path: Path) -> None:
    price, data = tmp_path / "price", tmp_path / "data.csv"
    artifact.write(price, *artifact.finalize(manifest(), {"a": torch.zeros(1)}))
    data.write_text("no table")
    fit = ["fit", "--model", "json:loads", "--data", str(data), "--out", str(price), "--json"]
    result = CliRunner(mix_stderr=False).invoke(main, fit)
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "artifact_exists")
    assert "--replace" in result.stderr
    artifact.mark_used(price, bytes(32))
    result = CliRunner(mix_stderr=False).invoke(main, [*fit, "--replace"])
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "artifact_exists")
    assert "another folder" in result.stderr
    assert artifact.read(price)


def test_commands_that_price_load_nothing_of_keys() -> None:
    """An appraisal of a small file takes little longer than its imports."""
    program = """
import sys
import assay_oracle.cli.pricing, assay_oracle.owner.cluster, assay_oracle.owner.columns, assay_oracle.owner.summary
print({"eth_account", "cryptography", "web3"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["cm"], "expected COLUMN=UNIT, for example height=cm, got 'cm'"),
        (["height="], "got 'height='"),
        (["height=cm", "height=m"], "expected one unit of 'height', got 'cm' and 'm'"),
    ],
)
def test_a_unit_that_is_none_is_refused(tmp_path: Path, given: list[str], message: str) -> None:
    data = tmp_path / "data.csv"
    data.write_text("height\n1\n")
    units = [part for unit in given for part in ("--unit", unit)]
    fit = ["fit", "--model", "json:loads", "--data", str(data), "--out", str(tmp_path / "price"), *units]
    result = CliRunner(mix_stderr=False).invoke(main, fit)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
