"""Money that a gateway verifiably took, but not for a payment of ours as we know it: it is booked once and is visible.

Two kinds. The order is not ours (or is another gateway's): the money waits in the suspense account of the gateway that
has it. The order is ours and the amount is not its own: the money is booked on the payment's account and settles
nothing. In both cases the receipt is marked for review, and a person decides (billing.services.money.reviews).
"""

from datetime import datetime

from django.db import transaction

from accounts import locks as account_locks
from accounts.models import BillingAccount, Customer
from billing import locks
from billing.gateways.base import Report, ReportStatus
from billing.models import Payment, PaymentState, ReviewReason
from billing.services.money import receipts
from billing.services.payments import payments
from billing.services.payments.payments import Applied
from billing.services.refunds import refunds
from core import money
from core.actor import Actor

HOLDER = "SUSPENSE:"  # the number of the customer who stands for nobody


def is_money(report: Report) -> bool:
    """Whether the report says that money was taken: then it is booked, wherever it belongs."""
    return report.status == ReportStatus.SUCCEEDED and report.amount_cents > 0 and bool(report.trade_no)


def apply(*, report: Report, as_of: datetime, actor: Actor, payment_id: int | None = None) -> Applied:
    """The books agree with the report, whatever it is about. Safe in any order, any number of times.

    `payment_id` is the payment that the caller found; otherwise the report's own reference is looked up now.
    """
    with transaction.atomic():
        return apply_within(report=report, as_of=as_of, actor=actor, payment_id=payment_id)


def apply_within(*, report: Report, as_of: datetime, actor: Actor, payment_id: int | None = None) -> Applied:
    """`apply` inside the caller's transaction, without a savepoint: an error must end that transaction."""
    payment_id = payment_id or _payment_of(report)
    if payment_id is None:
        return _apply_unknown(report, as_of=as_of)
    try:
        return payments.apply_within(payment_id=payment_id, report=report, as_of=as_of, actor=actor)
    except payments.ReportMismatch:  # raised before anything is written
        return _apply_other_amount(payment_id, report, as_of=as_of, actor=actor)


def account_of(gateway: str, *, as_of: datetime) -> int:
    """The id of the account in which money of this gateway waits; made when it is first needed."""
    holder, _new = Customer.objects.get_or_create(
        number=HOLDER, defaults={"name": "", "kind": Customer.Kind.ENTERPRISE, "created_at": as_of}
    )
    account, _new = BillingAccount.every.get_or_create(
        number=f"{BillingAccount.SUSPENSE_PREFIX}{gateway}",
        defaults={
            "purpose": BillingAccount.Purpose.SUSPENSE,
            "customer": holder,
            "created_at": as_of,
        },
    )
    return account.pk


def _payment_of(report: Report) -> int | None:
    """An order number means something at its own gateway only."""
    found = Payment.objects.filter(reference=report.reference, gateway=report.gateway)
    return found.values_list("pk", flat=True).first()


def _apply_unknown(report: Report, *, as_of: datetime) -> Applied:
    if not is_money(report):
        return Applied.ALREADY_DONE
    # A receipt that staff have moved since is no business of the suspense account, whose lock comes first below.
    if receipts.find(report.gateway, report.trade_no) is not None:
        return _apply_refunds(report, Applied.ALREADY_DONE, as_of=as_of)
    account_id = account_of(report.gateway, as_of=as_of)
    account_locks.account(account_id)
    number = receipts.book(
        account_id=account_id,
        gateway=report.gateway,
        trade_no=report.trade_no,
        amount_cents=report.amount_cents,
        paid_at=_paid_at(report, as_of),
        as_of=as_of,
        review=ReviewReason.UNKNOWN_ORDER,
    )
    return _apply_refunds(report, Applied.BOOKED if number else Applied.ALREADY_DONE, as_of=as_of)


def _apply_other_amount(payment_id: int, report: Report, *, as_of: datetime, actor: Actor) -> Applied:
    payment, _number = locks.payment_with_account(payment_id)
    number = None
    if is_money(report):
        number = receipts.book(
            account_id=payment.account_id,
            gateway=report.gateway,
            trade_no=report.trade_no,
            amount_cents=report.amount_cents,
            paid_at=_paid_at(report, as_of),
            as_of=as_of,
            payment=payment,
            review=ReviewReason.AMOUNT,
        )
    if number and payment.is_undecided:
        # Its order is paid there, with another amount: it can never succeed, and the customer may try again.
        reason = f"trade {report.trade_no}: {money.yuan(report.amount_cents)}"
        payments.move(payment, PaymentState.FAILED, as_of=as_of, actor=actor, reason=reason)
    return _apply_refunds(report, Applied.BOOKED if number else Applied.ALREADY_DONE, as_of=as_of)


def _apply_refunds(report: Report, so_far: Applied, *, as_of: datetime) -> Applied:
    return Applied.REFUNDED if refunds.book_reported(report=report, as_of=as_of) else so_far


def _paid_at(report: Report, as_of: datetime) -> datetime:
    return report.paid_at or report.occurred_at or as_of
