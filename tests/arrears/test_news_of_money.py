"""Whatever makes what an account owes smaller or larger is heard of at once, by whatever way it comes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Max

from accounts.models import BillingAccount
from arrears.services import write_offs
from billing.gateways.base import ReportStatus
from billing.models import Bill, Dispute, DisputeCause, DisputeState, EntryKind, LedgerEntry, Payment, Receipt
from billing.models.payments import PaymentPurpose
from billing.services.bills import adjustments, disputes, lowering
from billing.services.bulk import bulk_receipts
from billing.services.money import reviews, suspense
from billing.services.payments import payments
from billing.services.refunds import refunds
from catalog.models import Subscription
from core import approvals, outbox
from core.actor import Actor
from core.models import OutboxRow
from tests.admin.build import staff_with
from tests.arrears import build
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money
from tests.billing import refunds_build, till

pytestmark = pytest.mark.django_db
DAY = after(36)
AT = noon(DAY)
HOW: Any = {"actor": ACTOR, "as_of": AT}
MUCH = 5000  # more than the bill with its penalty


def news() -> None:
    while outbox.dispatch(as_of=AT + timedelta(seconds=1)):
        pass


@pytest.fixture
def suspended() -> tuple[BillingAccount, Subscription, Bill]:
    account = build.account()
    row = build.line(account)
    bill = build.bill(account)
    build.days(account, after(-3), after(35))
    assert build.is_off(row)
    news()
    return account, row, bill


def report(of: Payment, **changes: Any) -> Any:
    return money.report(of, paid_at=AT, occurred_at=AT, **changes)


def apply(of: Payment, **changes: Any) -> Any:
    return suspense.apply(report=report(of, **changes), **HOW)


def payment(bill: Bill) -> None:
    apply(money.payment(bill.account, MUCH, as_of=AT))


def top_up(bill: Bill) -> None:
    started = payments.start(
        account_id=bill.account_id, amount_cents=MUCH, gateway="alipay", payer_id=None, purpose=PaymentPurpose.TOPUP,
        **HOW,
    )  # fmt: skip
    apply(payments.sent_to_cashier(payment_id=started.pk, **HOW))


def late_payment(bill: Bill) -> None:
    """Its order had been closed: somebody will look at it, and the money is there."""
    started = money.payment(bill.account, MUCH, as_of=AT)
    apply(started, status=ReportStatus.CLOSED)
    apply(started)


def paid_twice(bill: Bill) -> None:
    started = money.payment(bill.account, 1600, as_of=AT)
    apply(started)
    apply(started, trade_no="another")


def another_amount(bill: Bill) -> None:
    apply(money.payment(bill.account, 1, as_of=AT), amount_cents=MUCH)


def moved_here(bill: Bill) -> None:
    apply(money.payment(money.account(), MUCH, as_of=AT), reference="nobody's", trade_no="T-x")
    found = Receipt.objects.get(trade_no="T-x")
    reviews.transfer(
        receipt_id=found.pk, cents=MUCH, to_number=bill.account.number, reason="查实", **HOW
    )  # fmt: skip


def at_the_counter(bill: Bill) -> None:
    till.receive(till.make_clerk(), bill.account, MUCH, as_of=AT)


def imported(bill: Bill) -> None:
    rows = [bulk_receipts.Incoming(bill.account_id, "T1", MUCH, AT.isoformat())]
    bulk_receipts.create_stages()
    bulk_receipts.write(rows, gateway="import:x", as_of=AT)


def opening_balance(bill: Bill) -> None:
    opening = [(bill.account.number, MUCH)]
    bulk_receipts.book_opening(opening, source="x", paid_at=AT.isoformat(), as_of=AT)


def adjusted(bill: Bill) -> None:
    adjustments.adjust(bill_id=bill.pk, amount_cents=2600, reason="多计", **HOW)


def taken_back(bill: Bill) -> None:
    lowering.lower(bill_id=bill.pk, amount_cents=2600, reason="撤销", **HOW)


def written_off(bill: Bill) -> None:
    clerk = Actor.user(staff_with("arrears.add_writeoff", username="clerk"))
    boss = Actor.user(staff_with("arrears.approve_writeoff", username="boss"))
    asked = write_offs.ask(
        bill_id=bill.pk, amount_cents=2600, reason="查无此人", actor=clerk, as_of=AT
    ).approval
    assert asked is not None
    approvals.decide(approval_id=asked.pk, approve=True, actor=boss, reason="属实", as_of=AT)


def disputed(bill: Bill) -> None:
    disputes.begin(
        bill_id=bill.pk, cause=DisputeCause.AMOUNT, text="不对", raised_by_id=money.user().pk, **HOW
    )


SMALLER = [
    payment, top_up, late_payment, paid_twice, another_amount, moved_here, at_the_counter, imported,
    opening_balance, adjusted, taken_back, written_off, disputed,
]  # fmt: skip


def heard(account: BillingAccount, since: int) -> set[str]:
    """The handlers of this room for which there is news of the account."""
    rows = OutboxRow.objects.filter(consumer__startswith="arrears.", pk__gt=since)
    return {
        row.consumer
        for row in rows
        if account.pk in (row.payload.get("account_id"), *row.payload.get("account_ids", ()))
    }


def last() -> int:
    return OutboxRow.objects.aggregate(last=Max("pk"))["last"] or 0


@pytest.mark.parametrize("happens", SMALLER)
def test_service_is_back_with_the_news_of_whatever_leaves_nothing_owed(
    suspended: tuple[BillingAccount, Subscription, Bill], happens: Callable[[Bill], None]
) -> None:
    account, row, bill = suspended
    since = last()
    happens(bill)
    assert heard(account, since)
    news()
    assert not build.is_off(row)
    assert build.stage(account) == "NONE"


def _credit(account: BillingAccount) -> Receipt:
    """Money that pays nothing by itself, for it is under review."""
    started = money.payment(account, 1000, as_of=AT)
    apply(started, status=ReportStatus.CLOSED)
    apply(started)
    return Receipt.objects.get(payment=started)


def refunded(account: BillingAccount) -> None:
    row = refunds_build.approved(_credit(account), 500, as_of=AT)
    refunds.paid_by_hand(request_id=row.pk, evidence="转账 1", **HOW)


def refunded_by_the_gateway(account: BillingAccount) -> None:
    receipt = _credit(account)
    assert receipt.payment is not None
    told = refunds_build.told(receipt.payment, ("RF1", 500), total=500, paid_at=AT, occurred_at=AT)
    suspense.apply(report=told, **HOW)


def moved_away(account: BillingAccount) -> None:
    reviews.transfer(
        receipt_id=_credit(account).pk, cents=1000, to_number=money.account().number, reason="查实", **HOW
    )  # fmt: skip


def reversed_at_the_counter(account: BillingAccount) -> None:
    clerk = till.make_clerk()
    piece = till.taken(clerk, account, 1000, as_of=AT)
    approvals.submit(
        kind="billing.counter_reversal", subject=("billing.CounterMoney", piece.pk), amount_cents=1000, data={},
        reason="户号录错", actor=Actor.user(clerk), as_of=AT,
    )  # fmt: skip


def answered(account: BillingAccount) -> None:
    disputed(Bill.objects.get(account=account))
    asked = Dispute.objects.get()
    disputes.close(dispute_id=asked.pk, state=DisputeState.REJECTED, answer="无误", **HOW)


LARGER: list[tuple[Callable[[BillingAccount], None], str]] = [
    (refunded, "arrears.money_refunded"),
    (refunded_by_the_gateway, "arrears.money_refunded"),
    (moved_away, "arrears.receipt_moved"),
    (reversed_at_the_counter, "arrears.money_reversed"),
    (answered, "arrears.dispute_closed"),
]


@pytest.mark.parametrize(("happens", "by"), LARGER)
def test_what_makes_it_larger_is_heard_too_and_switches_nobody_off(
    happens: Callable[[BillingAccount], None], by: str
) -> None:
    account = build.account()
    row = build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(30))
    since = last()
    happens(account)
    assert by in heard(account, since)
    news()
    assert not OutboxRow.objects.exclude(state="DONE").exists()
    assert (build.stage(account), build.is_off(row)) == ("SUSPEND_WARNED", False)


def test_every_kind_of_entry_that_moves_money_is_walked(
    suspended: tuple[BillingAccount, Subscription, Bill],
) -> None:
    """But bills, for which the daily pass comes: a new kind of entry needs news of its own, and its way above."""
    account, _row, bill = suspended
    for happens in (another_amount, adjusted, moved_here):
        happens(bill)
    refunded(account)
    walked = set(LedgerEntry.objects.filter(account=account).values_list("kind", flat=True))
    assert walked == set(EntryKind)
