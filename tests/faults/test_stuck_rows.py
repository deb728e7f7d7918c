"""One bad row, or one account that somebody keeps locked, does not stop the payments of others."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.db import connections, transaction

from accounts import locks as account_locks
from accounts.models import BillingAccount
from billing import locks
from billing.models import CallbackState, GatewayCallback, PaymentState
from billing.services.payments import callbacks
from core.models import OutboxRow
from tests.billing import build
from tests.concurrency.races import stored
from tests.conftest import NOON
from tests.core.queue_rows import QUEUE, add


def work_until_killed(killer: OutboxRow, as_of: datetime) -> bool:
    """One turn of a worker: what it claims, it does; the killer ends it. False when nothing is due."""
    claimed = QUEUE.claim(limit=10, as_of=as_of)
    for row in claimed:
        if row.pk == killer.pk:
            break
        OutboxRow.objects.filter(pk=row.pk).update(state="DONE")
    return bool(claimed)


@pytest.mark.django_db
def test_the_neighbours_of_a_row_that_kills_workers_are_not_given_up_with_it(as_of: datetime) -> None:
    _, killer, *_ = rows = add(5, as_of=as_of)
    while work_until_killed(killer, as_of):
        as_of += QUEUE.lease
    states = dict(OutboxRow.objects.values_list("pk", "state"))
    assert states == {row.pk: "DEAD" if row.pk == killer.pk else "DONE" for row in rows}


@contextmanager
def kept_locked(account: BillingAccount) -> Iterator[None]:
    """Somebody's forgotten session holds the account's lock inside the block."""
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            account_locks.account(account.pk)
            held.set()
            enough.wait(30)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        yield
    finally:
        enough.set()
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_an_account_that_stays_locked_keeps_only_its_own_payments_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locks, "LONGEST_WAIT", "200ms")
    locked, free = build.payment(build.account()), build.payment(build.account())
    waiting, other = stored(locked), stored(free)
    with kept_locked(locked.account):
        for callback in callbacks.claim(as_of=NOON):
            callbacks.apply_claimed(callback, as_of=NOON)
        other.refresh_from_db()
        waiting.refresh_from_db()
    assert other.state == CallbackState.APPLIED
    assert (waiting.state, waiting.attempts, waiting.error) == (CallbackState.NEW, 1, "OperationalError")
    assert waiting.next_attempt_at == NOON + timedelta(seconds=5)
    assert build.work_off_callbacks() == 1
    locked.refresh_from_db()
    assert locked.state == PaymentState.SUCCEEDED
    assert GatewayCallback.objects.filter(state=CallbackState.APPLIED).count() == 2
    assert build.books_are_right()
