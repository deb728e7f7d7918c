from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q, QuerySet, Value
from django.test.utils import CaptureQueriesContext

from core.models import CalendarDay, Heartbeat
from core.prepared import Prepared, each_exists

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def _built(name: str, day: datetime) -> "QuerySet[Heartbeat]":
    _calls.append(name)
    found = Heartbeat.objects.filter(Q(job=name) | Q(job="always"), last_started_at__lte=day)
    return found.annotate(place=Value(7)).order_by("job")


_calls: list[str] = []


def _jobs(*names: str) -> None:
    for name in names:
        defaults = {"last_started_at": NOON, "expected_every_seconds": 60}
        Heartbeat.objects.update_or_create(job=name, defaults=defaults)


def test_rows_are_those_of_the_queryset() -> None:
    _jobs("always", "one", "two")
    read = Prepared(_built, name=str, day=datetime)
    for name in ("one", "two", "none"):
        expected = list(_built(name, NOON))
        assert read.rows(name=name, day=NOON) == expected
        assert [row.__dict__.keys() for row in read.rows(name=name, day=NOON)] == [
            row.__dict__.keys() for row in expected
        ]
        assert [row.place for row in read.rows(name=name, day=NOON)] == [7] * len(expected)  # type: ignore[attr-defined]  # annotated


def test_the_queryset_is_built_once() -> None:
    read = Prepared(_built, name=str, day=datetime)
    read.rows(name="one", day=NOON)
    built = len(_calls)
    with CaptureQueriesContext(connection) as asked:
        read.rows(name="two", day=NOON)
    assert len(asked) == 1
    assert len(_calls) == built


def test_exists_and_first() -> None:
    _jobs("one")
    read = Prepared(_built, name=str, day=datetime)
    assert read.exists(name="one", day=NOON)
    assert not read.exists(name="two", day=NOON)
    assert not read.exists(name="one", day=datetime(2026, 11, 1, tzinfo=UTC))
    first = read.first(name="one", day=NOON)
    assert first is not None
    assert first.job == "one"
    assert read.first(name="two", day=NOON) is None


def test_several_are_asked_in_one_statement() -> None:
    _jobs("one")
    read = Prepared(_built, name=str, day=datetime)
    with CaptureQueriesContext(connection) as asked:
        found = each_exists((read, {"name": "one", "day": NOON}), (read, {"name": "two", "day": NOON}))
    assert found == [True, False]
    assert len(asked) == 1


def test_dates_are_values_too() -> None:
    day = CalendarDay.objects.create(day=date(2031, 1, 2), is_working=True, note="x")
    read = Prepared(lambda on: CalendarDay.objects.filter(day=on), on=date)
    assert read.rows(on=date(2031, 1, 2)) == [day]
    assert read.rows(on=date(2031, 1, 3)) == []


def test_a_value_that_the_sql_does_not_hold_is_a_mistake() -> None:
    read: Prepared[Any] = Prepared(
        lambda name, other: Heartbeat.objects.filter(job=name), name=str, other=str
    )
    with pytest.raises(ValueError, match="does not hold other"):
        read.rows(name="one", other="two")


def test_a_value_that_is_not_given_is_a_mistake() -> None:
    read = Prepared(_built, name=str, day=datetime)
    with pytest.raises(KeyError):
        read.rows(name="one")
