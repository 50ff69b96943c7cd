"""The integer price format: exact against a second evaluator, and close in rank to what it was distilled from."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import spearmanr

from assay.protocol.schema import Feature, Schema
from assay_pricing.canonical import canonical_json
from assay_pricing.errors import DataError
from assay_pricing.records.records import Records
from assay_pricing.scorer.export import export
from assay_pricing.scorer.format import Input, IntegerForest, IntegerLinear, IntegerTree, Scorer

pytestmark = pytest.mark.unit
WEIGHTS = st.integers(-(2**31), 2**31 - 1)
SINGLES = st.floats(-100, 100, width=32)


def second_evaluator(spec: dict[str, Any], row: list[float], label: float) -> int:
    """Written from ``docs/price-format.md`` alone: plain Python, one record at a time."""
    inputs = []
    values = row if spec["classes"] else [*row, label]
    for column, value in zip(spec["columns"], values, strict=True):
        if column["values"]:
            inputs.append(min(int(value), len(column["values"])))
        else:
            inputs.append(sum(1 for edge in column["edges"] if not value < edge))
    part = spec["parts"][int(label) if spec["classes"] else 0]
    if part["kind"] == "linear":
        total = part["bias"]
        for column, weights, code in zip(spec["columns"], part["weights"], inputs, strict=True):
            total += weights[code] if column["values"] else weights[0] * code
        return total
    total = 0
    for tree in part["trees"]:
        node = 0
        while tree["left"][node] != node:
            below = inputs[tree["column"][node]] <= tree["threshold"][node]
            node = tree["left"][node] if below else tree["right"][node]
        total += tree["value"][node]
    return total


@st.composite
def trees(draw: Any, columns: int) -> IntegerTree:
    """Any tree of up to 15 nodes."""
    nodes = [{"left": 0, "right": 0}]
    for _ in range(draw(st.integers(0, 7))):
        leaves = [i for i, node in enumerate(nodes) if node["left"] == i]
        chosen = draw(st.sampled_from(leaves))
        count = len(nodes)
        nodes[chosen] = {"left": count, "right": count + 1}
        nodes += [{"left": count, "right": count}, {"left": count + 1, "right": count + 1}]
    each = st.lists(st.integers(0, columns - 1), min_size=len(nodes), max_size=len(nodes))
    codes = st.lists(st.integers(-1, 16), min_size=len(nodes), max_size=len(nodes))
    values = st.lists(WEIGHTS, min_size=len(nodes), max_size=len(nodes))
    return IntegerTree(
        column=draw(each),
        threshold=draw(codes),
        left=[node["left"] for node in nodes],
        right=[node["right"] for node in nodes],
        value=draw(values),
    )


@st.composite
def cases(draw: Any) -> tuple[Scorer, Records]:
    """Any scorer and any records of its columns: numbers, categories seen and unseen, classes or a target."""
    classes = draw(st.sampled_from([(), ("no", "yes"), ("a", "b", "c")]))
    kinds = draw(st.lists(st.booleans(), min_size=1, max_size=4))
    features, columns = [], []
    for j, text in enumerate(kinds):
        name = f"f{j}"
        features.append(Feature(name=name, kind="categorical" if text else "numeric", categories=("p", "q") * text))
        edges = () if text else tuple(sorted(draw(st.sets(SINGLES, max_size=15))))
        columns.append(Input(name=name, values=("p", "q") * text, edges=edges))
    if not classes:
        columns.append(Input(name="y", edges=tuple(sorted(draw(st.sets(SINGLES, max_size=15))))))
    parts: list[IntegerLinear | IntegerForest] = []
    kind = draw(st.sampled_from(["linear", "tree", "forest"]))
    for _ in range(max(len(classes), 1)):
        if kind == "linear":
            counts = [3 if column.values else 1 for column in columns]
            weights = [draw(st.lists(WEIGHTS, min_size=c, max_size=c)) for c in counts]
            parts.append(IntegerLinear(bias=draw(WEIGHTS), weights=weights))
        else:
            several = 1 if kind == "tree" else draw(st.integers(1, 3))
            parts.append(IntegerForest(kind=kind, trees=[draw(trees(len(columns))) for _ in range(several)]))
    levels = sorted(draw(st.sets(WEIGHTS, max_size=6)))
    scorer = Scorer(
        columns=columns,
        classes=classes,
        parts=parts,
        levels=levels,
        drops=sorted(draw(st.lists(WEIGHTS, min_size=len(levels) + 1, max_size=len(levels) + 1))),
        function_hash="0x00",
        method="any",
        rank_agreement=0,
    )
    schema = Schema(
        task="classification" if classes else "regression", features=tuple(features), label="y", classes=classes
    )
    n = draw(st.integers(1, 5))
    rows = [[draw(st.integers(0, 3)) if text else draw(SINGLES) for text in kinds] for _ in range(n)]
    labels = [draw(st.integers(0, len(classes) - 1)) if classes else draw(SINGLES) for _ in range(n)]
    return scorer, Records(schema, np.array(rows, dtype=np.float32), np.array(labels, dtype=np.float64))


@settings(max_examples=200, deadline=None)
@given(cases())
def test_two_evaluators_agree_to_the_bit(case: tuple[Scorer, Records]) -> None:
    scorer, records = case
    spec = json.loads(canonical_json(scorer.model_dump(mode="json")))
    scores = [
        second_evaluator(spec, [float(v) for v in row], float(label))
        for row, label in zip(records.x, records.y, strict=True)
    ]
    assert scorer.scores(records).tolist() == scores
    assert scorer.micros(records) == [spec["drops"][sum(1 for level in spec["levels"] if level <= s)] for s in scores]


@settings(max_examples=50, deadline=None)
@given(cases())
def test_a_scorer_survives_its_file(case: tuple[Scorer, Records]) -> None:
    scorer, _ = case
    assert Scorer.model_validate_json(canonical_json(scorer.model_dump(mode="json"))) == scorer


@pytest.mark.parametrize(("kind", "least"), [("linear", 0.35), ("tree", 0.3), ("forest", 0.35)])
def test_an_export_keeps_the_order_that_it_says(function, olga, kind, least: float) -> None:
    pool = olga.owner.join(olga.offers["useful"]).join(olga.validation)
    scorer = export(function, pool, kind)
    offered = olga.offers["mislabelled"].join(olga.offers["useful"])
    rho = spearmanr(scorer.scores(offered), function.method.record_values(offered)).statistic
    assert scorer.kind == kind
    assert scorer.rank_agreement / 10**6 >= least
    assert rho >= least + 0.1


def test_drops_are_in_the_functions_unit_and_rise_with_the_score(function, olga) -> None:
    scorer = export(function, olga.owner.join(olga.validation), "forest")
    offered = olga.offers["useful"].join(olga.offers["mislabelled"])
    points = function.method.record_values(offered) * 10**6
    drops = np.array(scorer.micros(offered))
    assert points.min() <= drops.min() < drops.max() <= points.max()
    order = np.argsort(scorer.scores(offered))
    assert (np.diff(drops[order]) >= 0).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"edges": [2.0, 1.0]},
        {"edges": [0.1]},
        {"edges": [1.0], "values": ["a"]},
        {"values": [str(i) for i in range(256)]},
    ],
)
def test_a_column_that_is_not_exact_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Input(name="a", **wrong)


def test_a_tree_that_runs_in_circles_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected children after node"):
        IntegerTree(column=(0, 0), threshold=(0, 0), left=(1, 0), right=(1, 0), value=(0, 0))


def test_records_of_another_schema_are_refused(function, olga) -> None:
    scorer = export(function, olga.owner, "tree")
    schema = Schema(task="regression", features=(Feature(name="x0"),), label="y")
    other = Records(schema, np.zeros((1, 1), dtype=np.float32), np.zeros(1))
    with pytest.raises(DataError, match="expected records of the scorer's columns"):
        scorer.scores(other)
    with pytest.raises(DataError, match="at least 20 records"):
        export(function, olga.owner.take(range(19)), "tree")
