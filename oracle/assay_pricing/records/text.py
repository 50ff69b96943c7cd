"""Canonical text of labels and categories: the same value has the same text in every file format."""

import math
import re
import struct
import unicodedata
from functools import cache

import numpy as np

from assay_pricing.errors import DataError
from assay_pricing.records.quoting import quoted

_MAX_MARKS = 30
"""Combining marks in a row, as in stream-safe text (UAX 15): ordering them takes quadratic time."""


def canonical_text(value: object) -> str:
    """NFC text; a whole number without fraction, so that 3, 3.0 and "3" are one class.

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
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise DataError("expected finite labels and categories, got NaN or infinity")
    if abs(number) >= 2**53:
        raise DataError(f"expected labels and categories below 2^53, got {number:.17g}: write them as text")
    return str(int(number)) if number.is_integer() else repr(float(np.float32(number)))


def canonical_number(text: str) -> str:
    """Canonical text of the number that ``text`` spells, or ``text`` itself if it spells none."""
    try:
        return canonical_text(float(text))
    except (ValueError, DataError):
        return text


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
