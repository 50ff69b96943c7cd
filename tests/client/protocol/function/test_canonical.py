"""JSON with one spelling."""

import pytest

from assay.protocol.function.canonical import canonical_json

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "é"]}, '{"a":[true,null,"é"],"b":1}'),
        ((1, 2), "[1,2]"),
        (b"\x01\xff", '"0x01ff"'),
        ([1.0, -0.0, 0.1, 1e300], "[1,0,0.1,1e+300]"),
        (float(2**53), "9007199254740992.0"),
        ('"\n', '"\\"\\n"'),
    ],
)
def test_a_value_has_one_spelling(value: object, text: str) -> None:
    assert canonical_json(value) == text.encode()


def test_the_order_of_keys_and_the_last_bits_do_not_matter() -> None:
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})
    assert canonical_json([0.1 + 0.2], decimals=6) == canonical_json([0.3], decimals=6) == b"[0.3]"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_have_none(value: float) -> None:
    with pytest.raises(ValueError, match="expected a finite number"):
        canonical_json({"a": [value]})
