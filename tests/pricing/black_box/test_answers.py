"""What models return: one array, whatever it comes in; and how each kind of it is read."""

from collections import namedtuple
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from scipy import sparse

from assay_pricing.black_box.answers import unpack
from assay_pricing.black_box.reading import Outputs
from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.errors import ModelError
from tests.pricing.contexts import schema, soft

pytestmark = pytest.mark.unit
SCORES = np.random.default_rng(1).normal(size=(5, 3))
SHARES = soft(SCORES)
X = np.zeros((5, 2), dtype=np.float32)
THREE, TWO, NUMBER = schema(2, 3), schema(2, 2), schema(2, 1)
BOOLEAN = TWO.model_copy(update={"classes": ("False", "True")})
FROM_ONE = TWO.model_copy(update={"classes": ("1", "2")})
SIGNED = TWO.model_copy(update={"classes": ("-1", "1")})
TWELVE = schema(2, 12).model_copy(update={"classes": tuple(map(str, range(12)))})
Output = namedtuple("Output", ["logits", "hidden"])
BY_NAME = [{"2": row[2], "0": row[0], "1": row[1]} for row in SHARES.tolist()]
RANKED = [[{"label": k, "score": row[k]} for k in sorted(row, key=lambda k: -row[k])] for row in BY_NAME]


@pytest.mark.parametrize(
    "output",
    [
        torch.from_numpy(SCORES),
        torch.from_numpy(SCORES).requires_grad_(),
        SCORES.tolist(),
        [torch.from_numpy(row) for row in SCORES],
        {"logits": SCORES, "loss": None},
        SimpleNamespace(logits=torch.from_numpy(SCORES)),
        Output(torch.from_numpy(SCORES), torch.zeros(2)),
        (SCORES, np.zeros((7, 2))),
        pd.DataFrame(SCORES),
        sparse.csr_matrix(SCORES),
        SCORES[:, :, None, None],
        SCORES.astype(object),
        np.log(SHARES),
        SHARES,
        pd.DataFrame(SHARES[:, ::-1], columns=["2", "1", "0"]),
        pd.DataFrame(SHARES[:, ::-1], columns=[2, 1, 0]),
        {"0": SHARES[:, 0], "2": SHARES[:, 2], "1": SHARES[:, 1]},
        BY_NAME,
        RANKED,
        {"probabilities": SHARES[:, [2, 0, 1]].tolist(), "classes": ["2", "0", "1"]},
        pa.table({"2": SHARES[:, 2], "0": SHARES[:, 0], "1": SHARES[:, 1]}),
        np.ma.masked_array(SHARES, mask=False),
    ],
    ids=lambda output: type(output).__name__,
)
def test_scores_come_in_many_containers(output: Any) -> None:
    found = as_black_box(lambda _: output, THREE).predict(X)
    np.testing.assert_allclose(found.probabilities, SHARES, rtol=1e-9)


@pytest.mark.parametrize(
    ("of", "output", "expected"),
    [
        (FROM_ONE, np.array([1.0, 2, 2, 1, 2]), [0, 1, 1, 0, 1]),
        (FROM_ONE, np.array([[1.0], [2], [2], [1], [2]]), [0, 1, 1, 0, 1]),
        (FROM_ONE, np.array(["1.0", "2.0", "2", "1", "2"]), [0, 1, 1, 0, 1]),
        (SIGNED, np.array([-1.0, 1, 1, -1, 1]), [0, 1, 1, 0, 1]),
        (BOOLEAN, np.array([False, True, True, False, True]), [0, 1, 1, 0, 1]),
        (BOOLEAN, np.array([0, 1, 1, 0, 1]), [0, 1, 1, 0, 1]),
        (BOOLEAN, ["FALSE", "true", True, "false", "TRUE"], [0, 1, 1, 0, 1]),
        (TWO, np.array([False, True, True, False, True]), [0, 1, 1, 0, 1]),
        (TWO, pd.Series([0, 1, 1, 0, 1]), [0, 1, 1, 0, 1]),
        (TWO, pd.Categorical(["0", "1", "1", "0", "1"]), [0, 1, 1, 0, 1]),
        (TWO, torch.tensor([0, 1, 1, 0, 1]), [0, 1, 1, 0, 1]),
        (TWO, ("0", "1", "1", "0", "1"), [0, 1, 1, 0, 1]),
        (TWO, {"labels": [0, 1, 1, 0, 1]}, [0, 1, 1, 0, 1]),
        (TWO, pd.DataFrame({"x0": 0.5, "label": list("01101"), "score": 0.9}), [0, 1, 1, 0, 1]),
        (TWO, pa.array(list("01101")), [0, 1, 1, 0, 1]),
        (TWO, [{"label": k, "score": 0.9} for k in "01101"], [0, 1, 1, 0, 1]),
        (TWELVE, np.array(["0", "10", "2", "11", "1"]), [0, 10, 2, 11, 1]),
        (THREE, np.array([1.0, 2, 2, 0, 1]), [1, 2, 2, 0, 1]),
        (THREE, np.eye(3)[[1, 2, 2, 0, 1]], [1, 2, 2, 0, 1]),
        (THREE, np.eye(3, dtype=bool)[[1, 2, 2, 0, 1]], [1, 2, 2, 0, 1]),
    ],
)
def test_labels_are_labels_in_every_spelling(of: Any, output: Any, expected: list[int]) -> None:
    found = as_black_box(lambda _: output, of).predict(X)
    assert found.labels.tolist() == expected
    assert found.probabilities is None


