"""Columns of Arrow tables: their kinds, their values, and the memory that text takes."""

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.columns import Column, Texts, is_missing
from assay_pricing.records.formats.arrow import kind_of, named, to_columns

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("arrow_type", "kind"),
    [
        (pa.string(), "text"),
        (pa.large_string(), "text"),
        (pa.dictionary(pa.int32(), pa.string()), "text"),
        (pa.bool_(), "boolean"),
        (pa.int8(), "number"),
        (pa.float16(), "number"),
        (pa.decimal128(9, 2), "number"),
        (pa.dictionary(pa.int8(), pa.int64()), "number"),
        (pa.string_view(), "text"),
        (pa.timestamp("s"), "time"),
        (pa.timestamp("ns", "UTC"), "time"),
        (pa.date32(), "time"),
        (pa.time32("s"), "time"),
        (pa.null(), "nothing"),
        (pa.uuid(), "uuid"),
        (pa.list_(pa.int8()), None),
        (pa.binary(), None),
        (pa.binary(16), None),
        (pa.duration("s"), None),
        (pa.struct([]), None),
        (pa.json_(), None),
    ],
)
def test_a_column_holds_text_or_booleans_or_numbers(arrow_type: pa.DataType, kind: str | None) -> None:
    assert kind_of(arrow_type) == kind


def test_values_are_those_of_the_table() -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    table = pa.table(
        {
            "text": ["a", "b", None],
            "view": pa.array(["a", "b", "a"], pa.string_view()),
            "coded": pa.array(["x", "y", "y"]).dictionary_encode(),
            "truth": [True, False, True],
            "maybe": [True, None, False],
            "price": pa.array([Decimal("1.25"), Decimal("-3"), None], pa.decimal128(9, 2)),
            "count": pa.array([1, None, 3], pa.int8()),
            "id": pa.array([2**62, 2**62 + 1, 0]),
            "when": pa.array([noon, None, noon], pa.timestamp("ns", "Europe/Berlin")),
            "day": pa.array([noon.date()] * 3, pa.date32()),
            "clock": pa.array([noon.time()] * 3, pa.time32("s")),
            "empty": pa.nulls(3),
            "key": pa.array([b"\0" * 15 + b"\1", None, b"\0" * 16], pa.uuid()),
        }
    )
    found = to_columns(named(table), Bounds())
    assert {name: plain(each.column) for name, each in found.items()} == {
        "text": ["a", "b", None],
        "view": ["a", "b", "a"],
        "coded": ["x", "y", "y"],
        "truth": [True, False, True],
        "maybe": ["true", None, "false"],
        "price": [1.25, -3.0, None],
        "count": [1.0, None, 3.0],
        "id": [2**62, 2**62 + 1, 0],
        "when": [datetime(2026, 1, 31, 12), None, datetime(2026, 1, 31, 12)],  # noqa: DTZ001
        "day": [datetime(2026, 1, 31)] * 3,  # noqa: DTZ001
        "clock": [datetime(1970, 1, 1, 12)] * 3,  # noqa: DTZ001
        "empty": [None] * 3,
        "key": ["00000000-0000-0000-0000-000000000001", None, "00000000-0000-0000-0000-000000000000"],
    }
    assert {name: each.stored for name, each in found.items() if each.stored} == {
        "coded": "category",
        "truth": "bool",
        "maybe": "bool",
        "when": "datetime64[ns, Europe/Berlin]",
        "day": "date",
        "clock": "%H:%M:%S",
    }


@pytest.mark.parametrize("kind", [pa.decimal64(9, 2), pa.decimal128(9, 2), pa.decimal256(50, 2)])
def test_decimals_are_the_doubles_of_their_text(kind) -> None:
    prices = [Decimal(cents).scaleb(-2) for cents in range(-1000, 100_000, 7)]
    table = pa.table({"price": pa.chunked_array([pa.array([*part, None], kind) for part in (prices, prices[:9])])})
    expected = [*map(float, prices), None, *map(float, prices[:9]), None]
    assert plain(to_columns(named(table), Bounds())["price"].column) == expected


def test_decimals_of_many_places_are_taken_where_a_double_tells_them() -> None:
    """Databases write 12.5 with 18 places. A third with 18 places is another number than every double says."""
    fine = [Decimal(text) for text in ("12.5", "-0.1", "0", "1E-18", "123456789.123456", "99999999999999.75")]
    kind = pa.decimal128(38, 18)
    found = to_columns(named(pa.table({"rate": pa.array([*fine, None], kind)})), Bounds())["rate"]
    assert plain(found.column) == [*map(float, fine), None]
    with pytest.raises(DataError) as caught:
        to_columns(
            named(pa.table({"rate": pa.array([fine[0], None, Decimal("0.333333333333333333")], kind)})), Bounds()
        )
    assert "got 0.333333333333333333 in column 'rate', row 2" in caught.value.message
    assert "float64, which rounds" in (caught.value.hint or "")


@pytest.mark.parametrize("unit", ["s", "ms"])
@pytest.mark.parametrize("sign", [1, -1])
def test_time_that_would_wrap_to_another_is_refused(unit: str, sign: int) -> None:
    """The buyer would read another time than the one that is priced."""
    step = {"s": 10**6, "ms": 10**3}[unit]
    count = sign * (2**64 // step + 1_700_000_000)
    column = pa.array([0, None, count], pa.int64()).cast(pa.timestamp(unit))
    with pytest.raises(DataError, match=f"got {count} {unit} after 1970 in column 'at', row 2"):
        to_columns(named(pa.table({"at": column})), Bounds())


def test_what_numbers_and_times_cannot_hold_is_refused_in_one_message() -> None:
    table = pa.table(
        {
            "long": pa.array([1, None, 2**53 + 1]),
            "money": pa.array([Decimal("1.00"), Decimal("99999999999999.99"), None], pa.decimal128(20, 2)),
            "fine": pa.array([0, 1, 1001], pa.timestamp("ns")),
        }
    )
    with pytest.raises(DataError) as caught:
        to_columns(named(table), Bounds())
    assert "got 9007199254740993 in column 'long', row 2" in caught.value.message
    assert "got 99999999999999.99 in column 'money', row 1" in caught.value.message
    assert "expected times in whole microseconds" in caught.value.message
    assert "in column 'fine', row 1 and in 1 more of 3 rows" in caught.value.message
    assert "as text" in (caught.value.hint or "")


def plain(column: Column) -> list[object]:
    if isinstance(column, Texts):
        return [None if code < 0 else column.values[code] for code in column.codes]
    return [None if gap else value for gap, value in zip(is_missing(column), column.tolist(), strict=True)]


def test_text_counts_with_its_repetitions_its_widest_characters_and_its_objects() -> None:
    """Twice ab: 4 bytes; é: at most 4 bytes for each of its 2; 8 for each row; 64 for each of two strings."""
    table = pa.table({"a": ["ab", "ab", "é"]})
    size = 4 + 8 + 3 * 8 + 2 * 64
    to_columns(named(table), Bounds(size))
    with pytest.raises(DataError, match=f"expected at most {size - 1} bytes once expanded, got {size}"):
        to_columns(named(table), Bounds(size - 1))


def test_columns_share_the_bound() -> None:
    table = pa.table({"a": [1.0, 2.0], "b": ["x", "y"]})
    to_columns(named(table), Bounds(2 * 8 + 2 + 2 * 8 + 2 * 64))
    with pytest.raises(DataError, match="once expanded"):
        to_columns(named(table), Bounds(2 + 2 * 8 + 2 * 64))
