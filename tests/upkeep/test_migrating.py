"""A migration that meets a long transaction gives up quickly, and the pages answer meanwhile."""

import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection
from django.test import Client

from core.models import CalendarDay
from hall.upkeep import migrating
from hall.upkeep.migrating import Limits
from hall.upkeep.tools import UpkeepError
from tests.core.sql import session

pytestmark = pytest.mark.django_db(transaction=True)
SHORT = Limits(lock_seconds=1, statement_seconds=2, tries=2)


@contextmanager
def long_report(table: str) -> Iterator[None]:
    """Somebody reads this table in a transaction that does not end."""
    with session() as reader:
        reader.run(f"SELECT count(*) FROM {table}")
        yield


def widen() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_calendarday ADD COLUMN toy integer")


def patiently(work: Any = widen, limits: Limits = SHORT) -> list[str]:
    said: list[str] = []
    with migrating._limited(limits):
        migrating.patiently(work, limits=limits, say=said.append, pause=0.1)
    return said


@pytest.fixture(autouse=True)
def narrow() -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_calendarday DROP COLUMN IF EXISTS toy")
        cursor.execute("DROP INDEX IF EXISTS toy_index")


def has_column() -> bool:
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, "core_calendarday")
    return "toy" in {column.name for column in columns}


def test_nobody_in_the_way() -> None:
    assert patiently() == []
    assert has_column()


def test_a_blocked_migration_gives_up_and_says_who_is_in_the_way() -> None:
    with long_report("core_calendarday"):
        started = time.monotonic()
        with pytest.raises(UpkeepError, match="given up, and undone"):
            patiently()
        assert time.monotonic() - started < 6
    assert not has_column()


def test_readers_wait_no_longer_than_one_lock_wait() -> None:
    connection.ensure_connection()  # one that is opened meanwhile would have the migration's own limits
    with long_report("core_calendarday"), ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(_in_its_own_session, lambda: pytest.raises(UpkeepError, patiently))
        longest = 0.0
        while not blocked.done():
            started = time.monotonic()
            CalendarDay.objects.count()
            assert Client().get("/readyz").status_code in (200, 503)
            longest = max(longest, time.monotonic() - started)
            time.sleep(0.02)
        blocked.result()
    assert 0.1 < longest < SHORT.lock_seconds + 1.5  # it did wait once, and not for the whole time


def _in_its_own_session(work: Any) -> Any:
    try:
        return work()
    finally:
        connection.close()


def test_it_is_done_when_the_way_is_free() -> None:
    report = long_report("core_calendarday")
    report.__enter__()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_in_its_own_session, lambda: patiently(limits=Limits(1, 2, 20)))
        time.sleep(1.5)
        report.__exit__(None, None, None)
        said = waiting.result(30)
    assert said
    assert "no lock within 1 s (try 1 of 20)" in said[0]
    assert "oldest transactions: process" in said[0]
    assert has_column()


def test_a_statement_that_runs_too_long_is_not_tried_again() -> None:
    def slow() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(10)")

    with pytest.raises(UpkeepError, match="ran for more than 2 s"):
        patiently(slow)


def test_another_mistake_goes_through() -> None:
    def wrong() -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE no_such_table ADD COLUMN x int")

    with pytest.raises(ProgrammingError):
        patiently(wrong)


def test_a_half_made_index_does_not_stand_in_the_way() -> None:
    def index() -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX CONCURRENTLY toy_index ON core_calendarday (note)")

    with session() as writer:
        writer.run("INSERT INTO core_calendarday (day, is_working, note) VALUES ('2026-12-24', true, '')")
        with pytest.raises(UpkeepError):
            patiently(index)
    assert patiently(index) == []


def test_the_limits_end_with_the_command() -> None:
    patiently()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone()[0] == "0"


def test_the_command_with_nothing_to_do() -> None:
    out = io.StringIO()
    call_command("migrate_safely", stdout=out)
    assert "0 migrations" in out.getvalue()
    call_command("migrate_safely", "--dry-run", stdout=out)


def test_two_at_once_are_refused() -> None:
    with session() as other:
        other.run("SELECT pg_advisory_lock(hashtext('hall.migrate'))")
        with pytest.raises(CommandError, match="another migration is running"):
            call_command("migrate_safely")
