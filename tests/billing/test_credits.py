"""Credit pays new bills by itself unless the customer chose otherwise; never money that somebody must look at."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from accounts.models import BillingAccount
from billing.models import Allocation, Bill, PaymentPurpose, Receipt, ReviewReason
from billing.selectors import balances
from billing.services.bulk import bulk_credits
from billing.services.money import credits, receipts
from billing.services.payments import payments
from billing.services.refunds import refunds
from tests.billing import build, refunds_build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


def money_in(
    account: BillingAccount, cents: int, *, trade_no: str = "T1", review: ReviewReason = ReviewReason.NONE
) -> Receipt:
    receipts.book(
        account_id=account.pk,
        gateway="cash",
        trade_no=trade_no,
        amount_cents=cents,
        paid_at=NOON,
        as_of=NOON,
        review=review,
    )
    return Receipt.objects.get(trade_no=trade_no, account=account)


TODAY = NOON.date()


def issue(account: BillingAccount, cents: int = 2600, *, issued_on: date = TODAY) -> Bill:
    return build.bill(account, cents, issued_on=issued_on)


def overview(account: BillingAccount) -> tuple[int, int]:
    found = balances.of_account(account, today=NOON.date())
    return found.owed_cents, found.credit_cents


def test_credit_pays_a_new_bill() -> None:
    account = build.account()
    money_in(account, 3000)
    bill = issue(account)
    assert (bill.paid_cents, bill.open_cents) == (2600, 0)
    assert overview(account) == (0, 400)
    assert issue(account).paid_cents == 400
    assert overview(account) == (2200, 0)
    assert build.books_are_right()


def test_the_oldest_money_goes_first() -> None:
    account = build.account()
    first, second = money_in(account, 1000), money_in(account, 5000, trade_no="T2")
    issue(account)
    assert list(Allocation.objects.order_by("id").values_list("receipt", "amount_cents")) == [
        (first.pk, 1000),
        (second.pk, 1600),
    ]


def test_the_customer_may_keep_his_credit() -> None:
    account = build.account()
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    money_in(account, 3000)
    assert issue(account).paid_cents == 0
    assert overview(account) == (2600, 3000)
    assert credits.set_automatic(account_id=account.pk, is_automatic=True, as_of=NOON) == 2600
    assert overview(account) == (0, 400)
    assert build.books_are_right()


@pytest.mark.parametrize("review", [ReviewReason.DUPLICATE, ReviewReason.LATE, ReviewReason.AMOUNT])
def test_money_to_be_looked_at_is_never_used_by_itself(review: ReviewReason) -> None:
    account = build.account()
    receipt = money_in(account, 3000, review=review)
    assert issue(account).paid_cents == 0
    assert credits.use(account_id=account.pk, as_of=NOON) == 0
    Receipt.objects.filter(pk=receipt.pk).update(reviewed_at=NOON)
    assert credits.use(account_id=account.pk, as_of=NOON) == 2600
    assert build.books_are_right()


def test_what_is_reserved_for_a_refund_is_not_used() -> None:
    account = build.account()
    receipt = money_in(account, 3000)
    Receipt.objects.filter(pk=receipt.pk).update(refunding_cents=2500)
    assert issue(account).paid_cents == 500


def test_a_bill_written_down_late_was_paid_on_its_day() -> None:
    """The money was there when the bill was issued: no penalty, although the bill is long due."""
    account = build.account()
    receipts.book(
        account_id=account.pk,
        gateway="cash",
        trade_no="T",
        amount_cents=5000,
        paid_at=NOON - timedelta(days=200),
        as_of=NOON,
    )
    bill = issue(account, issued_on=NOON.date() - timedelta(days=100))
    assert bill.open_cents == 0
    assert Allocation.objects.get().effective_on == bill.issued_on
    assert overview(account) == (0, 2400)
    assert not bill.penalty_bills.exists()


@pytest.mark.parametrize(("is_automatic", "owed"), [(True, 600), (False, 2600)])
def test_a_top_up_pays_bills_only_by_the_customers_choice(is_automatic: bool, owed: int) -> None:
    account = build.account()
    credits.set_automatic(account_id=account.pk, is_automatic=is_automatic, as_of=NOON)
    issue(account)
    payment = payments.start(
        account_id=account.pk,
        amount_cents=2000,
        gateway="alipay",
        payer_id=None,
        purpose=PaymentPurpose.TOPUP,
        as_of=NOON,
        actor=build.ACTOR,
    )
    build.apply(payment, build.report(payment))
    assert overview(account) == (owed, 2000 - (2600 - owed))
    assert build.books_are_right()


def test_a_payment_of_another_purpose_is_in_the_way() -> None:
    account = build.account()
    build.payment(account, 2000)
    with pytest.raises(payments.PaymentInProgress):
        payments.start(
            account_id=account.pk,
            amount_cents=2000,
            gateway="alipay",
            payer_id=None,
            purpose=PaymentPurpose.TOPUP,
            as_of=NOON,
            actor=build.ACTOR,
        )


@pytest.mark.parametrize("is_automatic", [True, False])
def test_credit_that_was_not_refunded_after_all_pays_what_came_due_meanwhile(is_automatic: bool) -> None:
    account = build.account()
    row = refunds_build.asked(refunds_build.credit(10_000, of=account), 10_000)
    bill = build.bill(account)
    credits.set_automatic(account_id=account.pk, is_automatic=is_automatic, as_of=NOON)
    refunds.reject(request_id=row.pk, actor=build.ACTOR, reason="没有凭证", as_of=NOON)
    bill.refresh_from_db()
    assert bill.open_cents == (0 if is_automatic else 2600)
    assert build.books_are_right()


def test_without_credit_many_new_bills_are_not_even_looked_at() -> None:
    accounts = [build.account(), build.account()]
    money_in(accounts[0], 2600, review=ReviewReason.DUPLICATE)

    def bills() -> Iterator[bulk_credits.NewBill]:
        raise AssertionError("nobody has credit")
        yield

    assert bulk_credits.use_for(bills(), account_ids={one.pk for one in accounts}, as_of=NOON) == 0
