"""JSON lines: values as they are written, and what is no table named with its row and column."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_pricing.errors import DataError
from assay_pricing.records.columns import Texts
from assay_pricing.records.formats import jsonl as reader
from assay_pricing.records.inference import infer
from assay_pricing.records.tables import parse_records, parse_table
from tests.pricing.records.files import NUMERIC, SCHEMA, csv, jsonl, refused

pytestmark = pytest.mark.unit


def test_text_stays_text_and_null_and_what_is_not_there_is_missing() -> None:
    file = jsonl('{"n": 1, "t": "2026-01-31", "z": "x", "b": true}', "", '{"n": NaN, "t": null, "z": "y"}')
    found = infer([parse_table(file)], "z").schema
    assert {feature.name: (feature.kind, feature.missing) for feature in found.features} == {
        "n": ("numeric", "nan"),
        "t": ("time", "none"),
        "b": ("boolean", "none"),
    }
    assert found.features[1].stored == "%Y-%m-%d"
    assert parse_table(jsonl({"z": "007"}, {"z": "1e3"})).columns["z"].values == ("007", "1e3")


def test_a_nested_column_can_be_left_out() -> None:
    table = parse_table(jsonl({"a": 1, "tags": ["x"], "y": 0}, {"a": 2, "tags": [], "y": 1}))
    assert (list(table.columns), list(table.unreadable)) == (["a", "y"], ["tags"])
    refused(jsonl({"a": 1, "c": ["red"], "y": 0}), "expected numbers, text or times, got list.* in column 'c'")


def test_columns_of_the_model_are_required_by_name() -> None:
    refused(jsonl({"a": 1, "y": 0}), "missing 'c'")
    refused(jsonl({"a": 1, "c": "red", "y": 0}, {"a": 1, "c": "red", "y": 0, "age": 3}), "extra 'age'")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"a": 1, "y": 0}', '{"a": "x", "y": 0}'], "got text in column 'a', row 1"),
        (
            ['{"a": true}', "", '{"a": 1}'],
            "expected true or false as in the rows before, got a number in column 'a', row 1",
        ),
        (['{"a": 1, "a": 2}'], "'a' is there twice"),
        (['{"a": 1}', '{"a": '], "got an unreadable one in row 1"),
        (['{"a": 1} {"a": 2}'], "expected one JSON object a line, got 2 in row 0"),
        (['{"a": 1},', '{"a": 2}'], "got an unreadable one in row 0: Extra data"),
        (['{"a": 1}', "5"], "expected one JSON object a line, got a number in row 1"),
        (["{}", "{}"], "expected at least one record, got none"),
        (['{"a": "\\ud800"}'], "surrogate"),
        (['{"a": 9007199254740993, "y": 1}', '{"a": 0.5, "y": 0}'], "got 9007199254740993 in column 'a', row 0"),
        (['{"a":' + "[" * 40 + "]" * 40 + "}"], "expected values in at most 32 brackets, got more in row 0"),
        (['{"a":' + "[" * 100_000 + "}"], "expected values in at most 32 brackets"),
    ],
)
def test_what_is_no_table_is_named_with_its_row_and_column(lines, message) -> None:
    refused(jsonl(*lines), message, None)


def test_a_large_number_with_a_fraction_or_an_exponent_is_a_number() -> None:
    assert parse_records(jsonl('{"a": 1e300, "b": 1.5, "y": 0}'), NUMERIC).x.tolist() == [[1e300, 1.5]]


def test_names_that_differ_in_every_line_are_bounded_before_they_are_columns() -> None:
    lines = [f'{{"k{i}": 1}}' for i in range(20_000)]
    refused(jsonl(*lines), "at most 10000000 bytes once expanded", None, max_bytes=10_000_000)
    refused(jsonl("".join(lines)), "expected one JSON object a line, got 20000", None)


def test_numbers_in_quotes_are_the_numbers_of_a_numeric_column() -> None:
    spelled = jsonl({"a": "1.5", "c": "red", "y": "0"}, {"a": "-2", "c": "é", "y": "1"})
    assert parse_records(spelled, SCHEMA).hashes() == parse_records(csv("a,c,y\n1.5,red,0\n-2,é,1\n"), SCHEMA).hashes()


def test_an_array_of_objects_is_named_with_its_remedy() -> None:
    with pytest.raises(DataError, match="looks like JSON") as caught:
        parse_table(csv('[{"a": 1}]'))
    assert "lines=True" in (caught.value.hint or "")


def test_a_line_whose_parts_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_MAX_LINE", 64)
    names = "".join(f', "{i}": 0' for i in range(10))
    refused(jsonl({"a": 1, "c": "red", "y": 0}, f'{{"a": 1{names}}}'), "lines of at most 64 bytes, .* in row 1")


def contents(lines: list[str]) -> object:
    """What is read of a file, in a form that can be compared; the message where it is refused."""
    try:
        table = parse_table(jsonl(*lines))
    except DataError as error:
        return error.message.partition("damaged ones")[0]  # what Arrow says of a nested value has its own row numbers
    found = {
        name: [column.values[code] if code >= 0 else None for code in column.codes]
        if isinstance(column, Texts)
        else (column.dtype, np.where(np.isnan(column), None, column).tolist())
        for name, column in table.columns.items()
    }
    return list(found), found, table.stored, table.unreadable


NUMBERS = st.sampled_from(["1", "-2", "2.5", "1e3", "NaN", "9007199254740993", "9" * 20])
TEXTS = st.sampled_from(['"red"', '"2026-01-31"', '"2026-01-31T08:30:00Z"', '""', '"1"'])
NESTED = st.sampled_from(["[]", "[1]", "[0.5]", '["2026-01-31"]', '["x"]', '[{"k": 1}]'])
KINDS = (NUMBERS, st.sampled_from(["1", "2"]), TEXTS, st.sampled_from(["true", "false"]), NESTED)


@st.composite
def files(draw: st.DrawFn) -> list[str]:
    """Lines in which each column is of one kind, nearly; members may be null or not there."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
    lines = []
    for _ in range(draw(st.integers(1, 12))):
        each = {name: draw(kind | st.sampled_from(["null", ""])) for name, kind in zip("abc", kinds, strict=False)}
        lines.append("{" + ", ".join(f'"{name}": {value}' for name, value in each.items() if value) + "}")
    return lines + draw(st.sampled_from([[], [], [], ['{"a": "odd"}'], ['{"late": 1}'], ["}"]]))


@given(files())
@settings(deadline=None, max_examples=60)
def test_a_column_is_read_in_the_same_way_however_the_file_is_divided(lines: list[str]) -> None:
    whole = contents(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_BLOCK", 1)
        assert contents(lines) == whole
        patch.setattr(reader, "_JOINED_BLOCKS", 3)
        assert contents(lines) == whole


def test_an_object_on_several_lines_is_refused_wherever_a_block_ends() -> None:
    refused(jsonl('{"a": 1,', '"y": 0}'), "expected one JSON object a line, got an unreadable one in row 0", None)


def test_a_file_is_bounded_by_its_values_and_not_by_its_length() -> None:
    lines = [json.dumps({"a": i + 0.123456789012345, "y": 1}) for i in range(1000)]
    assert len(parse_table(jsonl(*lines), max_bytes=16_000)) == 1000
    refused(jsonl(*lines), "at most 15999 bytes once expanded, got 16000", None, max_bytes=15_999)
