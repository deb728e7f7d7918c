"""The work calendar: weekends, national holidays and the working Saturdays and Sundays that make up for them (调休).

Three sources, the first that knows a day decides: the operator's own `CalendarDay` rows; the `chinesecalendar`
package; the bare rule Monday to Friday, with a warning in the log, for years that the package does not know yet (the
State Council publishes a year's holidays only in the autumn before).
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import chinese_calendar
from chinese_calendar.constants import holidays, workdays

from core.clock import SHANGHAI
from core.models import CalendarDay

log = logging.getLogger(__name__)
OPENS, CLOSES = time(9, 0), time(18, 0)
_STRIDE = timedelta(days=62)  # override rows are read this many days at a time
LONGEST = 3_660  # working days; more is a mistake


def knows_year(year: int) -> bool:
    """True when the package holds the holidays of that year."""
    return year in _known_years()


def is_working_day(day: date) -> bool:
    return _decide(day, _overrides(day, day))


def working_days(first: date, last: date) -> dict[date, bool]:
    """Whether each day from `first` to `last` is a working day; one query."""
    overrides = _overrides(first, last)
    days = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    return {day: _decide(day, overrides) for day in days}


def add_working_days(day: date, n: int) -> date:
    """The `n`th working day after `day` (before it, when `n` is negative); `day` itself is not counted.

    With `n` = 0: `day` if it is a working day, else the next one.
    """
    if abs(n) > LONGEST:
        raise ValueError(f"{n} working days are more than ten years")
    step = timedelta(days=1 if n >= 0 else -1)
    left = abs(n) or 1
    for candidate in _walk(day if n == 0 else day + step, step):
        left -= 1
        if not left:
            return candidate
    raise AssertionError("unreachable: the walk does not end")


def promised_at(
    start: datetime, working_hours: timedelta, *, opens: time = OPENS, closes: time = CLOSES
) -> datetime:
    """The instant by which so much working time has passed since `start`, in Asia/Shanghai.

    Only the hours from `opens` to `closes` of working days count; a start outside of them counts from the next opening.
    """
    if opens >= closes or working_hours < timedelta(0):
        raise ValueError("opens must be before closes, and working_hours not negative")
    begin, left = start.astimezone(SHANGHAI), working_hours
    for day in _walk(begin.date(), timedelta(days=1)):
        opening = max(datetime.combine(day, opens, SHANGHAI), begin)
        closing = datetime.combine(day, closes, SHANGHAI)
        if opening < closing and left <= closing - opening:
            return opening + left
        left -= max(closing - opening, timedelta(0))
    raise AssertionError("unreachable: the walk does not end")


def _walk(first: date, step: timedelta) -> Iterator[date]:
    """The working days from `first` on, forwards or backwards, without end."""
    day = first
    while True:
        stop = day + (_STRIDE if step > timedelta(0) else -_STRIDE)
        overrides = _overrides(min(day, stop), max(day, stop))
        while day != stop:
            if _decide(day, overrides):
                yield day
            day += step


def _overrides(first: date, last: date) -> Mapping[date, bool]:
    rows = CalendarDay.objects.filter(day__range=(first, last)).values_list("day", "is_working")
    return dict(rows)


def _decide(day: date, overrides: Mapping[date, bool]) -> bool:
    if day in overrides:
        return overrides[day]
    if knows_year(day.year):
        return bool(chinese_calendar.is_workday(day))
    _warn_once(day.year)
    return day.weekday() < 5


@lru_cache(maxsize=1)
def _known_years() -> frozenset[int]:
    return frozenset(day.year for day in (*holidays, *workdays))


@lru_cache
def _warn_once(year: int) -> None:
    log.warning("holidays of this year are not known, weekends alone count", extra={"year": year})
