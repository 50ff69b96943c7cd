"""Columns of a model and of a file, as lines of text for the terminal, and what is wrong with them."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay_pricing.records.profile import ColumnProfile
    from assay_pricing.records.records import Records

_MAX_FEATURES, _FIRST = 30, 5
"""Features listed at most, and how many of them where there are more."""
_MOST = 0.5
"""Share of a column's validation values out of range above which it is named."""
_NAMED = 5
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


def out_of_range(owner: "Records", validation: "Records") -> Iterator[str]:
    """Columns of numbers or times whose validation values mostly lie where the records to fit on have none."""
    import numpy as np

    from assay_pricing.records.inputs import is_continuous

    found = []
    for j, feature in enumerate(owner.schema.features):
        known, asked = (part.x[:, j][~np.isnan(part.x[:, j])] for part in (owner, validation))
        if is_continuous(feature) and len(known) and len(asked):
            share = float(((asked < known.min()) | (asked > known.max())).mean())
            if share > _MOST:
                found.append(f"{feature.name!r} {share:.0%}")
    if found:
        more = f" and {len(found) - _NAMED} columns more" if len(found) > _NAMED else ""
        yield (
            f"validation records are out of the range of the records to fit on: {', '.join(found[:_NAMED])}{more}; what"
            " is learned there says little of them: validate on records of the same range (--validation), or give a "
            "column that does not run on, such as an age or an hour in place of a point in time"
        )
