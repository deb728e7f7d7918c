"""What staff decide about money that nobody knew what to do with: done exactly, or refused with nothing changed."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from accounts.models import BillingAccount
from billing.models import (
    Adjustment,
    Allocation,
    Bill,
    BillKind,
    EntryKind,
    LedgerEntry,
    Receipt,
    ReceiptTransfer,
    RefundRequest,
    ReviewReason,
)
from billing.services.money import allocations, credits, reviews, suspense
from billing.services.payments import lookups
from billing.services.refunds import refunds
from core import clock
from core.errors import HallError
from tests.billing import build
from tests.billing.test_suspense import unknown
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=100)


def held(account: BillingAccount, cents: int = 2600) -> Receipt:
    """Money that somebody must look at: it came after its payment was decided."""
    first = build.payment(account, cents)
    build.apply(first, build.report(first))
    build.apply(first, build.report(first, trade_no=f"second-{first.pk}"))
    return Receipt.objects.get(account=account, review_reason=ReviewReason.DUPLICATE)


def in_suspense() -> Receipt:
    suspense.apply(report=unknown(), as_of=NOON, actor=build.ACTOR)
    return Receipt.objects.get(review_reason=ReviewReason.UNKNOWN_ORDER)


def overspent(account: BillingAccount, refunded: int = 1000) -> Receipt:
    """A receipt that had settled bills, and that the gateway gave back in part."""
    payment = build.payment(account, 2600)
    build.apply(payment, build.report(payment, refunded=refunded))
    return Receipt.objects.get(payment=payment)


def use(receipt: Receipt, cents: int = 2600) -> int:
    """The receipt is used for the bills of the account that the clerk saw."""
    return reviews.use_for_bills(
        receipt_id=receipt.pk, account_id=receipt.account_id, cents=cents, as_of=LATER
    )


def transfer(receipt: Receipt, to: str, cents: int = 2600) -> int:
    return reviews.transfer(
        receipt_id=receipt.pk,
        cents=cents,
        to_number=to,
        reason="客户出示付款凭证",
        actor=build.ACTOR,
        as_of=LATER,
    )


def books() -> tuple[Any, ...]:
    """All that a refused decision must leave as it was."""
    return (
        list(Receipt.objects.order_by("pk").values()),
        list(Bill.objects.order_by("pk").values()),
        list(LedgerEntry.objects.order_by("pk").values()),
        Allocation.objects.count(),
        Adjustment.objects.count(),
        ReceiptTransfer.objects.count(),
    )


def refused(error: type[HallError], call: Callable[[], object]) -> None:
    before = books()
    with pytest.raises(error):
        call()
    assert books() == before
    assert build.books_are_right()


def test_money_that_was_looked_at_pays_the_bills_oldest_first_and_the_rest_is_credit() -> None:
    account = build.account()
    receipt = held(account)
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    bills = [
        build.bill(account, cents, issued_on=date(2026, 11, day)) for cents, day in ((400, 9), (2000, 1))
    ]

    assert use(receipt) == 2400

    receipt.refresh_from_db()
    assert (receipt.allocated_cents, receipt.free_cents, receipt.reviewed_at) == (2400, 200, LATER)
    used = Allocation.objects.filter(receipt=receipt).order_by("pk").values_list("bill", "amount_cents")
    assert list(used) == [(bills[1].pk, 2000), (bills[0].pk, 400)]
    assert build.books_are_right()


def test_money_that_was_looked_at_stays_as_credit_when_nothing_is_open() -> None:
    account = build.account()
    receipt = held(account)
    assert use(receipt) == 0
    receipt.refresh_from_db()
    assert (receipt.reviewed_at, receipt.free_cents) == (LATER, 2600)
    bill = build.bill(account, 5200)  # from now on it is used by itself
    bill.refresh_from_db()
    assert bill.open_cents == 0
    refused(reviews.NothingFree, lambda: use(receipt))


def test_looking_at_it_for_long_costs_the_customer_no_penalty() -> None:
    account = build.account()
    receipt = held(account)
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    bill = build.bill(account, 2600, issued_on=date(2026, 11, 1))  # due long before LATER
    use(receipt)
    bill.refresh_from_db()
    assert bill.open_cents == 0
    assert not Bill.objects.filter(kind=BillKind.PENALTY).exists()
    assert Allocation.objects.get(receipt=receipt).effective_on == clock.local_date(NOON)


def test_it_counts_from_no_day_before_what_was_paid_since() -> None:
    account = build.account()
    receipt = held(account)
    first = Receipt.objects.get(account=account, review_reason="")
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    bill = build.bill(account, 5000, issued_on=date(2026, 11, 10))
    credits.use(account_id=account.pk, as_of=NOON + timedelta(days=20))
    assert Allocation.objects.get(receipt=first).effective_on == date(2026, 12, 8)
    assert use(receipt) == 2400
    assert Allocation.objects.get(receipt=receipt, bill=bill).effective_on == date(2026, 12, 8)
    assert build.books_are_right()


def test_only_this_receipt_is_used() -> None:
    account = build.account()
    receipt = held(account)
    ordinary = Receipt.objects.get(account=account, review_reason="")
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    build.bill(account, 5200)
    use(receipt)
    ordinary.refresh_from_db()
    assert ordinary.allocated_cents == 0


def test_money_in_suspense_is_used_for_nobody_and_changed_money_not_at_all() -> None:
    receipt = in_suspense()
    refused(reviews.StillInSuspense, lambda: use(receipt))
    account = build.account()
    other = held(account, 100)
    refused(reviews.ReceiptChanged, lambda: use(other, 99))
    ordinary = Receipt.objects.get(account=account, review_reason="")
    refused(reviews.NothingToPay, lambda: use(ordinary, 100))
    transfer(Receipt.objects.get(pk=other.pk), build.account().number, 100)
    refused(reviews.ReceiptChanged, lambda: use(other, 100))


def test_suspense_money_moves_to_its_owner_and_pays_his_bills() -> None:
    account = build.account()
    bill = build.bill(account, 2000)
    receipt = in_suspense()
    source = receipt.account

    assert transfer(receipt, account.number) == 2000

    receipt.refresh_from_db()
    bill.refresh_from_db()
    assert (receipt.account, receipt.allocated_cents, receipt.reviewed_at) == (account, 2000, LATER)
    assert bill.open_cents == 0
    row = ReceiptTransfer.objects.get()
    assert (row.from_account, row.to_account, row.amount_cents) == (source, account, 2600)
    assert (row.reason, row.actor, row.at) == ("客户出示付款凭证", build.ACTOR.ref, LATER)
    moved = LedgerEntry.objects.filter(kind=EntryKind.TRANSFER).order_by("amount_cents")
    assert list(moved.values_list("account", "amount_cents")) == [(source.pk, -2600), (account.pk, 2600)]
    assert (build.balance(account), _balance(source)) == (600, 0)
    assert build.books_are_right()


def _balance(account: BillingAccount) -> int:
    return BillingAccount.every.select_related("balance").get(pk=account.pk).balance.balance_cents


def test_moved_money_leaves_bills_alone_where_credit_does_not_pay_by_itself() -> None:
    account = build.account()
    build.bill(account)
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    receipt = in_suspense()
    assert transfer(receipt, account.number) == 0
    receipt.refresh_from_db()
    assert (receipt.free_cents, receipt.reviewed_at) == (2600, LATER)


def test_a_mistaken_move_is_put_right_by_another_one() -> None:
    wrong, right = build.account(), build.account()
    receipt = in_suspense()
    transfer(receipt, wrong.number)
    transfer(receipt, right.number)
    assert (build.balance(wrong), build.balance(right)) == (0, 2600)
    receipt.refresh_from_db()
    assert receipt.reviewed_at == LATER
    assert ReceiptTransfer.objects.count() == 2
    assert build.books_are_right()


def test_money_does_not_move_where_it_cannot() -> None:
    account = build.account()
    receipt = in_suspense()
    refused(lookups.NoSuchAccount, lambda: transfer(receipt, "8100000000"))
    refused(lookups.NoSuchAccount, lambda: transfer(receipt, "SUSPENSE:alipay"))
    refused(reviews.ReceiptChanged, lambda: transfer(receipt, account.number, 2599))
    transfer(receipt, account.number)
    refused(reviews.SameAccount, lambda: transfer(receipt, account.number))


@pytest.mark.parametrize("how", ["allocated", "refunded", "refunding"])
def test_money_that_is_used_does_not_move(how: str) -> None:
    account, target = build.account(), build.account()
    receipt = held(account)
    if how == "allocated":
        build.bill(account, 100)
        build.bill(account, 2600)
        use(receipt)
    elif how == "refunded":
        payment = receipt.payment
        assert payment is not None
        build.apply(payment, build.report(payment, trade_no=receipt.trade_no, refunded=1))
    else:
        refunds.request(
            receipt_id=receipt.pk,
            amount_cents=1,
            reason="重复",
            reason_code="DUPLICATE",
            actor=build.ACTOR,
            as_of=NOON,
        )
    refused(reviews.ReceiptUsed, lambda: transfer(receipt, target.number))


def test_bills_that_refunded_money_had_settled_are_owed_again_from_the_refund_on() -> None:
    account = build.account()
    bill = build.bill(account)
    receipt = overspent(account)
    assert receipt.unallocated_cents == -1000

    assert reviews.reopen_bills(receipt_id=receipt.pk, cents=1000, as_of=LATER) == 1

    receipt.refresh_from_db()
    bill.refresh_from_db()
    assert (receipt.unallocated_cents, bill.open_cents) == (0, 1000)
    reversal = Allocation.objects.get(receipt=receipt, amount_cents__lt=0)
    assert (reversal.amount_cents, reversal.effective_on) == (-1000, clock.local_date(NOON))
    assert build.balance(account) == -1000
    assert build.books_are_right()


def test_bills_that_refunded_money_had_settled_are_given_up() -> None:
    account = build.account()
    bills = [build.bill(account, 600), build.bill(account, 2000)]
    receipt = overspent(account, 2200)

    given_up = reviews.waive(
        receipt_id=receipt.pk, cents=2200, reason="服务中断", actor=build.ACTOR, as_of=LATER
    )

    assert given_up == 2
    receipt.refresh_from_db()
    for bill in bills:
        bill.refresh_from_db()
    assert receipt.unallocated_cents == 0
    assert [(bill.adjusted_cents, bill.open_cents) for bill in bills] == [(200, 0), (2000, 0)]
    rows = Adjustment.objects.order_by("amount_cents").values_list("amount_cents", "reason", "actor")
    assert list(rows) == [(200, "服务中断", build.ACTOR.ref), (2000, "服务中断", build.ACTOR.ref)]
    assert build.balance(account) == 0
    assert build.books_are_right()


@pytest.mark.parametrize("decide", ["reopen", "waive"])
def test_only_what_is_missing_is_put_right_and_only_once(decide: str) -> None:
    account = build.account()
    build.bill(account)
    receipt = overspent(account)

    def put_right(cents: int, of: Receipt = receipt) -> int:
        if decide == "reopen":
            return reviews.reopen_bills(receipt_id=of.pk, cents=cents, as_of=LATER)
        return reviews.waive(receipt_id=of.pk, cents=cents, reason="x", actor=build.ACTOR, as_of=LATER)

    refused(reviews.ReceiptChanged, lambda: put_right(999))
    put_right(1000)
    refused(reviews.NothingMissing, lambda: put_right(1000))
    sound = held(build.account())
    refused(reviews.NothingMissing, lambda: put_right(2600, sound))


def test_money_that_was_used_before_its_refund_is_taken_back_not_before_it_was_used() -> None:
    """The refund's own day may lie before the day on which the receipt's money went to a bill."""
    account = build.account()
    payment = build.payment(account)
    build.apply(payment, build.report(payment))
    bill = build.bill(account)
    receipt = Receipt.objects.get()
    day = NOON + timedelta(days=30)
    credits.use(account_id=account.pk, as_of=day)
    build.apply(payment, build.report(payment, refunded=500), as_of=day)  # refunded_at says NOON
    reviews.reopen_bills(receipt_id=receipt.pk, cents=500, as_of=LATER)
    used, reversal = Allocation.objects.filter(bill=bill).order_by("pk")
    assert reversal.effective_on >= used.effective_on
    assert build.books_are_right()


def test_held_money_is_refunded_and_the_rest_stays_held() -> None:
    receipt = held(build.account())
    refunds.by_staff(
        receipt_id=receipt.pk,
        amount_cents=600,
        reason="退重复",
        reason_code="DUPLICATE",
        actor=build.ACTOR,
        as_of=NOON,
    )
    receipt.refresh_from_db()
    assert (receipt.free_cents, receipt.refunding_cents, receipt.is_under_review) == (2000, 600, True)
    assert RefundRequest.objects.get().state == "APPROVED"
    with pytest.raises(allocations.AboveAllocated):
        allocations.reverse(receipt_id=receipt.pk, cents=1, on=date(2026, 12, 1), as_of=LATER)
