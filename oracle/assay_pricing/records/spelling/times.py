"""Times in text: ISO 8601, and dates as programs and people write them.

A column is in one form: that of ISO 8601, or another. ``01/02/2026`` is a day in January in one country and one in
February in another. A column of such dates is read in the order that a value of it proves by a number above 12 where
only a day can be; without proof, only in the order in which the model's schema says that its dates are written. With
points between the numbers the day is first, and with the year in front the month is second (DIN 5008, ISO 8601). Months
are named in English. A year of two digits is from 1969 to 2068 (POSIX).
"""

import re
from collections.abc import Collection, Iterable
from typing import Any, Literal

import numpy as np

Form = Literal["iso", "dmy", "mdy", "unproven"]
"""ISO 8601; or another form, with the day or the month first where nothing in a date tells, or with no such date."""

_ZONE = r"(?P<zone>Z|[+-]\d{2}(:?\d{2})?| ?UTC| ?GMT)?"
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?P<seconds>:(?P<second>\d{2})(?P<fraction>\.\d{1,9})?)?"
    r"(?P<half> ?[AaPp]\.?[Mm]\.?)?"
)
_ISO = re.compile(
    rf"(?P<date>(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}}))?(?P<gap>[ T])?(?P<clock>{_CLOCK})?{_ZONE}",
    re.ASCII,
)
"""Month, day and hour may lack the zero in front."""
_NAMES = "January February March April May June July August September October November December".lower().split(" ")
_MONTHS = {name[:length]: month for month, name in enumerate(_NAMES, 1) for length in (3, len(name))} | {"sept": 9}
_MONTH = r"(?P<name>[A-Za-z]{3,9})\.?"
_REST = rf"((?P<gap>[ T]|, )(?P<clock>{_CLOCK}){_ZONE})?"
_FORMS = tuple(
    re.compile(form + _REST, re.ASCII)
    for form in (
        r"(?P<year>\d{4})(?P<mark>[./])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
        r"(?P<first>\d{1,2})(?P<mark>[-./])(?P<other>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})",
        rf"(?P<day>\d{{1,2}})(?P<mark>[- ./]){_MONTH}(?P<comma>[-, ./])(?P<year>\d{{4}}|\d{{2}})",
        rf"{_MONTH} (?P<day>\d{{1,2}})(?P<comma>,? )(?P<year>\d{{4}})",
    )
)
_DATES = (1900_01_01, 2100_12_31)
_LAST_OF_2000 = 68
_NOON = 12


def moment(text: str, form: Form = "iso") -> int | None:
    """Microseconds since 1970-01-01 UTC of the time that a text spells in a form; None if it spells none.

    A time without offset is taken to be in UTC, a time of day to be on 1970-01-01.
    """
    match = _match(text, form)
    if match is None:
        return None
    found = match.groupdict()
    if form == "iso":
        if not (found["date"] or found["clock"]) or bool(found["date"] and found["clock"]) != bool(found["gap"]):
            return None
        if found["zone"] and not found["clock"]:
            return None
        if not found["date"] and len(found["hour"]) < 2 and not found["half"]:
            return None  # 3:10 may be a score
    day = _day(found, form) if form != "iso" or found["date"] else "1970-01-01"
    clock = _microseconds(found)
    try:
        return None if day is None or clock is None else int(np.datetime64(day, "us").astype(np.int64)) + clock
    except ValueError:
        return None


def are_dates(numbers: Any) -> Any:
    """Whether a number, or which numbers of an array, are dates without marks, as 20260131: year, month, day."""
    month, day = numbers // 100 % 100, numbers % 100
    years = (numbers >= _DATES[0]) & (numbers <= _DATES[1]) & (day % 1 == 0)
    return years & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)


def form_of(texts: Collection[str], declared: Form = "unproven") -> Form:
    """The form of most of a column's texts; ISO 8601 where it is that of as many as another.

    Args:
        texts: Distinct values.
        declared: The order of day and month in a column whose values prove none.
    """
    others = sum(_match(text, "unproven") is not None for text in texts)
    if not others or others <= sum(moment(text) is not None for text in texts):
        return "iso"
    proven = {order for text in texts for order in _proof(text)}
    return proven.pop() if len(proven) == 1 else declared


