"""What a file of records may cost, and how much of it an error message quotes.

Files come from strangers and are priced one after another: a small file must neither fill the memory nor hold the
others up, and what it says must not be kept at length in the reason of a refusal.
"""

import math
from collections import Counter
from collections.abc import Iterable

from assay_pricing.errors import DataError

MAX_EXPANDED_BYTES = 2**31
"""What the columns of one file may take in memory."""
MAX_RECORDS = 1_000_000
"""Records in one offer: some seconds of hashing, and 64 MB of hashes and tags, before anything is evaluated."""
TEXT_BYTES = 64
"""What a text takes in memory beside its characters."""
_QUOTED = 80


def bound_bytes(expanded: int, max_bytes: int) -> None:
    """Refuses what would take more than ``max_bytes``.

    Raises:
        DataError: It would.
    """
    if expanded > max_bytes:
        raise DataError(f"expected at most {max_bytes} bytes once expanded, got {expanded}: split the data into offers")


def bound_records(count: int, max_records: int | None) -> None:
    """Refuses more than ``max_records`` records, or fewer than one.

    Raises:
        DataError: There are more, or none.
    """
    if count < 1:
        raise DataError("expected at least one record, got none")
    if max_records is not None and count > max_records:
        raise DataError(f"expected at most {max_records} records in one offer, got {count}: split them into offers")


def distinct_names(names: Iterable[str]) -> None:
    """Refuses two columns of one name: what one reader takes the other leaves.

    Raises:
        DataError: A name is there more than once.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"expected distinct column names, got {listed(twice)} more than once")


def shortened(text: str) -> str:
    """At most about 80 characters of ``text``, printable in any encoding."""
    safe = text[: _QUOTED + 1].encode(errors="backslashreplace").decode()
    return safe if len(text) <= _QUOTED else f"{safe[:_QUOTED]}... ({len(text)} characters)"


def quoted(text: str) -> str:
    """``text`` in quotation marks, shortened."""
    return repr(text) if len(text) <= _QUOTED else f"{text[:_QUOTED]!r}... ({len(text)} characters)"


def listed(names: Iterable[str], limit: int = 5) -> str:
    """The first of ``names``, numbers in their order, and how many more there are."""
    ordered = sorted(names, key=by_number)
    more = f" and {len(ordered) - limit} more" if len(ordered) > limit else ""
    return ", ".join(quoted(name) for name in ordered[:limit]) + more


def first_line(error: BaseException) -> str:
    """What a library's error says, shortened to a part of a line."""
    return shortened(((str(error) or type(error).__name__).splitlines() or [""])[0])


def by_number(name: str) -> tuple[float, str]:
    """Sort key: numbers by value, then all else by text."""
    try:
        number = float(name)
    except ValueError:
        return math.inf, name
    return (math.inf if math.isnan(number) else number), name
