"""Columns of a model and of a file, as lines of text for the terminal."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay_pricing.records.profile import ColumnProfile

_HEADS = ("column", "role", "kind", "values", "missing", "sample")


def columns_text(profiles: Iterable["ColumnProfile"]) -> str:
    """One line for each column, under heads, aligned."""
    rows = [
        (repr(p.column), p.role, p.kind, p.values, "" if p.missing is None else str(p.missing), ", ".join(p.sample))
        for p in profiles
    ]
    lines = [[" ".join(cell.split()) for cell in row] for row in (_HEADS, *rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
