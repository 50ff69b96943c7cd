"""Columns of a model and of a file, as lines of text for the terminal."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay_pricing.records.profile import ColumnProfile

_MAX_FEATURES, _FIRST = 30, 5
"""Features listed at most, and how many of them where there are more."""
_HEADS = ("column", "role", "kind", "values", "missing", "sample")


def columns_text(profiles: Iterable["ColumnProfile"]) -> str:
    """One line for each column, under heads, aligned; of many features the first ones."""
    profiles = list(profiles)
    features = [p for p in profiles if p.role == "feature"]
    shown = features if len(features) <= _MAX_FEATURES else features[:_FIRST]
    others = [p for p in profiles if p.role != "feature"]
    rows = [
        (repr(p.column), p.role, p.kind, p.values, "" if p.missing is None else str(p.missing), ", ".join(p.sample))
        for p in (*shown, *others)
    ]
    lines = [[" ".join(cell.split()) for cell in row] for row in (_HEADS, *rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    more = len(features) - len(shown)
    if more:
        lines.insert(len(shown) + 1, [f"and {more} more features", *[""] * (len(_HEADS) - 1)])
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
