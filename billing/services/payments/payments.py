"""Payments: started by a customer, decided only by what a gateway verifiably reports.

Callback, browser return and query job all end in `apply_report`; the order in which they arrive
and how often does not matter.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.services.accounts import refuse_closed
from billing import locks
from billing.events import PaymentEnded, PaymentSucceeded
from billing.gateways.base import Report, ReportStatus
from billing.models import (
    PAYMENT_MACHINE,
    Payment,
    PaymentPurpose,
    PaymentState,
    ReviewReason,
)
from billing.selectors import payments as payment_reads
from billing.services.money import receipts
from billing.services.refunds import refunds
from core import clock, outbox, rows
from core.actor import Actor
from core.errors import Conflict, HallError

FIRST_QUERY_AFTER = timedelta(seconds=45)
MAX_CENTS = 5_000_000  # one payment; above it the counter helps


class PaymentInProgress(Conflict):
    """Another try may still succeed; paying again now could take the money twice."""

    code = "PAYMENT_IN_PROGRESS"
    message = _("这个户号有一笔支付（%(reference)s）还没有结果，请先完成或取消它")


class AmountOutOfRange(HallError):
    code = "AMOUNT_OUT_OF_RANGE"
    message = _("单笔支付金额须在 ¥0.01 到 ¥50,000.00 之间")


class ReportMismatch(Conflict):
    """A report whose amount is not the payment's: a person must look."""

    code = "REPORT_MISMATCH"
    message = _("支付渠道返回的金额与订单不一致")


class Applied(StrEnum):
    """What a report changed."""

    BOOKED = "BOOKED"
    REFUNDED = "REFUNDED"
    MOVED = "MOVED"
    ALREADY_DONE = "ALREADY_DONE"


def start(
    *,
    account_id: int,
    amount_cents: int,
    gateway: str,
    payer_id: int | None,
    as_of: datetime,
    actor: Actor,
    bill_id: int | None = None,
    purpose: PaymentPurpose = PaymentPurpose.BILLS,
    reference: str | None = None,
) -> Payment:
    """A payment that the customer can take to the cashier.

    An undecided payment of the same kind is continued, not doubled; another one in the way raises
    PaymentInProgress; a closed account's top-up AccountClosed. `reference` is given only by fixtures and imports.
    """
    if not 0 < amount_cents <= MAX_CENTS:
        raise AmountOutOfRange()
    with transaction.atomic():
        if purpose == PaymentPurpose.TOPUP:
            refuse_closed(account_locks.account(account_id))
        else:
            account_locks.hold(account_id)
        wanted = (gateway, amount_cents, bill_id, purpose)
        for undecided in payment_reads.in_the_way(account_id=account_id, payer_id=payer_id):
            same = wanted == (
                undecided.gateway,
                undecided.amount_cents,
                undecided.bill_id,
                undecided.purpose,
            )
            if same and undecided.state != PaymentState.UNKNOWN and undecided.expires_at > as_of:
                return undecided
            raise PaymentInProgress(reference=undecided.reference)
        values: dict[str, Any] = {
            "reference": reference,
            "prefix": f"HP{clock.local_date(as_of):%Y%m%d}",
            "account": account_id,
            "bill": bill_id,
            "payer": payer_id,
            "gateway": gateway,
            "amount": amount_cents,
            "purpose": str(purpose),
            "actor": actor.ref,
            "at": as_of,
            "expires": as_of + timedelta(minutes=settings.PAYMENT_EXPIRES_MINUTES),
            "query": as_of + FIRST_QUERY_AFTER,
        }
        (payment,) = rows.of(Payment, _START, values)
    return payment


def sent_to_cashier(*, payment_id: int, as_of: datetime, actor: Actor) -> Payment:
    """The customer is on his way: from now on the payment is PENDING. Any later state stays as it is."""
    with transaction.atomic():
        payment = locks.payment(payment_id)
        if payment.state == PaymentState.CREATED:
            move(payment, PaymentState.PENDING, as_of=as_of, actor=actor, reason="sent to the cashier")
    return payment


def gateway_silent(*, payment_id: int, as_of: datetime, actor: Actor, reason: str) -> None:
    """The gateway could not tell: the payment is UNKNOWN until it can."""
    with transaction.atomic():
        payment = locks.payment(payment_id)
        if payment.state in (PaymentState.CREATED, PaymentState.PENDING):
            move(payment, PaymentState.UNKNOWN, as_of=as_of, actor=actor, reason=reason)


def closed(*, payment_id: int, as_of: datetime, actor: Actor, reason: str) -> Applied:
    """The gateway will take no money for it any more: EXPIRED, unless it was decided before."""
    with transaction.atomic():
        # A slip that joins the payment (see start) is committed first, so that the news of the end finds it.
        payment, _number = locks.payment_with_account(payment_id)
        return _apply_move(payment, PaymentState.EXPIRED, as_of=as_of, actor=actor, reason=reason)


