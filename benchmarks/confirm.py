"""A payment from its start to the confirmed, booked, settled and published end, against pretix's order and confirm."""

import os
from datetime import datetime
from statistics import median
from typing import Any

from django.conf import settings
from django.db import connection

from benchmarks import peers, pretix, state
from benchmarks.harness import Pair, Sheet, alternately, rate
from benchmarks.models import BareRow
from billing.gateways.base import Report, ReportStatus
from billing.models import Payment
from billing.services.payments import payments
from core import clock
from core.actor import Actor

OURS, THEIRS, FLOOR = 300, 30, 1_000  # per round: two or three seconds each
ACTOR = Actor("bench")


def confirm(sheet: Sheet) -> None:
    """Ours, pretix's and a bare INSERT in turn, each one transaction after the other in one process."""
    try:
        with pretix.running(os.environ["DATABASE_URL"], settings.REDIS_URL) as peer:
            ours, theirs, floor = alternately(_our_rate, lambda: peer.rate(THEIRS), lambda: floor_rate(FLOOR))
            their_statements = peer.statements()
    except peers.PeerMissing as error:
        sheet.missing("confirm_vs_pretix", str(error))
        return
    pair = Pair(ours, theirs)
    sheet.at_least("confirm_vs_pretix", pair.ratio, 10, pair.note)
    note = f"bare INSERT {median(floor):,.0f}/s"
    sheet.context(
        "confirm_vs_floor", Pair(ours, floor).ratio, f"{note}; ours takes {_our_statements()} statements"
    )
    sheet.context(
        "pretix_vs_floor",
        Pair(theirs, floor).ratio,
        f"{note}; pretix {pretix.VERSION} takes {their_statements} statements",
    )


def _our_rate() -> float:
    bills = state.open_bills(OURS)

    def work() -> None:
        for account_id, bill_id in bills:
            _pay(account_id, bill_id)

    return rate(OURS, work)


def _pay(account_id: int, bill_id: int) -> None:
    """Started, then reported as paid, each in its own transaction. The way to the cashier is on neither side."""
    now = clock.now()
    payment = payments.start(
        account_id=account_id,
        amount_cents=state.BILL_CENTS,
        gateway="alipay",
        payer_id=None,
        bill_id=bill_id,
        as_of=now,
        actor=ACTOR,
    )
    applied = payments.apply_report(payment_id=payment.pk, report=_paid(payment, now), as_of=now, actor=ACTOR)
    if applied is not payments.Applied.BOOKED:
        raise RuntimeError(f"{payment.reference} was not booked but {applied}")


def _paid(payment: Payment, at: datetime) -> Report:
    return Report(
        gateway=payment.gateway,
        reference=payment.reference,
        trade_no=f"T{payment.reference}",
        status=ReportStatus.SUCCEEDED,
        amount_cents=payment.amount_cents,
        paid_at=at,
        refunds=(),
        total_refunded_cents=0,
        buyer="",
        occurred_at=at,
        notify_id=f"n{payment.reference}",
    )


def _our_statements() -> int:
    ((account_id, bill_id),) = state.open_bills(1)
    seen: list[str] = []

    def count(execute: Any, sql: str, *arguments: Any) -> Any:
        seen.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(count):
        _pay(account_id, bill_id)
    return len(seen)


_INSERT = f"INSERT INTO {BareRow._meta.db_table} (reference, body, received_at) VALUES ('floor', 'x', now())"


def floor_rate(count: int) -> float:
    """One raw INSERT per transaction."""

    def work() -> None:
        with connection.cursor() as cursor:
            for _ in range(count):
                cursor.execute(_INSERT)

    return rate(count, work)
