"""Numbers in text: the mark before the fraction, and the marks between groups of three digits.

``1,500`` is 1500 in one country and 1.5 in another. A column is read as all of its values can be, and a mark between
groups is taken for one only where a value of the column proves it: by two such marks (1,234,567), or by one and a mark
before the fraction (1,234.50). A mark that nothing proves is no part of a number. A no-break space (ISO 31-0) or an
apostrophe between groups can be nothing else.
"""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass

MAX_EXACT = 2**53
"""Whole numbers from here on are not all told apart by double precision."""
SINGLE_EXACT = 2**24
"""The same of single precision."""
_NUMBER = re.compile(r"[+-]?((\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|inf(inity)?)", re.ASCII | re.IGNORECASE)
"""No two parts match the same digits in a row: otherwise a match takes time quadratic in the text."""
_SPACED = re.compile(r"[+-]?[1-9]\d{0,2}([\u00a0\u202f\u2009'\u2019])\d{3}(\1\d{3})*([.,]\d*)?", re.ASCII)
_SPACES = re.compile("[\u00a0\u202f\u2009'\u2019]")
_DECIMAL_COMMA = re.compile(r"[+-]?(0?,\d+|\d+,(\d{1,2}|\d{4,}))", re.ASCII)
"""A comma that can stand before a fraction alone: no group of three digits follows it, or a zero is before it."""


@dataclass(frozen=True)
class Marks:
    """The marks in the numbers of a column.

    Attributes:
        decimal: Before the fraction: a point or a comma.
        group: Between groups of three digits; empty for none.
    """

    decimal: str = "."
    group: str = ""

    @property
    def proof(self) -> re.Pattern[str]:
        """Matches numbers that have the mark between groups, and can be read in no other way."""
        group, decimal = re.escape(self.group), re.escape(self.decimal)
        start = rf"[+-]?[1-9]\d{{0,2}}{group}\d{{3}}"
        return re.compile(rf"{start}(({group}\d{{3}})+({decimal}\d*)?|{decimal}\d*)", re.ASCII)

    @property
    def grouped(self) -> re.Pattern[str]:
        """Matches every number that has the mark between groups."""
        group, decimal = re.escape(self.group), re.escape(self.decimal)
        return re.compile(rf"[+-]?[1-9]\d{{0,2}}({group}\d{{3}})+({decimal}\d*)?", re.ASCII)


POINT, COMMA = Marks(), Marks(",")
_GROUPED = tuple((marks, marks.proof, marks.grouped) for marks in map(Marks, ".,.,", ",.  "))
_PATTERNS = {marks: grouped for marks, _, grouped in _GROUPED}


def marks_of(texts: Collection[str], *, decimal_comma: bool = False) -> Marks:
    """The marks with which most of a column's texts are numbers; the first of several.

    Args:
        texts: Distinct values.
        decimal_comma: The file has semicolons between its fields, because its numbers have commas before fractions:
            a comma needs no proof.
    """
    stripped = [_unspaced(text.strip()) for text in texts]
    readings = [POINT]
    if decimal_comma:
        readings.insert(0, COMMA)
    elif any(_DECIMAL_COMMA.fullmatch(text) for text in stripped):
        readings.append(COMMA)
    readings += [marks for marks, proof, _ in _GROUPED if any(proof.fullmatch(text) for text in stripped)]
    if len(readings) == 1:
        return POINT
    return max(readings, key=lambda marks: sum(number(text, marks) is not None for text in stripped))


def number(text: str, marks: Marks = POINT) -> float | None:
    """The number that a text spells; None if it spells none, or a whole number that double precision cannot hold."""
    stripped = _unspaced(text.strip())
    if marks.group and _PATTERNS[marks].fullmatch(stripped):
        stripped = stripped.replace(marks.group, "")
    if marks.decimal == ",":
        if "." in stripped:
            return None
        stripped = stripped.replace(",", ".", 1)
    if not _NUMBER.fullmatch(stripped):
        return None
    value = float(stripped)
    digits = stripped.lstrip("+-").lstrip("0")
    is_inexact = abs(value) >= MAX_EXACT and digits.isdigit() and (math.isinf(value) or int(digits) != abs(value))
    return None if is_inexact else value


def _unspaced(text: str) -> str:
    """A text without the no-break spaces or apostrophes between groups of digits."""
    return _SPACES.sub("", text) if _SPACED.fullmatch(text) else text
