"""Decisions about halls and freshness: pure, over plain values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import asin, cos, radians, sin, sqrt

HOLIDAY = 7  # the row of hours for a Monday to Friday on which nobody works
FRIDAY, SATURDAY = 4, 5
DAYS_AHEAD = 14  # how far one looks for the next opening
QUEUE_FRESH = timedelta(minutes=30)  # an older count of people waiting says nothing


@dataclass(frozen=True, slots=True)
class Span:
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Week:
    """A hall's hours: by day of the week (7: public holidays), and the days that differ (empty: closed)."""

    usual: Mapping[int, Sequence[Span]]
    exceptions: Mapping[date, Sequence[Span]]

    def on(self, day: date, *, is_working: bool) -> Sequence[Span]:
        """The spans of that day. A weekend day that is worked (调休) has the hours of a Friday unless it has its own.

        A public holiday that falls on a weekend counts as a weekend day: a hall that differs then says so by an
        exception.
        """
        if day in self.exceptions:
            return self.exceptions[day]
        weekday = day.weekday()
        if weekday < SATURDAY and not is_working:
            return self.usual.get(HOLIDAY, ())
        if weekday >= SATURDAY and is_working:
            return self.usual.get(weekday) or self.usual.get(FRIDAY, ())
        return self.usual.get(weekday, ())


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether a hall is open, and until or from when. `changes_at` None: nothing is known for two weeks."""

    is_open: bool
    changes_at: datetime | None
    closes_soon: bool = False


SOON = timedelta(minutes=30)


def opening(week: Week, now: datetime, working: Mapping[date, bool]) -> Opening:
    """`now` is local; `working` knows every day from today on that is looked at."""
    for ahead in range(DAYS_AHEAD):
        day = now.date() + timedelta(days=ahead)
        for span in sorted(week.on(day, is_working=working[day]), key=lambda span: span.opens):
            opens = datetime.combine(day, span.opens, now.tzinfo)
            closes = datetime.combine(day, span.closes, now.tzinfo)
            if opens <= now < closes:
                return Opening(True, closes, closes - now <= SOON)
            if now < opens:
                return Opening(False, opens)
    return Opening(False, None)


@dataclass(frozen=True, slots=True)
class Point:
    """A place on earth in millionths of a degree."""

    latitude_e6: int
    longitude_e6: int


EARTH_METRES = 6_371_000  # the mean radius
_DEGREES = re.compile(r"(-?\d{1,3}(?:\.\d{1,6})?),(-?\d{1,3}(?:\.\d{1,6})?)", re.ASCII)


def point(text: str) -> Point | None:
    """Of "30.281,120.162" (latitude first); None of anything else, and of what is not on earth."""
    found = _DEGREES.fullmatch(text)
    if not found:
        return None
    latitude, longitude = (round(float(part) * 1_000_000) for part in found.groups())
    if abs(latitude) > 90_000_000 or abs(longitude) > 180_000_000:
        return None
    return Point(latitude, longitude)


def metres_between(one: Point, other: Point) -> int:
    """As the crow flies, by the haversine formula: right to half a per cent."""
    up, down = radians(one.latitude_e6 / 1e6), radians(other.latitude_e6 / 1e6)
    across = radians((other.longitude_e6 - one.longitude_e6) / 1e6)
    part = sin((down - up) / 2) ** 2 + cos(up) * cos(down) * sin(across / 2) ** 2
    return round(2 * EARTH_METRES * asin(min(1.0, sqrt(part))))


def queue_is_fresh(counted_at: datetime | None, now: datetime) -> bool:
    return counted_at is not None and timedelta(0) <= now - counted_at <= QUEUE_FRESH


def age_days(changed_at: datetime, now: datetime) -> int:
    return max(0, (now - changed_at).days)


def is_stale(changed_at: datetime, now: datetime, unchanged_days: int) -> bool:
    """Nothing new for so many days: S0-16."""
    return now - changed_at >= timedelta(days=unchanged_days)
