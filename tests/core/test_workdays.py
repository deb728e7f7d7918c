from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import workdays
from core.clock import SHANGHAI
from core.models import CalendarDay

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def at(month: int, day: int, hour: int, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 11, 20), True),  # a Friday
        (date(2026, 11, 21), False),  # a Saturday
        (date(2026, 10, 1), False),  # National Day
        (date(2026, 10, 10), True),  # a Saturday that makes up for it
        (date(2026, 2, 17), False),  # Spring Festival, a Tuesday
        (date(2025, 1, 26), True),  # a Sunday that makes up for it
    ],
)
def test_the_national_calendar(day: date, working: bool) -> None:
    assert workdays.is_working_day(day) is working


def test_the_operators_own_calendar_outranks_it() -> None:
    CalendarDay.objects.create(day=date(2026, 11, 21), is_working=True, note="系统割接")
    CalendarDay.objects.create(day=date(2026, 11, 20), is_working=False)
    assert workdays.is_working_day(date(2026, 11, 21)) is True
    assert workdays.is_working_day(date(2026, 11, 20)) is False


def test_in_an_unknown_year_weekends_alone_count_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    workdays._warn_once.cache_clear()
    assert workdays.knows_year(2999) is False
    assert workdays.is_working_day(date(2999, 10, 1)) is True  # a Tuesday
    assert workdays.is_working_day(date(2999, 10, 5)) is False  # a Saturday
    warnings = [record for record in caplog.records if record.name == "core.workdays"]
    assert [(record.levelname, vars(record)["year"]) for record in warnings] == [("WARNING", 2999)]
    CalendarDay.objects.create(day=date(2999, 10, 1), is_working=False)
    assert workdays.is_working_day(date(2999, 10, 1)) is False


@pytest.mark.parametrize(
    ("day", "n", "then"),
    [
        (date(2026, 11, 20), 1, date(2026, 11, 23)),
        (date(2026, 11, 21), 1, date(2026, 11, 23)),
        (date(2026, 11, 18), 5, date(2026, 11, 25)),
        (date(2026, 9, 30), 1, date(2026, 10, 8)),  # over the National Day week
        (date(2026, 10, 9), 1, date(2026, 10, 10)),  # on to the working Saturday
        (date(2026, 10, 8), -1, date(2026, 9, 30)),
        (date(2026, 11, 20), 0, date(2026, 11, 20)),
        (date(2026, 11, 21), 0, date(2026, 11, 23)),
    ],
)
def test_counting_working_days(day: date, n: int, then: date) -> None:
    assert workdays.add_working_days(day, n) == then


@given(st.dates(date(2020, 1, 1), date(2026, 6, 30)), st.integers(1, 60))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_there_are_exactly_n_working_days_in_between(day: date, n: int) -> None:
    then = workdays.add_working_days(day, n)
    between = [day + timedelta(days=i) for i in range(1, (then - day).days + 1)]
    assert sum(map(workdays.is_working_day, between)) == n
    assert workdays.is_working_day(then)


def test_ten_years_of_working_days_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="ten years"):
        workdays.add_working_days(date(2026, 1, 1), 10_000)


@pytest.mark.parametrize(
    ("start", "hours", "promised"),
    [
        (at(11, 18, 10), 2, at(11, 18, 12)),
        (at(11, 18, 17), 2, at(11, 19, 10)),
        (at(11, 18, 3), 1, at(11, 18, 10)),  # before opening
        (at(11, 18, 22), 1, at(11, 19, 10)),  # after closing
        (at(11, 20, 17), 2, at(11, 23, 10)),  # over a weekend
        (at(11, 18, 9), 9, at(11, 18, 18)),  # the whole day, up to closing
        (at(11, 18, 9), 18, at(11, 19, 18)),
        (at(9, 30, 17, 30), 1, at(10, 8, 9, 30)),  # over the National Day week
        (at(11, 21, 12), 0, at(11, 23, 9)),
    ],
)
def test_promises_count_working_hours_only(start: datetime, hours: int, promised: datetime) -> None:
    assert workdays.promised_at(start, hours * HOUR) == promised


def test_a_promise_may_use_other_hours_than_the_office() -> None:
    late = workdays.promised_at(at(11, 18, 21), 2 * HOUR, opens=time(8), closes=time(22))
    assert late == at(11, 19, 9)


def test_hours_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="opens"):
        workdays.promised_at(at(11, 18, 10), HOUR, opens=time(18), closes=time(9))
    with pytest.raises(ValueError, match="negative"):
        workdays.promised_at(at(11, 18, 10), -HOUR)


def test_the_overrides_of_months_are_read_in_few_queries(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(3):
        workdays.add_working_days(date(2026, 1, 5), 90)
