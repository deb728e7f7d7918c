"""Decisions of this room: no database, no clock, no settings."""

import calendar
from collections.abc import Callable, Mapping
from datetime import date, timedelta

MOST_MONTHS = 120
PARTS = (2, 3, 4)  # lengths of the parts of a number that are kept for the search


def free_again_on(taken_back_on: date, months: int) -> date:
    """The first local day on which a number may be given to somebody else.

    The day of taking back does not count; the lock's last day is the same day of the month so many months later, or
    that month's last day where there is none (31 August + 6 months: 28 or 29 February). Free the day after.
    """
    index = taken_back_on.year * 12 + taken_back_on.month - 1 + months
    year, month = divmod(index, 12)
    last_of_month = calendar.monthrange(year, month + 1)[1]
    last_day = date(year, month + 1, min(taken_back_on.day, last_of_month))
    return last_day + timedelta(days=1)


def _ends_in_run(length: int) -> Callable[[str], bool]:
    return lambda digits: len(digits) >= length and len(set(digits[-length:])) == 1


def _ends_in_stairs(length: int) -> Callable[[str], bool]:
    def is_stairs(digits: str) -> bool:
        tail = [int(digit) for digit in digits[-length:]]
        steps = {later - earlier for earlier, later in zip(tail, tail[1:], strict=False)}
        return len(tail) == length and steps in ({1}, {-1})

    return is_stairs


def _is_aabb(digits: str) -> bool:
    tail = digits[-4:]
    return len(tail) == 4 and tail[0] == tail[1] != tail[2] == tail[3]


def _is_abab(digits: str) -> bool:
    tail = digits[-4:]
    return len(tail) == 4 and tail[:2] == tail[2:] and tail[0] != tail[1]


# What a customer may ask for beside digits. All but the first speak of the number's end.
PATTERNS: Mapping[str, Callable[[str], bool]] = {
    "NO4": lambda digits: "4" not in digits,
    "AA": _ends_in_run(2),
    "AAA": _ends_in_run(3),
    "AAAA": _ends_in_run(4),
    "AABB": _is_aabb,
    "ABAB": _is_abab,
    "ABC": _ends_in_stairs(3),
    "ABCD": _ends_in_stairs(4),
}


def patterns(digits: str) -> list[str]:
    """The patterns that a number has, by name."""
    return [name for name, has in PATTERNS.items() if has(digits)]


def marks(digits: str) -> list[str]:
    """What the search finds a number by: its patterns, and each part of two to four digits."""
    parts = {digits[at : at + length] for length in PARTS for at in range(len(digits) - length + 1)}
    return [*patterns(digits), *sorted(parts)]


def marks_of_part(part: str) -> list[str]:
    """The marks that every number has in which `part` stands; empty for one digit, which no mark is kept of."""
    longest = max(PARTS)
    if len(part) < min(PARTS):
        return []
    if len(part) <= longest:
        return [part]
    return sorted({part[at : at + longest] for at in range(len(part) - longest + 1)})


def pieces_missing(sent: int, arrived: int) -> int:
    """How many pieces of a transfer did not arrive."""
    if not 0 <= arrived <= sent:
        raise ValueError("more arrived than was sent")
    return sent - arrived
