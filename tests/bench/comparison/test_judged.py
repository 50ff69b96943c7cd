"""The paper's words for figures, by the rule that the page states."""

import pytest

from assay_bench.comparison.reporting.judged import word
from assay_bench.comparison.reporting.report import ApproachReport, Spread

pytestmark = pytest.mark.unit

LEAKLESS = {"recovered": 0.0, "kept": 0.0, "third_party": 0.0, "membership": 0.5}
SECRET = {"weights": 0.0, "third_party": 0.0, "fidelity": 0.9, "alone": 0.9}
FAIR = {"rank": 0.9, "to_useless": 0.0, "cheating_buyer": 0.0}


def judged(column: str, figures: dict[str, float | None]) -> str:
    spreads = {name: Spread(mean=value, error=0.0, values={}) for name, value in figures.items()}
    columns = {name: {} for name in ("data_leakage", "model_leakage", "practicality", "fairness")}
    columns[column] = {"medium": spreads}
    texts = dict.fromkeys(("name", "title", "source", "remark"), "")
    one = ApproachReport(**texts, paper=None, sizes=["medium"], received={}, online=[], **columns)
    return word(one, column, "medium")


@pytest.mark.parametrize(
    ("column", "figures", "expected"),
    [
        ("data_leakage", LEAKLESS, "Low"),
        ("data_leakage", LEAKLESS | {"membership": 0.6}, "Medium"),
        ("data_leakage", LEAKLESS | {"third_party": 1.0}, "High"),
        ("data_leakage", LEAKLESS | {"kept": 0.5}, "High"),
        ("data_leakage", LEAKLESS | {"recovered": None}, "N/A"),
        ("model_leakage", SECRET, "Low"),
        ("model_leakage", SECRET | {"fidelity": None}, "N/A"),
        ("model_leakage", SECRET | {"fidelity": 0.92}, "Medium"),
        ("model_leakage", SECRET | {"alone": 1.0}, "Low"),
        ("model_leakage", SECRET | {"weights": 1.0}, "High"),
        ("practicality", {"trainings": 10.0}, "High"),
        ("practicality", {"trainings": 11.0}, "Medium"),
        ("practicality", {"trainings": 2000.0}, "Low"),
        ("practicality", {"trainings": None}, "N/A"),
        ("fairness", FAIR, "High"),
        ("fairness", FAIR | {"to_useless": 0.1}, "Medium"),
        ("fairness", FAIR | {"cheating_buyer": 1.0}, "Low"),
        ("fairness", FAIR | {"rank": 0.4}, "Low"),
        ("fairness", FAIR | {"rank": None}, "N/A"),
        ("fairness", {}, "N/A"),
    ],
)
def test_each_bound_of_the_rule(column: str, figures: dict[str, float | None], expected: str) -> None:
    assert judged(column, figures) == expected
