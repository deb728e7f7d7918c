"""Members of one account who start to pay at the same moment, and slips that meet the end of their payment."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from accounts.models import BillingAccount, Membership, User
from billing.models import Payment, PaymentState
from billing.selectors import payments as payment_reads
from billing.services.payments import payments
from core import clock, outbox
from operations.context import Context
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from tests.billing import build
from tests.concurrency.races import Meeting, caught, one_behind_the_other, slip_under_way, without_locks
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


def start(account: BillingAccount, cents: int) -> Payment:
    return payments.start(
        account_id=account.pk,
        amount_cents=cents,
        gateway="alipay",
        payer_id=None,
        as_of=NOON,
        actor=build.ACTOR,
    )


def submit(user: User, account: BillingAccount, cents: int, key: str) -> Slip:
    """The whole way that a page goes: quote, then submit with that quote."""
    ctx = Context(user=user, channel=Channel.WEB, as_of=NOON)
    raw = {"account": account.number, "amount": f"{cents / 100:.2f}", "gateway": "alipay"}
    quoted = slips.quote(operation="bill.pay", ctx=ctx, raw=raw)
    return slips.submit(
        operation="bill.pay",
        ctx=ctx,
        raw=raw,
        quote_digest=quoted.digest,
        confirmation={"agreed": "yes"},
        idempotency_key=key,
    )


def family() -> tuple[BillingAccount, list[User]]:
    """An account with a bill and two who may pay it."""
    owner, payer = build.user(), build.user()
    account = build.account(owner)
    Membership.objects.create(user=payer, account=account, role=Membership.Role.PAYER, created_at=NOON)
    build.bill(account)
    return account, [owner, payer]


def test_the_same_payment_started_by_many_at_once_is_one() -> None:
    account = build.account()
    started = together(*[partial(start, account, 2600)] * 6)
    assert len({payment.pk for payment in started}) == 1
    assert Payment.objects.count() == 1


def test_different_payments_at_once_are_one_and_refusals() -> None:
    account = build.account()
    outcomes = together(*[caught(partial(start, account, 100 * n)) for n in range(1, 7)])
    [payment] = [outcome for outcome in outcomes if isinstance(outcome, Payment)]
    refused = [outcome for outcome in outcomes if not isinstance(outcome, Payment)]
    assert {(type(error), error.params["reference"]) for error in refused} == {
        (payments.PaymentInProgress, payment.reference)
    }
    assert Payment.objects.get() == payment


def test_control_without_the_lock_two_payments_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    account = build.account()
    without_locks(monkeypatch, parties=2)
    meeting, look = Meeting(2), payment_reads.in_the_way
    # Both have looked for another payment before either writes its own.
    monkeypatch.setattr(payment_reads, "in_the_way", meeting.after(lambda **which: list(look(**which))))
    together(partial(start, account, 100), partial(start, account, 200))
    assert Payment.objects.filter(account=account, state=PaymentState.CREATED).count() == 2


def test_two_members_who_pay_at_once_leave_one_payment_and_two_slips() -> None:
    account, members = family()
    calls: list[Any] = [
        caught(partial(submit, user, account, cents, f"key-{cents}-of-this-test"))
        for user, cents in zip(members, (2600, 1000), strict=True)
    ]
    outcomes = together(*calls)
    assert Payment.objects.count() == 1
    assert sorted(Slip.objects.values_list("state", "refusal_code")) == [
        (SlipState.IN_PROGRESS, ""),
        (SlipState.REFUSED, "PAYMENT_IN_PROGRESS"),
    ]
    assert sorted(type(outcome) is Slip for outcome in outcomes) == [False, True]


def test_a_slip_that_continues_a_payment_while_that_is_closed_ends_too() -> None:
    """The second slip is written while the payment is closed: the news of the end must come after it."""
    account, (owner, payer) = family()
    submit(owner, account, 2600, "key-of-the-first-member")
    payment = Payment.objects.get()

    def continue_it() -> Payment:
        # What the second member's submit does: it joins the payment, and his slip is committed with that.
        joined = start(account, 2600)
        slip_under_way(joined, payer)
        return joined

    def close_it() -> int:
        payments.closed(payment_id=payment.pk, as_of=NOON, actor=build.ACTOR, reason="test")
        return outbox.dispatch(as_of=clock.now())

    one_behind_the_other(continue_it, close_it)
    outbox.dispatch(as_of=clock.now() + timedelta(days=1))
    assert list(Slip.objects.values_list("state", flat=True)) == [SlipState.CANCELLED, SlipState.CANCELLED]