def form_in(written: str) -> Form:
    """The order of day and month that a ``strftime`` format declares."""
    day, month = written.find("%d"), written.find("%m")
    if min(day, month) < 0 or written.startswith("%Y"):
        return "unproven"
    return "dmy" if day < month else "mdy"


def time_format(text: str, form: Form = "iso") -> str:
    """The ``strftime`` format in which a text that ``moment`` reads is written; an offset becomes ``Z``.

    The format pads: a day that is written 5 is written 05 by it.
    """
    match = _match(text, form)
    assert match is not None
    found = match.groupdict()
    date = ("%Y-%m-%d" if found["date"] else "") if form == "iso" else _date_format(found, form)
    half = found.get("half") or ""
    clock = ("%I:%M" if half else "%H:%M") + (":%S" if found["seconds"] else "") + (".%f" if found["fraction"] else "")
    clock += f"{' ' * half.startswith(' ')}%p" if half else ""
    zone = found["zone"] or ""
    zone = zone if zone.endswith(("UTC", "GMT")) else "Z" * bool(zone)
    return date + (found["gap"] or "") + clock * bool(found["clock"]) + zone


def _match(text: str, form: Form) -> re.Match[str] | None:
    stripped = text.strip()
    if form == "iso":
        return _ISO.fullmatch(stripped)
    return next(filter(None, (other.fullmatch(stripped) for other in _FORMS)), None)


def _day(found: dict[str, str | None], form: Form) -> str | None:
    """The date of a match in another form than ISO 8601, in that form."""
    year = found["year"] or ""
    month, day = found.get("month"), found.get("day")
    if found.get("name"):
        number = _MONTHS.get(str(found["name"]).lower())
        month = None if number is None else str(number)
    elif found.get("first"):
        first, second = str(found["first"]), str(found["other"])
        mark = str(found["mark"])
        known = _order_of(first, second, mark) or form
        is_version = len(year) < 4 and mark != "/" and min(len(first), len(second)) < 2
        if is_version or known == "unproven":
            return None
        day, month = (second, first) if known == "mdy" else (first, second)
    if month is None or day is None:
        return None
    if len(year) < 4:
        year = f"{'20' if int(year) <= _LAST_OF_2000 else '19'}{year}"
    return f"{year}-{int(month):02}-{int(day):02}"


def _order_of(first: str, second: str, mark: str) -> Form | None:
    """The order that a date of numbers proves."""
    if mark == ".":
        return "dmy"
    return "dmy" if int(first) > _NOON else "mdy" if int(second) > _NOON else None


def _proof(text: str) -> Iterable[Form]:
    match = _FORMS[1].fullmatch(text.strip())
    if match is None:
        return ()
    order = _order_of(match["first"], match["other"], match["mark"])
    return (order,) if order else ()


def _date_format(found: dict[str, str | None], form: Form) -> str:
    year = "%Y" if len(found["year"] or "") == 4 else "%y"
    mark, comma = found.get("mark"), found.get("comma")
    if found.get("name"):
        month = "%b" if len(found["name"] or "") == 3 else "%B"
        return f"%d{mark}{month}{comma}{year}" if mark else f"{month} %d{comma}{year}"
    if found.get("first"):
        known = _order_of(str(found["first"]), str(found["other"]), str(mark)) or form
        return mark.join(["%m", "%d", year] if known == "mdy" else ["%d", "%m", year]) if mark else ""
    return f"%Y{mark}%m{mark}%d"


def _microseconds(found: dict[str, str | None]) -> int | None:
    """The time of day less the offset from UTC; 0 without one, None if there is no such time."""
    if not found["clock"]:
        return 0
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    half = (found.get("half") or "").strip().lower()
    if half:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + _NOON * half.startswith("p")
    fraction = (found["fraction"] or ".0")[1:]
    if hour > 23 or minute > 59 or second > 59 or fraction[6:].strip("0"):
        return None  # among these, more than microseconds
    zone = (found["zone"] or "Z").strip().replace("UTC", "Z").replace("GMT", "Z").replace("Z", "+00:00")
    zone = zone.replace(":", "").ljust(5, "0")
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    offset = minutes if zone[0] == "+" else -minutes
    return ((hour * 60 + minute - offset) * 60 + second) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
