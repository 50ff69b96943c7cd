"""Text and values: the canonical text of a value, and the value that a text spells. One set of rules for every format.

- A **gap**, a cell without a value, is an empty cell. In a column of numbers, booleans or times so are the words in
  ``GAPS``, in any letter case. In a column of text they are text.
- A **number** has the marks of its column (``spelling.numbers``), and may have an exponent.
- A **boolean** is ``true`` or ``false``, ``yes`` or ``no``, ``y`` or ``n``, ``t`` or ``f``, ``on`` or ``off`` in any
  letter case, 1 or 0.
- A **time** is a date, a time of day, or both, with an offset or without (``spelling.times``).
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
from assay_pricing.records.spelling.numbers import MAX_EXACT, number

_NOT_A_NUMBER = ("NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN")
WORDS = (*_NOT_A_NUMBER, "#N/A", "#N/A N/A", "#NA", "<NA>", "N/A", "n/a", "NA", "NULL", "null", "None")
"""What pandas reads as a missing value, as it is written."""
NULL = "\\N"
"""A missing value as PostgreSQL and MySQL export it, in columns of text, too."""
GAPS = frozenset({*map(str.lower, WORDS), NULL.lower(), "?", "-", "--", ".", "nat", ""})
"""Words for a missing value in a column of numbers, booleans or times, in lower case: pandas' words, and those of
databases (``\\N``), statistics packages (``.``), spreadsheets and public data sets (``-``, ``?``)."""
_TRUTHS = {"true": True, "1": True, "yes": True, "y": True, "t": True, "on": True}
_TRUTHS |= {"false": False, "0": False, "no": False, "n": False, "f": False, "off": False}
_MAX_MARKS = 30
"""Combining marks in a row, as in stream-safe text (UAX 15): ordering them takes quadratic time."""


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
    found = float(value)  # type: ignore[arg-type]
    if not math.isfinite(found):
        raise DataError("expected finite labels and categories, got NaN or infinity")
    if abs(found) >= MAX_EXACT:
        raise DataError(f"expected labels and categories below 2^53, got {found:.17g}: write them as text")
    return str(int(found)) if found.is_integer() else repr(found)


def canonical_number(text: str) -> str:
    """Canonical text of the number that ``text`` spells with a decimal point, or ``text`` itself if it spells none."""
    value = number(text)
    return text if value is None or not abs(value) < MAX_EXACT else canonical_text(value)


def one_spelling(text: str) -> str:
    """One text for all spellings of a number, and of ``true`` and ``false``; otherwise the text."""
    return text.lower() if text.lower() in ("true", "false") else canonical_number(text)


class Levels:
    """The values that a schema knows of a category or a label, found by any of their spellings.

    A text is a known value if it is the same text in NFC, or spells the same number, or the same boolean. Where the
    known values are two of a boolean, such as 0 and 1, or no and yes, every other spelling of it is known, too.
    """

    def __init__(self, known: Sequence[str]) -> None:
        """Takes the known values, in the order of their codes."""
        self._exact = {nfc(value): code for code, value in enumerate(known)}
        self._numbers: dict[str, int] = {}
        self._truth: dict[bool, int] = {}
        truths = [boolean(value) for value in known if value]
        binary = sorted(map(str, truths)) == ["False", "True"]
        for code, value in enumerate(known):
            self._numbers.setdefault(canonical_number(value), code)
            truth = boolean(value) if binary or value.lower() in ("true", "false") else None
            if truth is not None:
                self._truth.setdefault(truth, code)
        self._two = binary

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
    return _TRUTHS.get(canonical_number(text.strip()).lower())


def is_gap(text: str) -> bool:
    """Whether a text in a column of numbers, booleans or times stands for a missing value."""
    return text.strip().lower() in GAPS


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
