"""A model whose answers are read in the wrong order, or in another unit, is noticed by the owner's own labels."""

import numpy as np
import pytest

from assay_pricing.black_box.check import best_order, examine
from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.errors import ModelError
from assay_pricing.records.records import Records
from tests.pricing.contexts import records, schema, soft

pytestmark = pytest.mark.unit
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3)).astype(np.float32)
GRADES = ("high", "low", "medium")  # as a schema orders them
LABELS = np.where(RNG.uniform(size=300) < 0.9, X.argmax(1), RNG.integers(0, 3, 300))
OWNER = Records(schema(3, 3).model_copy(update={"classes": GRADES}), X, LABELS.astype(float))


def test_the_right_order_is_examined_without_a_word() -> None:
    found = examine(as_black_box(lambda x: soft(4 * x), OWNER.schema), OWNER)
    assert found.agreement == pytest.approx((X.argmax(1) == LABELS).mean())
    assert found.commonest == np.bincount(LABELS).max() / 300
    assert found.warnings == ()


@pytest.mark.parametrize("columns", [[1, 2, 0], [2, 0, 1], [1, 0, 2]])
def test_a_wrong_order_is_refused_with_both_figures_and_the_right_one_is_taken(columns: list[int]) -> None:
    def model(x: np.ndarray) -> np.ndarray:
        return soft(4 * x)[:, columns]

    right, order = (X.argmax(1) == LABELS).mean(), [GRADES[column] for column in columns]
    with pytest.raises(ModelError, match=f"read as high, low, medium they agree with .* {right:.1%}") as refused:
        examine(as_black_box(model, OWNER.schema), OWNER)
    assert f"--classes {','.join(order)}" in str(refused.value.hint)
    assert examine(as_black_box(model, OWNER.schema, order=order), OWNER).agreement == pytest.approx(right)


def test_flipped_columns_of_two_classes_are_refused() -> None:
    owner = records(X, X[:, 0] > 0, 2)
    with pytest.raises(ModelError, match=r"read as 0, 1 they agree with 0\.0% .* read as 1, 0 with 100\.0%"):
        examine(as_black_box(lambda x: soft(np.column_stack([x[:, 0], -x[:, 0]])), owner.schema), owner)


def test_swapped_rare_classes_are_refused_though_the_others_agree() -> None:
    y = np.repeat([0, 1, 2], [240, 30, 30])
    owner = records(np.column_stack([y, np.zeros((300, 2))]), y, 3)
    swapped = np.array([[5, -1, -1], [-1, -1, 5], [-1, 5, -1]])
    with pytest.raises(ModelError, match="read as 0, 2, 1 with 100"):
        examine(as_black_box(lambda x: swapped[x[:, 0].astype(int)], owner.schema), owner)


def test_swapped_labels_are_no_matter_of_columns() -> None:
    owner = records(X, X[:, 0] > 0, 2)
    with pytest.raises(ModelError) as refused:
        examine(as_black_box(lambda x: np.where(x[:, 0] > 0, 0, 1), owner.schema), owner)
    assert refused.value.hint == "correct the labels that the model returns, or those of the data"


@pytest.mark.parametrize("seed", range(5))
def test_a_bad_model_of_many_classes_and_few_records_is_not_refused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    owner = records(rng.normal(size=(120, 2)), rng.integers(0, 12, 120), 12)
    found = examine(as_black_box(lambda x: np.random.default_rng(seed).integers(0, 12, len(x)), owner.schema), owner)
    assert "check that it is the model of these records" in found.warnings[0]


def test_a_model_that_never_says_a_rare_class_keeps_its_order() -> None:
    y = np.repeat([0, 1, 2], [200, 50, 40])
    owner = records(np.column_stack([y, y]), y, 3)
    assert examine(as_black_box(lambda x: np.minimum(x[:, 0], 1).astype(int), owner.schema), owner).agreement > 0.8


def test_classes_without_records_keep_their_place() -> None:
    assert best_order(np.array([0, 0, 3]), np.array([0, 0, 3]), 5).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("scale", "shift"), [(1 / 1000, 0.0), (-1.0, 0.0), (1.0, 500.0)])
def test_a_regression_in_another_unit_is_warned_of(scale: float, shift: float) -> None:
    y = 3 * X[:, 0] + 7
    owner = records(X, y, 1)
    plain = examine(as_black_box(lambda x: 3 * x[:, 0] + 7, owner.schema), owner)
    assert (round(plain.agreement, 6), plain.warnings) == (1, ())
    found = examine(as_black_box(lambda x: scale * (3 * x[:, 0] + 7) + shift, owner.schema), owner)
    assert f"{1 / scale:.4g} times the value" in found.warnings[0]
    assert found.agreement < 0.1
