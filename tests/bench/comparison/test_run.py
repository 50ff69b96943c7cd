"""The command: runs, stores, resumes, reports."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from assay.cli.group import Group
from assay_bench.comparison import approaches
from assay_bench.comparison.approaches import MODULES, find
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
def test_a_run_fills_every_column_with_numbers_or_reasons_and_names_what_failed_and_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that computes the row ``broken`` knows no such approach: an error that the run does not expect."""
    broken = replace(find("data-first"), name="broken", title="Broken")
    monkeypatch.setitem(MODULES, "broken", "data_first")
    monkeypatch.setattr(approaches, "find", lambda name: broken if name == "broken" else find(name))
    options = ("--approach", "data-first", "--approach", "model-first")
    done = ran(tmp_path, *options, "--approach", "broken")
    reason = "UsageError: expected an approach among"
    assert done.exit_code == 1
    assert f"not computed: broken.small.11: {reason}" in done.output
    report = json.loads((tmp_path / "compare.json").read_bytes())
    *others, failed = report["approaches"]
    assert failed["failed"]["small 11"].startswith(reason)
    assert f"**failed** on small 11: {reason}" in (tmp_path / "comparison" / "runs.md").read_text()
    assert [one["name"] for one in others] == ["data-first", "model-first"]
    assert not report["missing"]
    for one in others:
        assert one["sizes"] == ["small"]
        for column in COLUMNS:
            for figure in one[column]["small"].values():
                assert (figure["mean"] is None) == bool(figure["why"])

    (tmp_path / "kept" / Unit("model-first", "small", 11).file).write_text("{")  # damaged
    done = ran(tmp_path, *options, "--minutes", "0")
    assert done.exit_code == 0
    assert "not computed: model-first.small.11: no time was left" in done.output
    page, runs = (tmp_path / name for name in ("comparison.md", "comparison/runs.md"))
    assert "**Not run**: small, seeds 11: model-first." in page.read_text()
    anchors = set(re.findall(r"\(comparison/runs\.md#([\w-]+)\)", page.read_text()))
    headings = {line[4:].replace(" ", "-") for line in runs.read_text().splitlines() if line.startswith("### ")}
    assert anchors == headings == {"data-first-small"}
