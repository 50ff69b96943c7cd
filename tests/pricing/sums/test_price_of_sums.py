"""The integer price of a set: equal to a second evaluator, whatever the order and the parts of the records."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from assay.protocol.function.canonical import canonical_json
from assay.protocol.schema import Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records.records import Records
from assay_pricing.sums.features import Features
from assay_pricing.sums.fitting import Goal, Ridge, integers
from assay_pricing.sums.form import PriceForm
from assay_pricing.sums.inputs import Column, Inputs
from assay_pricing.sums.moments import ROWS, Moments
from assay_pricing.sums.rounded import rounded_solution
from tests.pricing.sums import second
from tests.pricing.sums.forms import forms
from tests.pricing.sums.plain import plain_features, plain_form, records_of

pytestmark = pytest.mark.unit


@settings(max_examples=60, deadline=None)
@given(forms())
def test_two_evaluators_agree_to_the_bit(case: tuple[PriceForm, Records]) -> None:
    form, records = case
    spec = json.loads(canonical_json(form.model_dump(mode="json")))
    expected = second.doubled_price(spec, records.x.tolist(), records.y.tolist())
    assert form.doubled_price(Moments.of(form.terms.features, [records])) == expected
    assert form.gain(Moments.of(form.terms.features, [records])) == float(Fraction(expected, 2 ** (form.scale + 1)))


@settings(max_examples=30, deadline=None)
@given(forms())
def test_a_form_survives_its_file(case: tuple[PriceForm, Records]) -> None:
    form, _ = case
    assert PriceForm.model_validate_json(canonical_json(form.model_dump(mode="json"))) == form


@settings(max_examples=30, deadline=None)
@given(forms(), st.randoms(use_true_random=False))
def test_neither_order_nor_parts_change_a_sum(case: tuple[PriceForm, Records], random: object) -> None:
    form, records = case
    features, order = form.terms.features, list(range(records.n))
    random.shuffle(order)  # type: ignore[attr-defined]
    parts = [records.take([row]) for row in order]
    whole, divided = Moments.of(features, [records]), Moments.of(features, parts)
    assert (whole.second == divided.second).all()
    assert (whole.first == divided.first).all()
    assert whole.n == divided.n == records.n


def test_sums_of_the_largest_features_are_exact_beyond_one_block() -> None:
    features = plain_features(4)
    codes = np.full((2 * ROWS + 1, 8), 127)
    phi = features.of(codes)
    found = Moments.of(features, [records_of(features, codes * 0.01, np.zeros(len(codes)))])
    assert (found.second == phi.T @ phi).all()
    assert found.first[:, 0].tolist() == phi.sum(0).tolist()


@pytest.mark.parametrize("scale", [1, 1000, 10**6])
def test_a_solution_is_rounded_as_fractions_are(scale: int) -> None:
    draw = np.random.default_rng(scale)
    rows = draw.integers(-127, 128, (30, 7))
    rows[:, 1] = rows[:, 0]  # nearly singular but for the damping
    system, right = scale * rows.T @ rows + np.eye(7, dtype=np.int64), draw.integers(-(10**6), 10**6, (7, 3))
    exact = second.rounded(second.solved(system.tolist(), right.tolist()), 14)
    assert rounded_solution(system, right, 1, 14).tolist() == exact


def test_a_tie_rounds_up_on_every_machine() -> None:
    system, right = 8 * np.eye(2, dtype=np.int64), np.array([[1], [-1]])
    assert rounded_solution(system, right, 8, 2).tolist() == [[1], [0]]  # 4/8 and -4/8


def test_a_solution_that_64_bits_do_not_hold_is_refused() -> None:
    with pytest.raises(DataError, match="64 bits"):
        rounded_solution(np.eye(2, dtype=np.int64), np.full((2, 1), 2**40), 1, 30)


def test_a_form_whose_price_may_exceed_its_bound_is_refused() -> None:
    form = plain_form()
    bound = form.secret.bound().bit_length()
    values = form.model_dump()
    values["terms"]["price_bits"] = bound
    PriceForm.model_validate(values)
    values["terms"]["price_bits"] = bound - 1
    with pytest.raises(ValidationError, match="expected a doubled price below"):
        PriceForm.model_validate(values)


def test_a_set_beyond_the_bound_of_its_statistics_is_refused() -> None:
    form = plain_form()
    tight = form.terms.model_copy(update={"sum_bits": 3})
    records = records_of(form.terms.features, np.full((3, 8), 0.5), np.zeros(3))
    with pytest.raises(DataError, match="expected a set whose ridge regression"):
        tight.statistics(Moments.of(form.terms.features, [records]))


def test_records_of_other_columns_are_refused() -> None:
    other = records_of(plain_features(2), np.zeros((1, 8)), np.zeros(1), name="other")
    with pytest.raises(DataError, match="expected records of the columns"):
        Moments.of(plain_form().terms.features, [other])


def test_no_record_gains_nothing() -> None:
    form = plain_form()
    assert form.gain(Moments.nothing(form.terms.features)) == 0


def test_labels_of_a_regression_at_their_bound_have_a_price() -> None:
    """Coefficients of a regression are in steps of its labels: many times those of a classification."""
    inputs = Inputs(columns=(Column(name="x", step=1 / 32),), label=Column(name="y", step=1 / 256))
    features = Features(inputs=inputs, waves=4, amplitude=64, frequency=2000)
    rng = np.random.default_rng(0)
    goal = Goal(rng.normal(size=(features.width, 1)), np.eye(features.width))
    ridge = Ridge(features, 100.0, np.zeros((features.width, 1)), goal)
    schema = Schema(task="regression", features=(Feature(name="x"),), label="y", classes=())
    records = Records(schema, np.zeros((3, 1)), np.full(3, 4.0))
    assert abs(ridge.change(records)).max() > 4
    assert integers(ridge).gain(Moments.of(features, [records])) == pytest.approx(ridge.gain(records), rel=1e-3)
