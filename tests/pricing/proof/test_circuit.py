"""The circuit: satisfied by the price in the clear, and by no other."""

from typing import Any

import pytest
from hypothesis import given, settings

from assay.protocol.proof.curve import ORDER
from assay.protocol.proof.key import STATED, Sizes, VerificationKey
from assay.protocol.proof.proven import statistics_numbers
from assay_pricing.blind.form import SecretForm
from assay_pricing.proof.circuit import Inputs, built, model_numbers, public_count
from assay_pricing.proof.poseidon import permuted
from assay_pricing.proof.system import System
from assay_pricing.sums.moments import Moments
from tests.kit.proofs import FORGERIES, TINY
from tests.kit.proofs import SIZES as TINY_SIZES
from tests.pricing.blind.sums import SMALL, form_of, sums_of
from tests.pricing.sums.forms import forms

pytestmark = pytest.mark.unit

SIZES = Sizes(SMALL.features, SMALL.outputs, SMALL.price_bits)


def circuit_of(form: SecretForm, sums: Any, least: int, most: int) -> System:
    check = (12345**5 + 12345**2 * most + 12345 * least) % ORDER
    stated = (12345, least % ORDER, most % ORDER, check)
    sizes = Sizes(form.shape.features, form.shape.outputs, form.shape.price_bits)
    doubled = form.doubled_price(*sums)
    return built(sizes, Inputs(stated, statistics_numbers(*sums), doubled, 7, model_numbers(form), 8))


def holds(form: SecretForm, sums: Any, least: int, most: int) -> bool:
    return not list(circuit_of(form, sums, least, most).violated())


def test_poseidon_is_the_published_one() -> None:
    """The hash of 1 and 2 by circomlib, whose input is the state (0, 1, 2)."""
    expected = 7853200120776062878684798364095072458815029376092732009249414926327459813530
    assert permuted((0, 1, 2))[0] == expected


def test_the_circuit_holds_for_bounds_that_enclose_the_price_in_the_clear_and_for_no_others() -> None:
    form, sums = form_of(SMALL, 1), sums_of(SMALL, 2)
    price = form.doubled_price(*sums)
    assert holds(form, sums, price, price)
    assert holds(form, sums, price - 5, price + 7)
    assert holds(form, sums, -(2**SMALL.price_bits), 2**SMALL.price_bits)
    assert not holds(form, sums, price + 1, price + 5)
    assert not holds(form, sums, price - 5, price - 1)
    assert not holds(form, sums, price + 1, price - 1)


@settings(max_examples=15, deadline=None)
@given(forms())
def test_clear_and_circuit_agree_to_the_bit_on_any_form_and_records(drawn: Any) -> None:
    form, records = drawn
    moments = Moments.of(form.terms.features, [records])
    found = form.terms.statistics(moments)
    price, sums = form.doubled_price(moments), (found.shrinkage, found.solution)
    assert holds(form.secret, sums, price, price)
    assert not holds(form.secret, sums, price + 1, price + 1)


def test_every_wire_but_the_salts_is_held_by_a_constraint() -> None:
    """A wire that could have another value would be a number of the prover's choice."""
    form, sums = form_of(TINY, 3, linear=5, quadratic=2), sums_of(TINY, 4)
    price = form.doubled_price(*sums)
    system = circuit_of(form, sums, price - 1, price + 1)
    sizes = Sizes(TINY.features, TINY.outputs, TINY.price_bits)
    salts = {STATED + sizes.statistics, STATED + sizes.statistics + sizes.model}
    free = set()
    for wire in range(1, len(system.values)):
        system.values[wire] += 1
        if next(system.violated(), None) is None:
            free.add(wire)
        system.values[wire] -= 1
    assert free == salts


def test_a_false_polynomial_that_sums_to_another_price_is_refused() -> None:
    """What a prover would try first: move the sum, and keep all else."""
    form, sums = form_of(SMALL, 1), sums_of(SMALL, 2)
    price = form.doubled_price(*sums)

    system = circuit_of(form, sums, price + SMALL.outputs, price + SMALL.outputs)
    first = public_count(SIZES) + 1
    system.values[first] = (system.values[first] + 1) % ORDER  # g(0), g(1), g(2) each rise by 1
    assert list(system.violated())


@pytest.mark.parametrize("name", FORGERIES)
def test_an_operator_who_moves_public_wires_meets_the_one_constraint_that_is_made_for_it(name: str) -> None:
    """All others hold: without that one, any price would be proven."""
    key = VerificationKey(TINY_SIZES, (1, 2), (1, 0, 0, 0), (2, 0, 0, 0), (3, 0, 0, 0), ((1, 2),) * 26)
    system, _ = FORGERIES[name].made(key)
    assert len(list(system.violated())) == (name != "nothing moved")


def test_the_circuit_grows_with_the_square_of_features_and_not_with_records() -> None:
    """d (d + 1) products of two symmetric matrices, 3 d k of columns, and hundreds for the rest."""
    counts = {d: len(built(Sizes(d, 2, 60)).constraints) for d in (8, 16)}
    assert counts[16] - counts[8] == (16 * 17 - 8 * 9) + 3 * 8 * 2 + 8