def apply_report(*, payment_id: int, report: Report, as_of: datetime, actor: Actor) -> Applied:
    """The books agree with the report. Safe in any order, any number of times.

    Money is booked once per trade number: for an undecided payment it settles bills; a second trade for a paid one,
    or money after the payment was closed, becomes the account's credit, marked for review.
    """
    with transaction.atomic():
        return apply_within(payment_id=payment_id, report=report, as_of=as_of, actor=actor)


def apply_within(*, payment_id: int, report: Report, as_of: datetime, actor: Actor) -> Applied:
    """`apply_report` inside the caller's transaction, without a savepoint: an error must end that transaction."""
    payment, account_number = locks.payment_with_account(payment_id)
    if report.status == ReportStatus.SUCCEEDED:
        return _apply_success(payment, report, account_number, as_of=as_of, actor=actor)
    if report.status == ReportStatus.CLOSED:
        return _apply_move(payment, PaymentState.EXPIRED, as_of=as_of, actor=actor, reason="closed there")
    if report.status == ReportStatus.WAITING:
        return _apply_move(payment, PaymentState.PENDING, as_of=as_of, actor=actor, reason="waiting there")
    return Applied.ALREADY_DONE


def move(payment: Payment, to_state: PaymentState, *, as_of: datetime, actor: Actor, reason: str) -> None:
    """One step of the machine with its history row, in one statement. The caller holds the payment's lock."""
    PAYMENT_MACHINE.check(payment.state, to_state)
    values: dict[str, Any] = {
        "id": payment.pk,
        "from": payment.state,
        "to": str(to_state),
        "at": as_of,
        "succeeded": as_of if to_state == PaymentState.SUCCEEDED else None,
        "actor": actor.ref,
        "reason": reason,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, values)
    payment.state = to_state
    if to_state in (PaymentState.EXPIRED, PaymentState.FAILED):
        outbox.publish(PaymentEnded(reference=payment.reference, state=str(to_state)), as_of=as_of)


_START = """
    WITH started AS (
        INSERT INTO billing_payment (reference, account_id, bill_id, payer_id, gateway, amount_cents, purpose, state,
                                     created_at, expires_at, next_query_at, queries)
        VALUES (coalesce(%(reference)s, %(prefix)s || lpad(nextval('payment_reference')::text, 10, '0')), %(account)s,
                %(bill)s, %(payer)s, %(gateway)s, %(amount)s, %(purpose)s, 'CREATED', %(at)s, %(expires)s, %(query)s, 0)
        RETURNING *),
    noted AS (
        INSERT INTO billing_paymenthistory (payment_id, from_state, to_state, actor, reason, at)
        SELECT id, '', state, %(actor)s, '', %(at)s FROM started)
    SELECT * FROM started"""
_MOVE = """
    WITH moved AS (UPDATE billing_payment SET state = %(to)s, succeeded_at = %(succeeded)s
                    WHERE id = %(id)s RETURNING id)
    INSERT INTO billing_paymenthistory (payment_id, from_state, to_state, actor, reason, at)
    SELECT id, %(from)s, %(to)s, %(actor)s, %(reason)s, %(at)s FROM moved"""


def _apply_success(
    payment: Payment, report: Report, account_number: str, *, as_of: datetime, actor: Actor
) -> Applied:
    if report.amount_cents != payment.amount_cents:
        raise ReportMismatch()
    booked = _book(payment, report, account_number, as_of=as_of, actor=actor)
    outcome = Applied.BOOKED if booked else Applied.ALREADY_DONE
    if refunds.book_reported(report=report, as_of=as_of):
        outcome = Applied.REFUNDED
    return outcome


def _book(payment: Payment, report: Report, account_number: str, *, as_of: datetime, actor: Actor) -> bool:
    """False: the trade was booked before."""
    paid_at = report.paid_at or report.occurred_at or as_of
    review = _review(payment)
    number = receipts.book(
        account_id=payment.account_id,
        gateway=report.gateway,
        trade_no=report.trade_no,
        amount_cents=report.amount_cents,
        paid_at=paid_at,
        as_of=as_of,
        payment=payment,
        review=review,
    )
    if number is None:
        return False
    if review:
        return True
    move(payment, PaymentState.SUCCEEDED, as_of=as_of, actor=actor, reason=f"trade {report.trade_no}")
    event = PaymentSucceeded(
        reference=payment.reference,
        account_id=payment.account_id,
        account_number=account_number,
        payer_id=payment.payer_id,
        amount_cents=report.amount_cents,
        receipt_number=number,
        paid_at=paid_at.isoformat(),
    )
    outbox.publish(event, as_of=as_of)
    return True


def _review(payment: Payment) -> ReviewReason:
    if payment.is_undecided:
        return ReviewReason.NONE
    return ReviewReason.DUPLICATE if payment.state == PaymentState.SUCCEEDED else ReviewReason.LATE


def _apply_move(
    payment: Payment, to_state: PaymentState, *, as_of: datetime, actor: Actor, reason: str
) -> Applied:
    if payment.state == to_state or not PAYMENT_MACHINE.allows(payment.state, to_state):
        return Applied.ALREADY_DONE
    move(payment, to_state, as_of=as_of, actor=actor, reason=reason)
    return Applied.MOVED
