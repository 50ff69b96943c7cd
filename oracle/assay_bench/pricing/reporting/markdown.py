"""Markdown and numbers of a report."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from assay_bench.figures import estimate

_WIDTH = 118


def paragraph(*sentences: str) -> list[str]:
    """Lines of one paragraph."""
    return textwrap.wrap(" ".join(sentences), _WIDTH, break_long_words=False, break_on_hyphens=False)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a table."""
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def number(value: float | None) -> str:
    """Three decimals, none from 100 on; ``-`` for an unknown value."""
    if value is None or value != value:
        return "-"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"


def with_error(values: Iterable[float | None]) -> str:
    """Mean and standard error of the known values, as ``0.970 ± 0.002``."""
    found = estimate(values)
    if not found.count:
        return "-"
    return f"{found.mean:.3f} ± {found.error:.3f}" if found.count > 1 else f"{found.mean:.3f}"
