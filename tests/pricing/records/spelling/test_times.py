"""Times in text: one form in a column, and no day taken for a month."""

import numpy as np
import pytest

from assay_pricing.records.spelling.times import form_in, form_of, moment, time_format

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "form", "time", "written"),
    [
        ("2026-01-31", "iso", "2026-01-31T00:00", "%Y-%m-%d"),
        ("2026-1-5 8:30", "iso", "2026-01-05T08:30", "%Y-%m-%d %H:%M"),
        ("2026-01-31T08:30:00.123+02:00", "iso", "2026-01-31T06:30:00.123", "%Y-%m-%dT%H:%M:%S.%fZ"),
        ("2026-01-31 08:30 UTC", "iso", "2026-01-31T08:30", "%Y-%m-%d %H:%M UTC"),
        ("12:15 AM", "iso", "1970-01-01T00:15", "%I:%M %p"),
        ("31/12/2026", "unproven", "2026-12-31T00:00", "%d/%m/%Y"),
        ("01/02/2026", "dmy", "2026-02-01T00:00", "%d/%m/%Y"),
        ("01/02/2026", "mdy", "2026-01-02T00:00", "%m/%d/%Y"),
        ("1/31/26, 2:30:00 PM", "unproven", "2026-01-31T14:30", "%m/%d/%y, %I:%M:%S %p"),
        ("01.02.69", "unproven", "1969-02-01T00:00", "%d.%m.%y"),
        ("31-Dec-2026", "unproven", "2026-12-31T00:00", "%d-%b-%Y"),
        ("December 31, 2026", "unproven", "2026-12-31T00:00", "%B %d, %Y"),
        ("2026/1/5", "unproven", "2026-01-05T00:00", "%Y/%m/%d"),
    ],
)
def test_a_time_is_read_and_its_form_is_named(text, form, time, written) -> None:
    assert moment(text, form) == np.datetime64(time, "us").astype(int)
    assert time_format(text, form) == written


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-02-30", "iso"),
        ("2026-01-31Z", "iso"),
        ("2026-01-31 24:00", "iso"),
        ("2026-01-31 13:00 PM", "iso"),
        ("3:10", "iso"),
        ("20260131", "iso"),
        ("", "iso"),
        ("31/12/2026", "iso"),
        ("2026-12-31", "dmy"),
        ("01/02/2026", "unproven"),
        ("13/31/2026", "mdy"),
        ("1.2.34", "unproven"),
        ("31-Tomorrow-2026", "unproven"),
        ("2026-01-31T08:30:00.1234567", "iso"),
    ],
)
def test_what_is_no_time_in_a_form_is_none(text, form) -> None:
    assert moment(text, form) is None


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["2026-01-02", "2026-01-03", "31/12/2026"], "iso"),
        (["01/02/2026", "31/12/2026"], "dmy"),
        (["01/02/2026", "12/31/2026"], "mdy"),
        (["31/12/2026", "12/31/2026"], "unproven"),
        (["01/02/2026"], "unproven"),
        (["1 May 2026", "2 May 2026"], "unproven"),
    ],
)
def test_a_column_has_one_form(texts, form) -> None:
    assert form_of(texts) == form


def test_a_schema_declares_the_order_that_a_column_does_not_prove() -> None:
    assert form_of(["01/02/2026"], form_in("%m/%d/%Y")) == "mdy"
    assert form_of(["13/02/2026"], form_in("%m/%d/%Y")) == "dmy"
    assert [form_in(written) for written in ("%d.%m.%y", "%Y/%m/%d", "%H:%M", "date")] == ["dmy", *["unproven"] * 3]