@pytest.mark.parametrize(
    ("of", "output", "said", "hint"),
    [
        (THREE, 1 / (1 + np.exp(-SCORES)), "rows of probabilities that sum to one, or logits", "--outputs"),
        (THREE, np.full((5, 3), 30), "rows of probabilities", "--outputs"),
        (TWO, np.array([-1.0, 1, 1, -1, 1]), "expected one of the classes .* got '-1'", "--class"),
        (THREE, SCORES[:, 0], r"expected \(n, 3\) probabilities or \(n,\) labels, got \(5,\)", "--task regression"),
        (THREE, SCORES[:, :2], r"got \(5, 2\)", "--classes a,b,c"),
        (NUMBER, SCORES, r"one value for each input of a regression, got \(5, 3\)", "--task classification"),
        (NUMBER, np.array(list("abcde")), "expected numbers from the model, got 'a'", "--task classification"),
        (THREE, None, "expected an array of answers from the model, got nothing", None),
        (THREE, [[1, 2], [3]], "expected answers of one length", None),
        (THREE, np.ma.masked_less(SHARES, 0.2), "expected an answer to every input, got . masked values", "in place"),
        (THREE, {"value": SCORES}, "or under the classes, got value", None),
        (THREE, pd.DataFrame(SHARES, columns=["low", "mid", "high"]), "the model also knows", "--classes a,b,c"),
    ],
)
def test_what_could_mean_several_things_is_refused_with_the_remedy(of: Any, output: Any, said: str, hint: Any) -> None:
    with pytest.raises(ModelError, match=said) as refused:
        as_black_box(lambda _: output, of).predict(X)
    assert hint is None or hint in str(refused.value.hint)


def test_answers_may_be_generated_one_by_one() -> None:
    found = as_black_box(lambda x: (str(i % 2) for i in range(len(x))), TWO).predict(X)
    assert found.labels.tolist() == [0, 1, 0, 1, 0]
    with pytest.raises(ModelError, match="expected one answer for each of 5 inputs, got 6"):
        as_black_box(lambda _: repeat("0"), TWO).predict(X)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [("probabilities", SHARES), ("logits", soft(SHARES)), ("labels", None)],
)
def test_a_declared_rule_is_followed(outputs: Outputs, expected: Any) -> None:
    scale = 2 if outputs == "probabilities" else 1
    found = as_black_box(lambda _: scale * SHARES, THREE, outputs=outputs).predict(X)
    np.testing.assert_array_equal(found.labels, SHARES.argmax(1))
    assert (found.probabilities is None) == (expected is None)
    if expected is not None:
        np.testing.assert_allclose(found.probabilities, expected)


def test_the_rule_of_the_first_answers_is_kept() -> None:
    outputs = iter([SHARES, SCORES])
    box = as_black_box(lambda _: next(outputs), THREE)
    box.predict(X)
    with pytest.raises(ModelError, match="expected probabilities from the model, got numbers of"):
        box.predict(X)


def test_what_an_answer_names_needs_no_guess() -> None:
    """Logits that are all positive, probabilities that are independent of each other, and scores as labels."""
    for output, expected in (
        (SimpleNamespace(logits=SCORES + 9), SHARES),
        ({"probs": 2 * SHARES}, SHARES),
        ({"labels": SHARES.argmax(1).astype(float)}, None),
    ):
        found = as_black_box(lambda _, o=output: o, THREE).predict(X)
        assert (found.probabilities is None) == (expected is None)
        if expected is not None:
            np.testing.assert_allclose(found.probabilities, expected)


def test_classes_that_the_model_numbers_are_stated() -> None:
    of = THREE.model_copy(update={"classes": ("high", "low", "medium")})
    box = as_black_box(lambda _: np.array([0, 1, 2, 2, 0]), of, order=["low", "medium", "high"])
    assert box.predict(X).labels.tolist() == [1, 2, 0, 0, 1]
    with pytest.raises(ModelError, match="the model also knows"):
        as_black_box(lambda _: SCORES, of, order=["low", "medium", "huge"])
    with pytest.raises(ModelError, match="expected each class once"):
        as_black_box(lambda _: SCORES, of, order=["low", "low", "high"])


def test_several_outputs_are_told_from_one_answer_for_each_input() -> None:
    assert unpack((np.zeros((2, 3)), np.zeros(3)), 2).values.shape == (2, 3)
    assert unpack((np.zeros((2, 3)), None, np.ones(2)), 2).values.shape == (2, 3)
    assert unpack(([0, 1], [1, 0]), 2).values.tolist() == [[0, 1], [1, 0]]
    assert unpack(("a", "b"), 2).values.tolist() == ["a", "b"]
