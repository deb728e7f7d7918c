"""Rows of what staff see of money beside bills and payments: corrections, statements, subscriptions."""

from accounts.models import BillingAccount, Region
from billing.models import (
    DebitAgreement,
    DebitNotice,
    DebitTry,
    EmailSubscription,
    Receipt,
    Statement,
    StatementDifference,
    StatementLine,
    Verdict,
)
from billing.services.bills import adjustments
from billing.services.money import reviews
from core.actor import Actor
from tests.billing import build as money
from tests.conftest import NOON

ACTOR = Actor("test:admin")


def account_in(region: Region) -> BillingAccount:
    account = money.account()
    account.region = account.customer.region = region
    account.save(update_fields=["region"])
    account.customer.save(update_fields=["region"])
    return account


def corrections(region: Region) -> None:
    """A bill that is lower than it was, and money that was meant for another account."""
    bill = money.bill(account_in(region), 700)
    adjustments.adjust(bill_id=bill.pk, amount_cents=700, reason="停机", actor=ACTOR, as_of=NOON)
    meant_for = account_in(region)
    payment = money.payment(meant_for, 900)
    money.apply(payment, money.report(payment))
    reviews.transfer(
        receipt_id=Receipt.objects.get(payment=payment).pk,
        cents=900,
        to_number=account_in(region).number,
        reason="缴错户号",
        actor=ACTOR,
        as_of=NOON,
    )


def subscription(account: BillingAccount) -> EmailSubscription:
    return EmailSubscription.objects.create(
        reference=f"S{account.pk}",
        account=account,
        user=account.memberships.get().user,
        address=f"wang{account.pk}@example.com",
        language="zh-hans",
        consent="同意",
        token_digest=f"{account.pk:064d}",
        created_at=NOON,
        confirm_by=NOON,
    )


def debit(account: BillingAccount) -> DebitAgreement:
    """An agreement, with a bill that was announced under it and tried once."""
    made = DebitAgreement.objects.create(
        reference=f"D{account.pk}",
        account=account,
        user=account.memberships.get().user,
        gateway="bank_debit",
        max_cents=50_000,
        consent="同意",
        language="zh-hans",
        created_at=NOON,
        sign_by=NOON,
    )
    bill, payment = account.bills.order_by("pk")[0], account.payments.order_by("pk")[0]
    notice = DebitNotice.objects.create(
        agreement=made, bill=bill, amount_cents=2600, debit_on=money.TODAY, at=NOON
    )
    DebitTry.objects.create(notice=notice, number=1, payment=payment, at=NOON)
    return made


def statement(i: int, account: BillingAccount) -> StatementDifference:
    """One file of one line that our books say otherwise."""
    file = Statement.objects.create(
        gateway="alipay",
        merchant="2088000000000001",
        day=money.TODAY,
        coverage="ALL",
        version=i + 1,
        sha256=f"{i:064d}",
        file_name=f"bill{i}.csv",
        payments=1,
        payment_cents=2600,
        refunds=0,
        refund_cents=0,
        fee_cents=0,
        counts={"PAYMENT": {"CHANNEL_ONLY": [1, 2600]}},
        imported_by=ACTOR.ref,
        imported_at=NOON,
    )
    line = StatementLine.objects.create(
        statement=file,
        row_number=1,
        kind="PAYMENT",
        trade_no=f"X{i}",
        reference=f"HP{i:08d}",
        request_no="",
        amount_cents=2600,
        fee_cents=0,
        finished_at=NOON,
        status="交易成功",
        app_id="",
        product="电视费",
    )
    return StatementDifference.objects.create(
        statement=file,
        line=line,
        kind="PAYMENT",
        verdict=Verdict.CHANNEL_ONLY,
        gateway="alipay",
        trade_no=line.trade_no,
        reference=line.reference,
        payment=account.payments.order_by("pk")[0],
        channel_cents=2600,
        at=NOON,
        found_at=NOON,
    )
