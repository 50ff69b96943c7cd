"""The report, its page, its plots and its text; ``out/pricing.json`` keeps its form."""

import json
import re
from pathlib import Path

import pytest

from assay_bench.pricing.cache import ResultCache
from assay_bench.pricing.cases import CASES
from assay_bench.pricing.plan import plan
from assay_bench.pricing.reporting import plots
from assay_bench.pricing.reporting.goals import GOALS, LABEL_ONLY
from assay_bench.pricing.reporting.markdown import number, paragraph, table, with_error
from assay_bench.pricing.reporting.page import page, write_page
from assay_bench.pricing.reporting.report import Report, build_report, read_report
from assay_bench.pricing.reporting.result_set import ResultSet
from assay_bench.pricing.reporting.text import summary_text
from assay_bench.pricing.units import Part
from tests.bench.pricing.stored import stored_truth
from tests.bench.pricing.synthetic import DEFAULT, case, results, unit

pytestmark = pytest.mark.unit

STORED = Path(__file__).parents[1] / "stored" / "pricing.json"
PUBLISHED = (Path(__file__).parents[4] / "docs" / "benchmark.md").read_text()


@pytest.fixture(scope="module")
def report() -> Report:
    return build_report(results(), (1,), quick=False)


@pytest.fixture(scope="module")
def lines(report: Report) -> list[str]:
    return list(page(report, ["benchmark/methods.png"]))


def test_the_json_form_is_the_stored_one(report: Report) -> None:
    """``stored/pricing.json`` was written from the same results: its readers see every change of the form here."""
    assert json.dumps(report.model_dump(by_alias=True), indent=1) + "\n" == STORED.read_text()


def test_a_stored_report_is_read(report: Report) -> None:
    assert Report.model_validate_json(STORED.read_bytes()) == report


def test_a_report_of_nothing_has_a_page() -> None:
    empty = build_report(ResultSet({}), (1,), quick=True)
    assert "Not run." in page(empty, [])
    assert plots_of(empty) == [None, None, None]


def plots_of(report: Report) -> list[object]:
    return [plot(report) for plot in (plots._methods, plots._cases, plots._purchases)]


def test_a_report_is_of_the_stored_results_of_a_plan(tmp_path: Path) -> None:
    units, cache = plan((101,), quick=True), ResultCache(tmp_path)
    for one in units:
        if one.part is Part.TRUTH:
            cache.write(one, stored_truth(one))
    found = read_report(units, cache, (101,), quick=True)
    assert [(row.data, row.setting) for row in found.truth] == [("digits", "iid"), ("digits", "shift")]
    assert found.methods == ()
    assert found.missing == {"method digits": (101,), "labels digits": (101,), "copies digits": (101,)}
    prose = " ".join(" ".join(page(found, [])).split())
    assert "**Not run** (part, data, seeds): method digits 101; labels digits 101; copies digits 101." in prose
    assert summary_text(found).endswith("not run: copies digits, seeds 101")
    assert found.quick


def test_the_page_has_a_row_for_every_figure_and_scorer(report: Report, lines: list[str]) -> None:
    for name, value in report.summary.items():
        (row,) = [line for line in lines if line.startswith(f"| `{name}` |")]
        assert row.split(" | ")[1] == number(value)
    assert len([line for line in lines if line.startswith("| `pydvl` |")]) == 2
    assert not [line for line in lines if "dattri` |" in line and "speedup" not in line]


def test_a_goal_that_is_missed_stands_out(lines: list[str]) -> None:
    (row,) = [line for line in lines if line.startswith("| `label_only_batch_rho_v` |")]
    assert row.startswith("| `label_only_batch_rho_v` | 0.800 | >= 0.85 | **no** |")
    (row,) = [line for line in lines if line.startswith("| `speedup_vs_dattri` |")]
    assert row.startswith("| `speedup_vs_dattri` | - | >= 10 | not run |")


def test_scorers_are_sorted_by_their_rank_correlation_on_sets(lines: list[str]) -> None:
    start = next(i for i, line in enumerate(lines) if line.startswith("| scorer |"))
    names = [line.split("`")[1] for line in lines[start + 2 : start + 6]]
    assert names == [DEFAULT, LABEL_ONLY, "random", "pydvl"]


