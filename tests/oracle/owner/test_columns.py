"""Columns whose validation values lie where the records to fit on have none are named, also where a fit is refused."""

import numpy as np
import pytest

from assay.protocol.schema import Feature, Schema
from assay_oracle.owner.columns import out_of_range
from assay_oracle.owner.fit import Fitted
from assay_pricing.errors import BacktestError, FidelityError
from assay_pricing.records.records import Records

pytestmark = pytest.mark.unit
NOON = 1_800_000_000.0
SCHEMA = Schema(
    task="regression", features=(Feature(name="when", missing="nan"), Feature(name="price", missing="nan")), label="y"
)


def made(when: float, price: float, n: int = 40) -> Records:
    x = np.array([[when + 60 * i, price + i] for i in range(n)])
    x[0, 1] = np.nan
    return Records(SCHEMA, x, np.zeros(n))


def test_a_column_that_runs_on_is_named_with_its_share_and_a_remedy() -> None:
    (said,) = out_of_range(made(NOON, 5.0), made(NOON + 1800, 6.0))
    assert "range of the records to fit on: 'when' 75%; " in said
    assert "--validation" in said
    assert "'price'" not in said


def test_validation_records_of_the_same_range_need_no_word() -> None:
    assert not list(out_of_range(made(NOON, 5.0), made(NOON + 600, 9.0)))
    empty = Records(SCHEMA, np.full((3, 2), np.nan), np.zeros(3))
    assert not list(out_of_range(empty, made(NOON, 5.0)))
    assert not list(out_of_range(made(NOON, 5.0), empty))


class Refused:
    """A price function that is refused."""

    def check_fidelity(self) -> None:
        raise BacktestError("expected prices that agree, got -19.6%", hint="give more validation records")


def test_a_refusal_says_which_columns_are_out_of_range_before_what_helps_otherwise() -> None:
    with pytest.raises(FidelityError, match=r"got -19\.6%") as refused:
        Fitted(Refused(), (), (), ("'when' is out of range",)).check()
    assert refused.value.hint == "'when' is out of range; give more validation records"
    with pytest.raises(BacktestError) as plain:
        Fitted(Refused(), (), ()).check()
    assert plain.value.hint == "give more validation records"
