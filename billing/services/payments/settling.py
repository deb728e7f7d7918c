"""Payments that no callback has decided: the gateway is asked, and what is too old is closed (asked first).

No transaction is open while the gateway is asked.
"""

import logging
import time
from datetime import datetime, timedelta

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext_lazy as _

from billing import locks
from billing.gateways import registry
from billing.gateways.base import GatewayError, Report, ReportStatus
from billing.models import Payment, PaymentState
from billing.models.payments import UNDECIDED
from billing.services.money import suspense
from billing.services.payments import payments
from core import heartbeats
from core.actor import Actor
from core.errors import Conflict

log = logging.getLogger(__name__)
JOB, EVERY = "settle_undecided", timedelta(minutes=1)  # sooner, but a turn may take half of that
heartbeats.expect(JOB, every=EVERY)
LEASE = timedelta(seconds=60)
TURN_SECONDS = 30.0  # shorter than the lease
NETWORK = "NETWORK"  # a GatewayError of this code: nothing was heard


class CannotCancelYet(Conflict):
    code = "CANNOT_CANCEL_YET"
    message = _("支付渠道正在处理这笔支付，请稍后再看结果")


def settle_due(*, as_of: datetime, limit: int = 50) -> int:
    """Asks the gateways about up to `limit` undecided payments that are due; returns how many were due.

    A gateway that is silent is not asked again in this turn, and the turn ends after `TURN_SECONDS`: callbacks wait for
    the same workers. What was not asked about is due again after the lease.
    """
    with transaction.atomic():
        rows = locks.claim_undecided(as_of=as_of, lease=LEASE, limit=limit)
    silent: set[str] = set()
    ends_at = time.monotonic() + TURN_SECONDS
    for payment in rows:
        if (
            payment.gateway not in silent
            and time.monotonic() < ends_at
            and not _settled(payment, as_of=as_of)
        ):
            silent.add(payment.gateway)
    return len(rows)


def _settled(payment: Payment, *, as_of: datetime) -> bool:
    """False when the gateway was silent. One payment's own trouble must not stop the others."""
    answered = True
    try:
        answered = settle(payment, as_of=as_of, actor=Actor.job(JOB))
    except Exception:  # backs off like any other: what a person must mend is not asked about every minute
        log.exception("payment not settled", extra={"payment": payment.reference})
    try:
        _ask_again_later(payment, as_of=as_of)
    except DatabaseError:
        log.exception("payment asked about again after its lease", extra={"payment": payment.reference})
    return answered


def settle(payment: Payment, *, as_of: datetime, actor: Actor) -> bool:
    """The payment agrees with what its gateway says now; past its time it is closed there and here.

    A gateway that cannot be asked leaves the payment UNKNOWN, never failed. False: it did not answer at all.
    """
    gateway = registry.get(payment.gateway)
    try:
        report = gateway.query(payment.reference)
        _apply(payment, report, as_of=as_of, actor=actor)
        if payment.expires_at <= as_of and report.status in (ReportStatus.WAITING, ReportStatus.NOT_FOUND):
            _close(payment, as_of=as_of, actor=actor)
    except GatewayError as error:
        log.warning("gateway did not answer", extra={"payment": payment.reference, "code": error.code})
        payments.gateway_silent(
            payment_id=payment.pk, as_of=as_of, actor=actor, reason=f"query: {error.code}"[:200]
        )
        return error.code != NETWORK
    return True


def query_now(*, payment_id: int, actor: Actor, as_of: datetime) -> PaymentState:
    """Asks the gateway at once (staff, or the customer's own page); returns the payment's state afterwards."""
    payment = Payment.objects.get(pk=payment_id)
    if payment.is_undecided:
        settle(payment, as_of=as_of, actor=actor)
        payment.refresh_from_db(fields=["state"])
    return PaymentState(payment.state)


def cancel(*, payment_id: int, actor: Actor, as_of: datetime) -> PaymentState:
    """The customer gives up an undecided payment: it is closed at the gateway first, so that it cannot be paid later.

    Returns EXPIRED, or SUCCEEDED when the money had come already; CannotCancelYet when the gateway cannot tell.
    """
    payment = Payment.objects.get(pk=payment_id)
    if payment.is_undecided:
        try:
            _close(payment, as_of=as_of, actor=actor)
        except (GatewayError, registry.UnknownGateway, ImproperlyConfigured) as error:
            raise CannotCancelYet() from error
        payment.refresh_from_db(fields=["state"])
    return PaymentState(payment.state)


def _close(payment: Payment, *, as_of: datetime, actor: Actor) -> None:
    gateway = registry.get(payment.gateway)
    status = gateway.close(payment.reference)
    if status == ReportStatus.SUCCEEDED:
        _apply(payment, gateway.query(payment.reference), as_of=as_of, actor=actor)
        return
    if status == ReportStatus.CLOSED:
        payments.closed(payment_id=payment.pk, as_of=as_of, actor=actor, reason="closed at the gateway")


def _apply(payment: Payment, report: Report, *, as_of: datetime, actor: Actor) -> None:
    if report.status != ReportStatus.NOT_FOUND:
        suspense.apply(payment_id=payment.pk, report=report, as_of=as_of, actor=actor)


def _ask_again_later(payment: Payment, *, as_of: datetime) -> None:
    """45 s, 90 s, 3 min … but not beyond the payment's end, where it is closed."""
    wait = payments.FIRST_QUERY_AFTER * 2 ** min(payment.queries, 12)
    due = as_of + wait
    if as_of < payment.expires_at:
        due = min(due, payment.expires_at)
    due = min(due, as_of + timedelta(hours=1))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_payment SET next_query_at = %s WHERE id = %s AND state = ANY(%s)",
            [due, payment.pk, [str(state) for state in UNDECIDED]],
        )
