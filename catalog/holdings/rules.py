"""Decisions about what is held: no database, no clock, no settings."""

from datetime import date, timedelta


def month_start(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def next_month_start(day: date) -> date:
    """The first day of the month after the day's."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def month_start_from(day: date) -> date:
    """The first day of a month that is not before the day."""
    return day if day.day == 1 else next_month_start(day)


def changed_from(before: date | None, after: date | None) -> date | None:
    """The first day that is another one when an end moves from `before` to `after` (None: open); None when none is."""
    if before == after:
        return None
    return min(day for day in (before, after) if day is not None)


def is_over(day: date, *, today: date) -> bool:
    """Whether the day lies in a month that is over, and so may have been charged."""
    return day < month_start(today)


def place(account_number: str, address: str) -> str:
    """Terminals with the same value stand in one home: an address of its own makes a home of its own."""
    return f"{account_number}/{address}" if address else account_number


def returnable(*, begins_on: date, return_days: int, today: date) -> bool:
    """Whether a holding can still be given back as if it had never been."""
    return today < begins_on + timedelta(days=return_days)
