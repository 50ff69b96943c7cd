"""How an error message quotes names, values and errors from a file: shortened, and printable in any encoding."""

import math
from collections.abc import Iterable, Sequence

_QUOTED = 80


def shortened(text: str) -> str:
    """At most about 80 characters of ``text``, printable in any encoding."""
    safe = text[: _QUOTED + 1].encode(errors="backslashreplace").decode()
    return safe if len(text) <= _QUOTED else f"{safe[:_QUOTED]}... ({len(text)} characters)"


def quoted(text: str) -> str:
    """``text`` in quotation marks, shortened."""
    return repr(text) if len(text) <= _QUOTED else f"{text[:_QUOTED]!r}... ({len(text)} characters)"


def listed(names: Iterable[str], limit: int = 5) -> str:
    """The first ``limit`` of ``names``, numbers in numeric order, and how many more there are."""
    ordered = sorted(names, key=by_number)
    more = f" and {len(ordered) - limit} more" if len(ordered) > limit else ""
    return ", ".join(quoted(name) for name in ordered[:limit]) + more


def alternatives(words: Sequence[str]) -> str:
    """``A, B or C``."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def first_line(error: BaseException) -> str:
    """The first line of a library's error, shortened."""
    return shortened(((str(error) or type(error).__name__).splitlines() or [""])[0])


def by_number(name: str) -> tuple[float, str]:
    """Sort key: numbers by value, then all other text in alphabetical order."""
    try:
        number = float(name)
    except ValueError:
        return math.inf, name
    return (math.inf if math.isnan(number) else number), name
