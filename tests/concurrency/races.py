"""What races need: work that is due, a meeting point in the middle of it, and the locks taken away for the controls."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from accounts import locks as account_locks
from accounts.models import BillingAccount, User
from billing import locks
from billing.gateways.base import Report
from billing.models import GatewayCallback, Payment
from billing.services.payments import reports
from operations.models import Channel, Slip, SlipState
from tests.billing import build
from tests.conftest import NOON
from tests.threads import together

_SECONDS = 10


def stored(payment: Payment, report: Report | None = None) -> GatewayCallback:
    """An accepted callback that waits for a worker; by default it says that the payment was paid."""
    return GatewayCallback.objects.create(
        gateway=payment.gateway,
        reference=payment.reference,
        payment=payment,
        report=reports.dump(report or build.report(payment)),
        verdict="OK",
        body=b"",
        received_at=NOON,
        next_attempt_at=NOON,
    )


def slip_under_way(payment: Payment, user: User) -> Slip:
    """The slip of a customer who has been sent to the cashier with this payment."""
    slip = Slip.objects.create(
        number=f"S{payment.pk}U{user.pk}",
        operation="bill.pay",
        operation_version=1,
        channel=Channel.WEB,
        actor=user,
        idempotency_key=f"key-of-{payment.pk}-{user.pk}",
        subject_kind="payment",
        subject_id=payment.reference,
        started_at=NOON,
    )
    for state in (SlipState.QUOTED, SlipState.CONFIRMED, SlipState.IN_PROGRESS):
        Slip.objects.filter(pk=slip.pk).update(state=state)
    return slip


class Meeting:
    """All parties stop here until the last has come; each party only the first time it passes."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties)
        self._passed: set[int] = set()

    def wait(self) -> None:
        me = threading.get_ident()
        if me not in self._passed:
            self._passed.add(me)
            self._barrier.wait(_SECONDS)

    def after(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, whose callers meet before its result is given back."""

        def met(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            self.wait()
            return result

        return met


def without_locks(monkeypatch: pytest.MonkeyPatch, *, parties: int) -> None:
    """Money is moved without the locks of account and payment: all have read the payment before one writes."""
    meeting = Meeting(parties)

    def unlocked(payment_id: int) -> tuple[Payment, str]:
        payment = Payment.objects.select_related("account").get(pk=payment_id)
        return payment, payment.account.number

    monkeypatch.setattr(locks, "payment_with_account", meeting.after(unlocked))
    monkeypatch.setattr(locks, "payment", meeting.after(lambda pk: Payment.objects.get(pk=pk)))
    monkeypatch.setattr(account_locks, "account", lambda pk: BillingAccount.objects.get(pk=pk))
    monkeypatch.setattr(account_locks, "hold", lambda pk: None)


def caught(call: Callable[[], Any]) -> Callable[[], Any]:
    """The call, whose exception is its result."""

    def run() -> Any:
        try:
            return call()
        except Exception as error:
            return error

    return run


def one_behind_the_other(first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    """Both results. `second` begins when `first` has written; `first` commits when `second` waits for it or is done."""
    written, done = threading.Event(), threading.Event()

    def leading() -> Any:
        with transaction.atomic():
            result = first()
            written.set()
            _wait_for(lambda: done.is_set() or _somebody_waits_for_me())
        return result

    def following() -> Any:
        assert written.wait(_SECONDS)
        try:
            return second()
        finally:
            done.set()

    return together(leading, following)


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the other party never came"
        time.sleep(0.005)


def _somebody_waits_for_me() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])