def test_sellers_are_sorted_by_true_gain(lines: list[str]) -> None:
    start = lines.index("### C. news")
    rows = [line for line in lines[start:] if re.match(r"\| [a-z0-9 ]+ \| -?[0-9]", line)][:5]
    assert [row.split(" | ")[0][2:] for row in rows] == ["new clean", "few", "few copied", "own copy", "mislabelled 30"]
    assert rows[0] == "| new clean | 100% | 0.600 | 0.600 | 0.500 | 0.500 | 0.600 |"


def test_a_case_has_a_row_of_figures_or_is_said_not_to_have_run(lines: list[str]) -> None:
    (head,) = [line for line in lines if line.startswith("| case | rho | ceiling |")]
    row = lines[lines.index(head) + 2]
    assert row.startswith("| C. news | 0.947 | 1.000 | 0.726 |")
    assert len(row.split(" | ")) == len(head.split(" | "))
    assert lines[lines.index("### E. employment") + 2] == "Not run."


def test_a_figure_without_a_goal_is_shown_alone(lines: list[str]) -> None:
    (row,) = [line for line in lines if line.startswith("| `seconds_start` |")]
    assert row.startswith("| `seconds_start` | 1.500 | - | - |")


def test_no_line_of_prose_is_wider_than_the_page(lines: list[str]) -> None:
    assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == []


def test_the_page_and_the_published_page_have_the_same_prose(lines: list[str]) -> None:
    """The published page is generated: what does not depend on results stands in it word for word."""
    published = " ".join(PUBLISHED.split())
    for block in "\n".join(lines).split("\n\n"):
        if block.startswith(("- **", "Prices are", "Payment per")):
            assert " ".join(block.split()) in published
    for goal in GOALS.values():
        assert f"| {goal.meaning} |" in PUBLISHED
    for name, letter in CASES.items():
        assert f"### {letter}. {name}" in PUBLISHED


def test_the_text_has_a_line_for_every_figure_and_case(report: Report) -> None:
    lines = summary_text(report).splitlines()
    assert len(lines) == len(GOALS) + 1
    assert lines[0] == "batch_rho_v_shift             1.000   >= 0.94    ok"
    assert lines[3].endswith("short")
    assert lines[list(GOALS).index("speedup_vs_dattri")].endswith("-")
    assert lines[list(GOALS).index("informative_refusals")] == "informative_refusals              -              -"
    assert lines[-1].startswith("case C news ")
    assert lines[-1].endswith("4/4 orderings")


def test_plots_are_written_beside_the_page(report: Report, tmp_path: Path) -> None:
    write_page(report, tmp_path / "page.md")
    names = ["methods.png", "cases.png", "purchases.png"]
    for name in names:
        assert (tmp_path / "page" / name).read_bytes().startswith(b"\x89PNG")
    text = (tmp_path / "page.md").read_text()
    assert re.findall(r"!\[\w+\]\((.*)\)", text) == [f"page/{name}" for name in names]


def test_numbers() -> None:
    assert [number(value) for value in (None, float("nan"), 0.12345, -99.9994, 1234.5)] == [
        "-",
        "-",
        "0.123",
        "-99.999",
        "1234",
    ]
    assert with_error([1.0, 2.0, 3.0]) == "2.000 ± 0.577"
    assert with_error([2.0]) == "2.000"
    assert with_error([None]) == "-"


def test_markdown() -> None:
    assert list(table(("a", "b"), [("1", "2")])) == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]
    assert paragraph(*["word"] * 30, "end.") == [" ".join(["word"] * 23), " ".join([*["word"] * 7, "end."])]


def test_cases_by_other_methods_stand_beside_the_default_methods(report: Report) -> None:
    beside = build_report(ResultSet({unit(Part.CASE, "ridge", data="news", setting="-"): case()}), (1,), quick=False)
    assert not beside.cases
    assert list(beside.cases_beside) == ["ridge"]
    (row,) = (line for line in page(beside, []) if line.startswith("| `ridge` | "))
    title, rest = row.removeprefix("| `ridge` ").split(" | ", 1)
    assert any(line.startswith(title) and line.endswith(rest) for line in page(report, []))
