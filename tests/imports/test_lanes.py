import threading
from collections.abc import Sequence

import pytest
from django.db import connection, transaction

from core.imports import staging
from core.imports.errors import ImportRunning
from core.imports.lanes import Lanes
from core.imports.records import Record
from tests.imports import build

pytestmark = pytest.mark.django_db(transaction=True)
RECORDS = build.records([(n, f"{n % 7}") for n in range(70)])


def backend(records: Sequence[Record]) -> tuple[int, set[object], int]:
    """Which connection did it, the second values it saw, and how many records."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return pid, {record.values[1] for record in records}, len(records)


def test_records_that_belong_together_go_to_one_connection() -> None:
    prepared: list[int] = []
    with Lanes[tuple[int, set[object], int]](
        3, place=1, prepare=lambda: prepared.append(backend([])[0])
    ) as lanes:
        for _ in range(2):
            shares = lanes.map(backend, RECORDS)
            pids, values, counts = zip(*shares, strict=True)
            assert list(pids) == prepared
            assert sum(counts) == 70
            assert sum(len(seen) for seen in values) == 7
    assert len(set(prepared)) == 3


def test_one_lane_inside_a_transaction_and_where_nothing_may_be_parted() -> None:
    with transaction.atomic(), Lanes[int](3, place=1, prepare=lambda: None) as lanes:
        assert lanes.map(len, RECORDS) == [70]
    with Lanes[int](3, place=None, prepare=lambda: None) as lanes:
        assert lanes.map(len, RECORDS) == [70]


@pytest.mark.parametrize("bad", ["0", "1", "2", "3"])
def test_an_error_in_any_lane_is_raised_when_all_are_idle(bad: str) -> None:
    ended: list[int] = []

    def work(records: Sequence[Record]) -> int:
        ended.append(len(records))
        if any(record.values[1] == bad for record in records):
            raise ZeroDivisionError
        return len(records)

    with Lanes[int](3, place=1, prepare=lambda: None) as lanes:
        with pytest.raises(ZeroDivisionError):
            lanes.map(work, RECORDS)
        assert len(ended) == 3
        assert sum(lanes.map(len, RECORDS)) == 70


def test_an_import_waits_for_another_of_the_same_thing_until_it_is_told_to_stop() -> None:
    inside, done = threading.Event(), threading.Event()

    def other() -> None:
        with staging.alone("bills:x"):
            inside.set()
            done.wait(10)
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)
    with pytest.raises(ImportRunning), staging.alone("bills:x", give_up=lambda: True):
        pass
    with staging.alone("bills:y"):
        pass
    done.set()
    with staging.alone("bills:x"):
        pass
    thread.join()
