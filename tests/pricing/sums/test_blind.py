"""Blind quotes of a price of sums: the same integer as in the clear, and the terms that a seller needs."""

import json
import os
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from assay_pricing.blind.evaluator import digest
from assay_pricing.blind.seller import BlindSeller
from assay_pricing.blind.shape import Shape
from assay_pricing.controls import cut
from assay_pricing.manifest import Control
from assay_pricing.price import PricingRule, to_micros
from assay_pricing.records.records import Records
from assay_pricing.sums.blind import blind_pricing
from assay_pricing.sums.form import PriceForm, published_sums
from assay_pricing.sums.moments import Moments
from assay_pricing.sums.statistics import Terms
from tests.pricing.sums.forms import forms
from tests.pricing.sums.plain import plain_form, records_of

pytestmark = pytest.mark.unit


def function_of(form: PriceForm, **manifest: Any) -> Any:
    """What a blind price is read from in a price function."""
    stated = {
        "rule": PricingRule(rate=10**18, cap=10**17, grid=10**9),
        "controls": (Control(records=1, gain=1e-6), Control(records=100, gain=1e-3)),
        "backtest": SimpleNamespace(divisor=1.25),
        "schema_": SimpleNamespace(features=()),
    }
    return SimpleNamespace(
        method=SimpleNamespace(form=form, value_unit=2.0), manifest=SimpleNamespace(**(stated | manifest))
    )


@settings(max_examples=10, deadline=None)
@given(forms())
def test_any_set_has_the_same_price_blindly_and_in_the_clear(made: tuple[PriceForm, Records]) -> None:
    form, records = made
    moments = Moments.of(form.terms.features, [records])
    pricing = blind_pricing(function_of(form))
    assert pricing is not None
    told = published_sums(function_of(form).manifest, function_of(form).method)
    terms = Terms.model_validate_json(json.dumps(told))
    assert terms == form.terms
    found = terms.statistics(moments)
    shape = Shape(**pricing.terms.model_dump())
    seller = BlindSeller(shape, b"offer", os.urandom)

    def answered(message: bytes, *before: bytes) -> Any:
        return pricing.answer(b"offer", b"\x01" * 32, message, before, records.n)

    first = seller.first(found.shrinkage, found.solution)
    second = seller.second(answered(first))
    values = seller.values(answered(second, digest(first)))
    gain = (form.gain(moments) * 2.0 - cut(function_of(form).manifest.controls, records.n)) / 1.25
    expected = function_of(form).manifest.rule.price(max(to_micros(gain), 0), records.n)
    assert answered(values, digest(first), digest(second)) == expected


def test_prices_that_sums_do_not_determine_are_not_told_blindly() -> None:
    form = plain_form()
    assert blind_pricing(function_of(form)) is not None
    assert blind_pricing(function_of(form, rule=PricingRule(kind="binary"))) is None
    encoded = SimpleNamespace(features=(SimpleNamespace(encoder="a picture"),))
    assert blind_pricing(function_of(form, schema_=encoded)) is None
    other = function_of(form)
    other.method = SimpleNamespace(value_unit=1.0)
    assert blind_pricing(other) is None
    assert published_sums(other.manifest, other.method) is None


def test_the_sums_of_any_records_lie_within_the_bounds_of_a_blind_price() -> None:
    """Few records, many equal ones, and features that are all alike: rows of Q are never longer than one."""
    form = plain_form()
    draw = np.random.default_rng(1)
    x = draw.normal(size=(500, 8))
    for count, scale in ((1, 1.0), (3, 0.0), (500, 1.0), (500, 50.0)):
        records = records_of(form.terms.features, x[:count] * scale, draw.integers(0, 3, count).astype(float))
        found = form.terms.statistics(Moments.of(form.terms.features, [records]))
        norms = (found.shrinkage.astype(object) ** 2).sum(axis=1)
        assert max(norms) < 4**form.terms.shape.row_bits
        assert form.secret.doubled_price(found.shrinkage, found.solution) < 2**form.terms.price_bits


def test_the_leverage_of_records_is_that_of_their_regression() -> None:
    """Of n copies of one record, each has an equal share of what they say together."""
    form = plain_form()
    one = records_of(form.terms.features, np.linspace(-0.5, 0.7, 8)[None], np.array([1.0]))
    terms = form.terms
    phi = terms.features.of(terms.features.inputs.codes(one.x))[0]
    length = int((phi**2).sum())
    for n in (1, 3):
        records = one.take(np.zeros(n, dtype=np.int64))
        found = terms.statistics(Moments.of(terms.features, [records]))
        assert terms.leverage(found, records) == pytest.approx(length / (terms.damping + n * length), abs=0.02)
