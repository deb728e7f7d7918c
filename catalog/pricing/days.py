"""Days, months and shares of them, in whole numbers."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or that month's last day where it has no such day (31 January + 1: 28 February)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def whole_months(first: date, end: date) -> int:
    """How many whole months fit into `[first, end)`; 0 where `end` is not later."""
    months = (end.year - first.year) * 12 + end.month - first.month
    if add_months(first, months) > end:
        months -= 1
    return max(0, months)


def next_month(day: date) -> date:
    """The first day of the month after that of `day`."""
    return date(day.year + 1, 1, 1) if day.month == 12 else date(day.year, day.month + 1, 1)


def by_months(first: date, end: date) -> Iterator[tuple[date, date, int]]:
    """The parts of `[first, end)` that lie in one month each, with how many days that month has."""
    while first < end:
        begins, last = first, min(next_month(first), end)
        yield begins, last, monthrange(first.year, first.month)[1]
        first = last


def share(cents: int, part: int, whole: int) -> int:
    """`cents` × `part` ÷ `whole`, a half rounded up. None of them is negative."""
    return (2 * cents * part + whole) // (2 * whole)
