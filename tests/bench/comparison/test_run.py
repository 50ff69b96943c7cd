"""The command: runs, stores, resumes, reports."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from assay.cli.group import Group
from assay_bench.comparison.approaches import MODULES
from assay_bench.comparison.cli import SIZE_NAMES, compare
from assay_bench.comparison.reporting.report import COLUMNS
from assay_bench.comparison.store import Unit
from assay_bench.comparison.trade import SIZES

ROOT = Group(commands=[compare])


def ran(folder: Path, *options: str) -> Any:
    paths = ("--kept", folder / "kept", "--out", folder / "compare.json", "--page", folder / "comparison.md")
    return CliRunner().invoke(ROOT, ["compare", "--size", "small", "--seed", "11", *options, *map(str, paths)])


@pytest.mark.unit
def test_sizes_of_the_command_are_those_of_the_trade() -> None:
    assert tuple(SIZES) == SIZE_NAMES


@pytest.mark.unit
def test_an_unknown_approach_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    done = ran(tmp_path, "--approach", "trust-me", "--json")
    assert done.exit_code == 2
    message = json.loads(done.stdout.splitlines()[0])["error"]["message"]
    assert message == f"expected an approach among {', '.join(MODULES)}, got trust-me"


@pytest.mark.integration
def test_a_run_fills_every_column_with_numbers_or_reasons_and_names_what_is_missing_when_it_is_resumed(
    tmp_path: Path,
) -> None:
    options = ("--approach", "data-first", "--approach", "model-first")
    assert ran(tmp_path, *options).exit_code == 0
    report = json.loads((tmp_path / "compare.json").read_bytes())
    assert [one["name"] for one in report["approaches"]] == ["data-first", "model-first"]
    assert not report["missing"]
    for one in report["approaches"]:
        assert one["sizes"] == ["small"]
        for column in COLUMNS:
            for figure in one[column]["small"].values():
                assert (figure["mean"] is None) == bool(figure["why"])

    (tmp_path / "kept" / Unit("model-first", "small", 11).file).write_text("{")  # damaged
    done = ran(tmp_path, *options, "--minutes", "0")
    assert "not computed: model-first.small.11: no time was left" in done.output
    page, runs = (tmp_path / name for name in ("comparison.md", "comparison/runs.md"))
    assert "**Not run**: small, seeds 11: model-first." in page.read_text()
    anchors = set(re.findall(r"\(comparison/runs\.md#([\w-]+)\)", page.read_text()))
    headings = {line[4:].replace(" ", "-") for line in runs.read_text().splitlines() if line.startswith("### ")}
    assert anchors == headings == {"data-first-small"}
