"""Many workers on one queue: each row is done by one of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest

from billing.models import CallbackState, GatewayCallback, Payment, PaymentHistory, PaymentState, Receipt
from billing.services.payments import callbacks, settling
from core import outbox
from core.models import OutboxRow
from notices.models import Delivery, Message
from operations.models import Slip, SlipHistory, SlipState
from tests.billing import build
from tests.concurrency.races import Meeting, slip_under_way, stored
from tests.conftest import NOON
from tests.threads import together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("alipay_keys")]
CLAIMERS = 8
ROWS = 500


def waiting(count: int) -> None:
    row = stored(build.payment(build.account()))
    copies = [
        GatewayCallback(
            **{
                field.attname: getattr(row, field.attname)
                for field in GatewayCallback._meta.concrete_fields
                if not field.primary_key
            }
        )
        for _ in range(count - 1)
    ]
    GatewayCallback.objects.bulk_create(copies)


def claim_all() -> list[int]:
    taken: list[int] = []
    while rows := callbacks.claim(as_of=NOON, limit=20):
        taken += [row.pk for row in rows]
    return taken


def test_eight_claimers_get_each_of_five_hundred_rows_once() -> None:
    waiting(ROWS)
    claimed = [pk for taken in together(*[claim_all] * CLAIMERS) for pk in taken]
    assert sorted(claimed) == sorted(GatewayCallback.objects.values_list("pk", flat=True))
    assert len(claimed) == ROWS
    assert set(GatewayCallback.objects.values_list("attempts", flat=True)) == {1}


def test_control_claimers_that_read_before_they_mark_get_the_same_rows() -> None:
    waiting(ROWS)
    meeting = Meeting(CLAIMERS)

    def naive() -> list[int]:
        due = GatewayCallback.objects.filter(state=CallbackState.NEW, next_attempt_at__lte=NOON)
        pks = list(due.values_list("pk", flat=True)[:20])
        meeting.wait()
        GatewayCallback.objects.filter(pk__in=pks).update(next_attempt_at=NOON + callbacks.QUEUE.lease)
        return pks

    claimed = [pk for taken in together(*[naive] * CLAIMERS) for pk in taken]
    assert len(claimed) > len(set(claimed))


def work_off() -> int:
    return build.work_off_callbacks(limit=5)


def test_workers_side_by_side_apply_each_callback_once() -> None:
    given = [build.payment(build.account()) for _ in range(40)]
    rows = [stored(payment) for payment in given for _ in range(2)]
    assert sum(together(*[work_off] * 4)) == len(rows)
    assert Receipt.objects.count() == len(given)
    assert set(Payment.objects.values_list("state", flat=True)) == {PaymentState.SUCCEEDED}
    assert PaymentHistory.objects.filter(to_state=PaymentState.SUCCEEDED).count() == len(given)
    assert set(GatewayCallback.objects.values_list("state", "attempts")) == {(CallbackState.APPLIED, 1)}
    assert build.books_are_right()


TOLD = ("arrears.paid", "billing.finish_slip", "billing.tell_payer")  # who hears of a payment


def news(count: int) -> None:
    """Payments that have just succeeded, each with a slip under way and a payer to tell."""
    for _ in range(count):
        user = build.user()
        payment = build.payment(build.account(user))
        slip_under_way(payment, user)
        build.apply(payment, build.report(payment))


def dispatch_all() -> int:
    total = 0
    while taken := outbox.dispatch(as_of=NOON, limit=7):
        total += taken
    return total


def test_two_dispatchers_carry_out_each_piece_of_news_once() -> None:
    news(20)
    assert sum(together(dispatch_all, dispatch_all)) == 20 * len(TOLD)
    assert set(OutboxRow.objects.values_list("state", "attempts")) == {("DONE", 0)}
    assert set(Slip.objects.values_list("state", flat=True)) == {SlipState.DONE}
    assert SlipHistory.objects.filter(to_state=SlipState.DONE).count() == 20
    assert (Message.objects.count(), Delivery.objects.count()) == (20, 20)


def test_control_dispatchers_without_row_locks_carry_news_out_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are counted, not effects: the consumers defend themselves, the second finds the slip ended."""
    news(1)
    meeting = Meeting(2)
    handled: list[str] = []

    def counted(entry: outbox.Consumer) -> Callable[..., None]:
        def handle(event: outbox.Event, *, as_of: datetime) -> None:
            handled.append(entry.name)
            meeting.wait()
            entry.handle(event, as_of=as_of)

        return handle

    for name, entry in list(outbox._by_name.items()):
        monkeypatch.setitem(outbox._by_name, name, replace(entry, handle=counted(entry)))
    monkeypatch.setattr(outbox, "_DUE", outbox._DUE.replace("FOR UPDATE SKIP LOCKED", ""))
    together(*[partial(outbox.dispatch, as_of=NOON)] * 2)
    assert sorted(handled) == sorted([*TOLD, *TOLD])
    assert SlipHistory.objects.filter(to_state=SlipState.DONE).count() == 1
    assert Message.objects.count() == 1


def test_undecided_payments_are_asked_about_by_one_worker_each() -> None:
    given = [build.payment(build.account()) for _ in range(24)]
    Payment.objects.update(next_query_at=NOON)
    asked = together(*[partial(settling.settle_due, as_of=NOON, limit=4)] * 4)
    assert max(asked) == 4
    assert sum(asked) == Payment.objects.filter(queries=1).count() == 16
    assert settling.settle_due(as_of=NOON) == len(given) - 16
    assert set(Payment.objects.values_list("queries", flat=True)) == {1}
