"""``assay-oracle fit``: what it refuses before it reads data or asks a model."""

import json
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
