"""Text for people: tables with heads, fields by name, times, sizes.

On a terminal, columns are aligned. Elsewhere they are separated by tabs, so that ``cut`` and ``awk`` read them.
"""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

from assay.cli.terminal import printable

_GAP = "  "
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_SIZES = ("B", "kB", "MB", "GB", "TB")
_SHORT_ID = 12


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows under their heads."""
    return _columns([[head.upper() for head in heads], *([_cell(value) for value in row] for row in rows)])


def fields(values: Iterable[tuple[str, object]]) -> str:
    """One value a line, behind its name."""
    return _columns([[name, _cell(value)] for name, value in values])


def _columns(rows: list[list[str]]) -> str:
    if not sys.stdout.isatty():
        return "\n".join("\t".join(row) for row in rows)
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    return "\n".join(_GAP.join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _cell(value: object) -> str:
    """A value on one line, without anything that moves the terminal."""
    return printable(" ".join(str(value).split()))


def id_text(value: bytes) -> str:
    """An id in 0x-hex; on a terminal its first digits, which name it wherever an id is asked for."""
    return f"0x{value.hex()[:_SHORT_ID] if sys.stdout.isatty() else value.hex()}"


def time_text(unix_time: int) -> str:
    """A time in the machine's zone, to the minute."""
    return f"{datetime.fromtimestamp(unix_time).astimezone():%Y-%m-%d %H:%M %Z}"


def due_text(unix_time: int, now: int) -> str:
    """A time with what remains until then: ``2026-11-27 14:03 UTC (in 23 h 59 min)``."""
    left = unix_time - now
    return f"{time_text(unix_time)} ({f'in {duration_text(left)}' if left >= 0 else f'{duration_text(-left)} ago'})"


def duration_text(seconds: int) -> str:
    """Seconds in the two largest units that they fill."""
    for size, name, part, part_name in ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "min")):
        if seconds >= size:
            whole, rest = seconds // size, seconds % size // part
            return f"{whole} {name} {rest} {part_name}" if rest else f"{whole} {name}"
    return f"{seconds // _MINUTE} min" if seconds >= _MINUTE else f"{seconds} s"


def size_text(size: int) -> str:
    """Bytes in a decimal unit with three significant digits."""
    value, unit = float(size), 0
    while value >= 999.5 and unit < len(_SIZES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {_SIZES[unit]}" if unit else f"{size} B"
