"""Text and values: the canonical text of a value, and the value that a text spells. One set of rules for every format.

- A **gap**, a cell without a value, is an empty cell. In a column of numbers, booleans or times so are the words in
  ``GAPS``, which pandas reads as missing, and ``?``. In a column of text they are text.
- A **number** has a point before its fraction, no signs between its digits, and may have an exponent.
- A **boolean** is ``true`` or ``false`` in any letter case, 1 or 0.
- A **time** is written as in ISO 8601: a date, a time of day, or both, with an offset or without.
"""

import math
import re
import struct
import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np

from assay_pricing.errors import DataError
from assay_pricing.records.quoting import quoted

GAPS = frozenset(
    [
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
        "?",
        "",
    ]
)
"""Words that stand for a missing value in a column of numbers, booleans or times: pandas' defaults, and ``?``."""
MAX_EXACT = 2**53
"""Whole numbers from here on are not all told apart by double precision."""
_MAX_MARKS = 30
"""Combining marks in a row, as in stream-safe text (UAX 15): ordering them takes quadratic time."""
_NUMBER = re.compile(r"[+-]?((\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|inf(inity)?)", re.ASCII | re.IGNORECASE)
"""No two parts match the same digits in a row: otherwise a match takes time quadratic in the text."""
_ISO = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})?(?P<gap>[ T])?(?P<time>\d{2}:\d{2}(?P<seconds>:\d{2}(?P<fraction>\.\d{1,9})?)?)?"
    r"(?P<zone>Z|[+-]\d{2}(:?\d{2})?)?",
    re.ASCII,
)


def canonical_text(value: object) -> str:
    """NFC text; ``true`` or ``false``; a whole number without fraction, so that 3, 3.0 and "3" are one class.

    Raises:
        DataError: The text has a lone surrogate or more than 30 combining marks in a row; the number is not finite, or
            is 2^53 or more, where double precision cannot tell neighbouring whole numbers apart.
    """
    if isinstance(value, str):
        if value.isascii():
            return value
        if _stacked_marks().search(value):
            raise DataError(f"expected at most {_MAX_MARKS} combining marks in a row, got more in {quoted(value)}")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise DataError(f"expected Unicode text, got a lone surrogate in {quoted(value)}") from None
        return nfc(value)
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise DataError("expected finite labels and categories, got NaN or infinity")
    if abs(number) >= MAX_EXACT:
        raise DataError(f"expected labels and categories below 2^53, got {number:.17g}: write them as text")
    return str(int(number)) if number.is_integer() else repr(number)


def canonical_number(text: str) -> str:
    """Canonical text of the number that ``text`` spells, or ``text`` itself if it spells none."""
    value = number(text)
    return text if value is None or not abs(value) < MAX_EXACT else canonical_text(value)


class Levels:
    """The values that a schema knows of a category or a label, found by any of their spellings.

    A text is a known value if it is the same text in NFC, or spells the same number, or the same boolean. Where the
    known values are two numbers 0 and 1, or two booleans, each also stands for the other.
    """

    def __init__(self, known: Sequence[str]) -> None:
        """Takes the known values, in the order of their codes."""
        self._exact = {nfc(value): code for code, value in enumerate(known)}
        self._numbers: dict[str, int] = {}
        self._truth: dict[bool, int] = {}
        binary = {canonical_number(value) for value in known} == {"0", "1"}
        for code, value in enumerate(known):
            self._numbers.setdefault(canonical_number(value), code)
            truth = boolean(value) if binary or value.lower() in ("true", "false") else None
            if truth is not None:
                self._truth.setdefault(truth, code)
        self._two = len(known) == len(self._truth) == 2

    def find(self, text: str) -> int | None:
        """Code of the value that a canonical text spells; None if it is not known."""
        found = self._exact.get(text)
        if found is None:
            found = self._numbers.get(canonical_number(text))
        if found is None and (self._two or text.lower() in ("true", "false")):
            truth = boolean(text)
            found = None if truth is None else self._truth.get(truth)
        return found


def boolean(text: str) -> bool | None:
    """The boolean that a text spells; None if it spells none."""
    return {"true": True, "1": True, "false": False, "0": False}.get(canonical_number(text.strip()).lower())


def number(text: str, *, decimal_comma: bool = False) -> float | None:
    """The number that a text spells; None if it spells none, or a whole number that double precision cannot hold."""
    stripped = text.strip()
    if decimal_comma and "." not in stripped:
        stripped = stripped.replace(",", ".", 1)
    if not _NUMBER.fullmatch(stripped):
        return None
    value = float(stripped)
    digits = stripped.lstrip("+-").lstrip("0")
    is_inexact = abs(value) >= MAX_EXACT and digits.isdigit() and (math.isinf(value) or int(digits) != abs(value))
    return None if is_inexact else value


def moment(text: str) -> int | None:
    """Microseconds since 1970-01-01 UTC of the time that a text spells; None if it spells none.

    A time without offset is taken to be in UTC, a time of day to be on 1970-01-01.
    """
    stripped = text.strip()
    match = _ISO.fullmatch(stripped)
    if not match or not (match["date"] or match["time"]) or bool(match["date"] and match["time"]) != bool(match["gap"]):
        return None
    fraction = (match["fraction"] or ".0")[1:]
    if fraction[6:].strip("0"):
        return None  # more than microseconds
    if match["zone"] and not match["time"]:
        return None
    zone = (match["zone"] or "Z").replace("Z", "+00:00").replace(":", "").ljust(5, "0")
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    try:
        found = np.datetime64(f"{match['date'] or '1970-01-01'}T{(match['time'] or '00:00')[:8]}", "us")
    except ValueError:
        return None
    offset = (minutes if zone[0] == "+" else -minutes) * 60_000_000
    return int(found.astype(np.int64)) - offset + int(fraction[:6].ljust(6, "0"))


def time_format(text: str) -> str:
    """The ``strftime`` format in which a text that ``moment`` reads is written; an offset becomes ``Z``."""
    match = _ISO.fullmatch(text.strip())
    assert match is not None
    clock = "%H:%M" + (":%S" if match["seconds"] else "") + (".%f" if match["fraction"] else "")
    return (
        ("%Y-%m-%d" if match["date"] else "")
        + (match["gap"] or "")
        + (clock if match["time"] else "")
        + ("Z" if match["zone"] else "")
    )


def nfc(value: str) -> str:
    """Unicode normalisation form C of a text."""
    return unicodedata.normalize("NFC", value)


def length_prefixed(value: str) -> bytes:
    """NFC text in UTF-8 after its length in 4 bytes, little-endian."""
    encoded = nfc(value).encode()
    return struct.pack("<I", len(encoded)) + encoded


@cache
def _stacked_marks() -> re.Pattern[str]:
    """Matches too many combining marks in a row; all combining marks of Unicode are below U+20000."""
    marks = (chr(i) for i in range(0x300, 0x20000) if unicodedata.combining(unicodedata.normalize("NFD", chr(i))[0]))
    return re.compile(f"[{''.join(marks)}]{{{_MAX_MARKS + 1}}}")
