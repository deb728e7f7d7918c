import time
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from core import pokes
from core.models import OutboxRow
from core.queues import Depth
from tests.core.queue_rows import QUEUE, add
from tests.threads import together

SECOND = timedelta(seconds=1)


@pytest.mark.django_db(transaction=True)
def test_two_claimers_never_share_a_row(as_of: datetime) -> None:
    add(300, as_of=as_of)

    def take_all() -> list[int]:
        taken: list[int] = []
        while rows := QUEUE.claim(limit=7, as_of=as_of):
            taken += [row.pk for row in rows]
        return taken

    claimed = [pk for some in together(*[take_all] * 4) for pk in some]
    assert len(claimed) == 300
    assert len(set(claimed)) == 300


@pytest.mark.django_db(transaction=True)
def test_control_without_locks_claimers_do_share(as_of: datetime) -> None:
    """The race is real: reading first and marking later hands the same rows to several."""
    add(50, as_of=as_of)

    def take_all() -> list[int]:
        due = OutboxRow.objects.filter(state="PENDING", next_attempt_at__lte=as_of)
        pks = list(due.values_list("pk", flat=True))
        time.sleep(0.2)
        OutboxRow.objects.filter(pk__in=pks).update(next_attempt_at=as_of + QUEUE.lease)
        return pks

    claimed = [pk for some in together(*[take_all] * 3) for pk in some]
    assert len(claimed) > len(set(claimed))


@pytest.mark.django_db(transaction=True)
def test_rows_in_another_open_transaction_are_passed_over_at_once(as_of: datetime) -> None:
    first, second = add(2, as_of=as_of)
    with transaction.atomic():
        OutboxRow.objects.select_for_update().get(pk=first.pk)
        [rows] = together(lambda: QUEUE.claim(limit=10, as_of=as_of), seconds=5)
    assert [row.pk for row in rows] == [second.pk]


@pytest.mark.django_db
def test_a_claim_takes_no_more_than_asked_oldest_first(as_of: datetime) -> None:
    late = add(3, as_of=as_of)
    early = add(2, as_of=as_of, next_attempt_at=as_of - SECOND)
    assert {row.pk for row in QUEUE.claim(limit=2, as_of=as_of)} == {row.pk for row in early}
    assert len(QUEUE.claim(limit=2, as_of=as_of)) == 2
    assert len(QUEUE.claim(limit=2, as_of=as_of)) == 1
    assert len(late) == 3


@pytest.mark.django_db
def test_a_lease_brings_the_rows_of_a_killed_worker_back(as_of: datetime) -> None:
    add(1, as_of=as_of)
    [row] = QUEUE.claim(limit=1, as_of=as_of)
    assert (row.attempts, row.next_attempt_at) == (1, as_of + QUEUE.lease)
    assert QUEUE.claim(limit=1, as_of=as_of + QUEUE.lease - SECOND) == []
    [again] = QUEUE.claim(limit=1, as_of=as_of + QUEUE.lease)
    assert (again.pk, again.attempts) == (row.pk, 2)


@pytest.mark.django_db
def test_a_row_that_kills_its_worker_each_time_is_given_up(as_of: datetime) -> None:
    [row] = add(1, as_of=as_of)
    for attempt in range(QUEUE.max_attempts):
        assert len(QUEUE.claim(limit=1, as_of=as_of + attempt * QUEUE.lease)) == 1
    assert QUEUE.claim(limit=1, as_of=as_of + timedelta(hours=1)) == []
    row.refresh_from_db()
    assert (row.state, row.error, row.attempts) == ("DEAD", "worker lost", QUEUE.max_attempts)


@pytest.mark.django_db
def test_rows_to_give_up_do_not_hide_the_good_ones_behind_them(as_of: datetime) -> None:
    add(5, as_of=as_of, attempts=QUEUE.max_attempts, next_attempt_at=as_of - SECOND)
    [good] = add(1, as_of=as_of)
    assert [row.pk for row in QUEUE.claim(limit=2, as_of=as_of)] == [good.pk]
    assert OutboxRow.objects.filter(state="DEAD").count() == 5


@pytest.mark.django_db
def test_a_failed_row_backs_off_twice_as_long_each_time_and_is_then_given_up(as_of: datetime) -> None:
    [row] = add(1, as_of=as_of)
    waits = []
    for _ in range(QUEUE.max_attempts):
        [claimed] = QUEUE.claim(limit=1, as_of=as_of)
        QUEUE.failed(claimed, error="no answer" * 100, as_of=as_of)
        row.refresh_from_db()
        waits.append(row.next_attempt_at - as_of)
        as_of = row.next_attempt_at
    assert waits == [5 * SECOND, 10 * SECOND, 15 * SECOND]  # the third is cut at the longest
    assert (row.state, len(row.error)) == ("DEAD", 200)


@pytest.mark.django_db
def test_a_permanent_failure_is_given_up_at_once(as_of: datetime) -> None:
    [row] = add(1, as_of=as_of)
    [claimed] = QUEUE.claim(limit=1, as_of=as_of)
    QUEUE.failed(claimed, error="no such number", as_of=as_of, permanent=True)
    row.refresh_from_db()
    assert row.state == "DEAD"


@pytest.mark.django_db
def test_who_lost_the_lease_changes_nothing(as_of: datetime) -> None:
    [row] = add(1, as_of=as_of)
    [slow] = QUEUE.claim(limit=1, as_of=as_of)
    [other] = QUEUE.claim(limit=1, as_of=as_of + QUEUE.lease)
    QUEUE.failed(slow, error="late", as_of=as_of + QUEUE.lease, permanent=True)
    row.refresh_from_db()
    assert (row.state, row.error, row.next_attempt_at) == ("PENDING", "", other.next_attempt_at)


@pytest.mark.django_db
def test_finished_rows_are_not_claimed(as_of: datetime) -> None:
    add(1, as_of=as_of, state="DONE", finished_at=as_of)
    add(1, as_of=as_of, state="DEAD")
    add(1, as_of=as_of, next_attempt_at=as_of + SECOND)
    assert QUEUE.claim(limit=10, as_of=as_of) == []


@pytest.mark.django_db(transaction=True)
def test_the_queue_wakes_its_task_after_commit() -> None:
    pokes.speak_again()
    pokes.broker().delete(f"poke:{QUEUE.task}", QUEUE.celery_queue)
    with transaction.atomic():
        QUEUE.poke()
        assert pokes.broker().exists(f"poke:{QUEUE.task}") == 0
    assert pokes.flush(5)
    assert pokes.broker().exists(f"poke:{QUEUE.task}") == 1


@pytest.mark.django_db
def test_the_depth_counts_waiting_due_and_given_up(as_of: datetime) -> None:
    assert QUEUE.depth(as_of=as_of) == Depth(0, timedelta(0), 0)
    add(2, as_of=as_of, next_attempt_at=as_of - 90 * SECOND)
    add(1, as_of=as_of, next_attempt_at=as_of + SECOND)
    add(4, as_of=as_of, state="DEAD")
    assert QUEUE.depth(as_of=as_of) == Depth(3, 90 * SECOND, 4)
