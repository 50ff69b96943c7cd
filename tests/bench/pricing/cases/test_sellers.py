"""The sellers of every case, made of a small table of numbers, text and missing values."""

import numpy as np
import pandas as pd
import pytest

from assay_bench.pricing.cases.sellers import (
    FEW,
    FEW_COPIED,
    HALF_MIXED,
    INTERPOLATED,
    MISLABELLED_50,
    NESTED,
    NEW,
    NEW_HALF,
    OWN_COPY,
    SELF_LABELLED,
    common_sellers,
    interpolated,
    mislabelled,
    self_labelled,
)
from assay_bench.pricing.cases.tables import table_records
from assay_pricing.records.records import Records

pytestmark = pytest.mark.unit

N = 400


def table(*, regression: bool = False) -> Records:
    """Rows whose number is their index; every fourth lacks the other number."""
    rows = np.arange(N)
    columns = pd.DataFrame(
        {
            "row": rows.astype(float),
            "gap": np.where(rows % 4 == 0, np.nan, rows.astype(float)),
            "text": np.array(["odd" if row % 2 else "even" for row in rows], dtype=object),
        }
    )
    labels = rows.astype(float) if regression else np.array(["a", "b", "c"], dtype=object)[rows % 3]
    return table_records(columns, pd.Series(labels, name="y"))


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture(scope="module")
def sellers() -> dict[str, Records]:
    new = table()
    return common_sellers(
        new, new.take(np.arange(150)), lambda records: np.tile([0.1, 0.2, 0.7], (len(records), 1)), rng()
    )


def test_nested_sellers_offer_the_first_of_the_new_records(sellers: dict[str, Records]) -> None:
    assert (len(sellers[FEW]), len(sellers[NEW_HALF]), len(sellers[NEW])) == (40, 200, N)
    for smaller, larger in NESTED:
        assert set(sellers[smaller].hashes()) < set(sellers[larger].hashes())


def test_copies_bring_no_other_record(sellers: dict[str, Records]) -> None:
    assert sellers[FEW_COPIED].n == N
    assert sellers[FEW_COPIED].content_hash() == sellers[FEW].content_hash()
    assert sellers[OWN_COPY].n == 300, "the owner's 150 records fit twice into 400"


def test_half_of_a_mixed_offer_is_clean(sellers: dict[str, Records]) -> None:
    mixed, new = sellers[HALF_MIXED], sellers[NEW]
    assert (mixed.y[: N // 2] == new.y[: N // 2]).all()
    assert (mixed.y[N // 2 :] != new.y[N // 2 :]).mean() == pytest.approx(0.5, abs=0.1)
    assert (sellers[MISLABELLED_50].y != new.y).mean() == pytest.approx(0.5, abs=0.08)


def test_a_self_labelled_offer_has_the_models_most_probable_classes(sellers: dict[str, Records]) -> None:
    assert (sellers[SELF_LABELLED].y == 2).all()
    assert (sellers[SELF_LABELLED].x[:, 0] == sellers[NEW].x[:, 0]).all()


def test_wrong_labels_are_of_other_classes_and_values_of_other_records() -> None:
    wrong = mislabelled(table(), 1.0, rng())
    assert (wrong.y != table().y).all()
    assert set(wrong.y) == {0, 1, 2}
    values = mislabelled(table(regression=True), 0.3, rng())
    assert (values.y != table(regression=True).y).mean() == pytest.approx(0.3, abs=0.07)
    assert sorted(values.y) == sorted(table(regression=True).y)


def test_interpolated_records_lie_between_two_of_the_few(sellers: dict[str, Records]) -> None:
    few, made = sellers[FEW], sellers[INTERPOLATED]
    assert made.n == N
    assert made.x[:, 0].min() >= few.x[:, 0].min()
    assert made.x[:, 0].max() <= few.x[:, 0].max()
    assert not np.isin(made.x[:, 0], few.x[:, 0]).all()
    assert set(made.x[:, 2]) == {0, 1}


def test_what_cannot_be_mixed_is_that_of_the_nearer_record() -> None:
    """Of rows 1 and 2 the even one is nearer where the mixed number exceeds 1.5."""
    two = table().take([1, 2])
    made = interpolated(two, 200, rng())
    nearer = np.where(made.x[:, 0] > 1.5, 1, 0)
    assert (made.x[:, 2] == two.x[nearer, 2]).all()
    assert (made.y == two.y[nearer]).all()


def test_a_number_that_one_record_lacks_is_that_of_the_nearer_record() -> None:
    made = interpolated(table().take([3, 4]), 200, rng())
    nearer_four, pure = made.x[:, 0] > 3.5, made.x[:, 0] == 3
    assert np.isnan(made.x[nearer_four, 1]).all()
    assert (made.x[~nearer_four & ~pure, 1] == 3).all()


def test_values_of_a_regression_are_mixed_and_self_labelled() -> None:
    made = interpolated(table(regression=True), 50, rng())
    assert made.y == pytest.approx(made.x[:, 0])
    assert (self_labelled(table(regression=True), lambda records: records.x[:, 0] + 1).y == np.arange(N) + 1).all()
