from datetime import UTC, date, datetime, time, timedelta

import pytest

from content import standard, words
from content.rules import HOLIDAY, Span, Week, age_days, is_stale, opening, queue_is_fresh
from core.clock import SHANGHAI

DAY = Span(time(9), time(17))
MORNING, AFTERNOON = Span(time(9), time(12)), Span(time(14), time(17))
MONDAY = date(2026, 11, 16)
WEEKDAYS = {day: [DAY] for day in range(5)}


def working(first: date = MONDAY, off: tuple[date, ...] = (), on: tuple[date, ...] = ()) -> dict[date, bool]:
    days = [first + timedelta(days=ahead) for ahead in range(15)]
    return {day: day in on or (day.weekday() < 5 and day not in off) for day in days}


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), SHANGHAI)


@pytest.mark.parametrize(
    ("now", "is_open", "changes", "soon"),
    [
        (at(MONDAY, 8, 59), False, at(MONDAY, 9), False),
        (at(MONDAY, 9), True, at(MONDAY, 17), False),
        (at(MONDAY, 16, 30), True, at(MONDAY, 17), True),
        (at(MONDAY, 17), False, at(MONDAY + timedelta(days=1), 9), False),
        (at(date(2026, 11, 20), 17), False, at(date(2026, 11, 23), 9), False),  # over the weekend
    ],
)
def test_open_or_not_and_until_when(now: datetime, is_open: bool, changes: datetime, soon: bool) -> None:
    found = opening(Week(WEEKDAYS, {}), now, working(now.date()))
    assert (found.is_open, found.changes_at, found.closes_soon) == (is_open, changes, soon)


def test_a_pause_at_noon() -> None:
    week = Week({0: [AFTERNOON, MORNING]}, {})
    assert opening(week, at(MONDAY, 13), working()).changes_at == at(MONDAY, 14)
    assert opening(week, at(MONDAY, 14), working()).is_open


def test_a_public_holiday_has_hours_of_its_own_or_none() -> None:
    off = working(off=(MONDAY,))
    assert opening(Week(WEEKDAYS, {}), at(MONDAY, 10), off).changes_at == at(date(2026, 11, 17), 9)
    assert opening(Week(WEEKDAYS | {HOLIDAY: [MORNING]}, {}), at(MONDAY, 10), off).changes_at == at(
        MONDAY, 12
    )


def test_a_worked_saturday_is_like_a_friday_unless_it_has_hours() -> None:
    saturday = date(2026, 11, 21)
    worked = working(saturday, on=(saturday,))
    assert opening(Week(WEEKDAYS, {}), at(saturday, 10), worked).is_open
    assert not opening(Week(WEEKDAYS | {5: [AFTERNOON]}, {}), at(saturday, 10), worked).is_open
    assert not opening(Week({0: [DAY]}, {}), at(saturday, 10), worked).is_open


def test_an_exception_stands_over_everything() -> None:
    closed, late = Week(WEEKDAYS, {MONDAY: []}), Week(WEEKDAYS, {MONDAY: [AFTERNOON]})
    assert not opening(closed, at(MONDAY, 10), working()).is_open
    assert opening(late, at(MONDAY, 10), working()).changes_at == at(MONDAY, 14)


def test_a_hall_without_hours_promises_nothing() -> None:
    assert opening(Week({}, {}), at(MONDAY, 10), working()).changes_at is None


def test_how_old_and_how_fresh() -> None:
    now = datetime(2026, 11, 18, tzinfo=UTC)
    assert age_days(now - timedelta(days=3, hours=23), now) == 3
    assert age_days(now + timedelta(days=1), now) == 0
    assert is_stale(now - timedelta(days=3), now, 3)
    assert not is_stale(now - timedelta(days=3) + timedelta(seconds=1), now, 3)
    assert queue_is_fresh(now - timedelta(minutes=30), now)
    assert not queue_is_fresh(now - timedelta(minutes=31), now)
    assert not queue_is_fresh(now + timedelta(minutes=1), now)
    assert not queue_is_fresh(None, now)


def test_the_standard_sums_to_a_hundred() -> None:
    assert sum(item.points for item in standard.ITEMS) == 100
    assert standard.score({}) == 0
    assert standard.score({item.code: True for item in standard.ITEMS}) == 100
    assert standard.score({"tariffs": True, "unknown": True}) == 15


def test_words() -> None:
    assert list(words.runs("查WiFi密码①")) == [("查", True), ("wifi", False), ("密码", True), ("1", False)]
    assert words.vector([("账单", "A"), ("it's", "D")]) == "'账单':1A '单':2A 'it':4D 's':5D"
    assert words.question("账单费 it") == "('账单' <-> '单费') & 'it':*"
    assert words.question("……") == ""
    assert words.kept("  Ａ  b ") == "a b"
    assert words.kept("138 0000-0001") == ""
    assert len(words.vector([("字" * 30_000, "A")])) < 5_000
