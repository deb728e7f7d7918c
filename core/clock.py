"""The one clock. Only edges (views, tasks, commands) ask it; the domain is handed `as_of`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
_stopped_at: ContextVar[datetime | None] = ContextVar("clock_stopped_at", default=None)


def now() -> datetime:
    """The present instant, aware, in UTC; or the instant at which `stopped` holds the clock."""
    return _stopped_at.get() or datetime.now(UTC)


def local_date(at: datetime) -> date:
    """The calendar day of an instant where the customers live (Asia/Shanghai)."""
    return at.astimezone(SHANGHAI).date()


@contextmanager
def stopped(at: datetime) -> Iterator[None]:
    """Hold the clock at `at` inside the block (stories in tests)."""
    if at.tzinfo is None:
        raise ValueError("the clock needs an aware datetime")
    token = _stopped_at.set(at)
    try:
        yield
    finally:
        _stopped_at.reset(token)
