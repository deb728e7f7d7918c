"""System checks of this room (`manage.py check --deploy`; those that ask the database: `--database default`)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import Error, connection

from core import clock, heartbeats, workdays
from core.models import CalendarDay

_FROM_MONTH = 10  # the State Council publishes next year's holidays in October or November


@register(deploy=True)  # `check --deploy` and monitoring of it; not before the answer of every command
def next_year_is_known(**_: Any) -> Sequence[CheckMessage]:
    """core.W001: from October on, next year's holidays must be known to the package or entered by hand."""
    today = clock.local_date(clock.now())
    year = today.year + 1
    if today.month < _FROM_MONTH or workdays.knows_year(year) or _entered_by_hand(year):
        return []
    return [
        Warning(
            f"the holidays of {year} are not known: promises count weekends alone",
            hint="Upgrade the package chinesecalendar, or enter the year's exceptions as work calendar days.",
            id="core.W001",
        )
    ]


def _entered_by_hand(year: int) -> bool:
    try:
        return CalendarDay.objects.filter(day__range=(date(year, 1, 1), date(year, 12, 31))).exists()
    except (
        Error,
        RuntimeError,
    ):  # no database here, no tables yet, or a test that may not ask: then nothing is entered
        return False


@register(Tags.database)
def jobs_are_heard_of(databases: Sequence[str] | None = None, **_: Any) -> Sequence[CheckMessage]:
    """core.W002: every recurring job has finished within three of its intervals."""
    if not databases or "default" not in databases or not _has_tables():
        return []
    return [
        Warning(
            f"job {silence.job} has not finished since {silence.last_finished_at or 'the installation'}",
            hint=f"It should run every {silence.every}. Are the worker and the scheduler running?",
            id="core.W002",
        )
        for silence in heartbeats.silent(as_of=clock.now())
    ]


def _has_tables() -> bool:
    tables = connection.introspection.table_names()
    return "core_heartbeat" in tables and "django_migrations" in tables
