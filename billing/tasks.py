"""Background work of billing. Each task is safe to run twice and side by side."""

import time

from celery import shared_task

from billing.gateways import registry
from billing.services.bills import large_bills
from billing.services.debits import debit_agreements, debits
from billing.services.mails import bill_mails
from billing.services.money import ledger_check
from billing.services.payments import callbacks, cashier, lookups, settling
from billing.services.refunds import refund_queue, refund_sending
from core import clock, heartbeats, pokes

_TURN_SECONDS = 60.0  # well inside the time limit: a long backlog is worked off in several turns


@shared_task(name=callbacks.QUEUE.task, queue="payments", acks_late=True, time_limit=120, ignore_result=True)
def apply_callbacks() -> int:
    """Applies due callbacks until none is left or the turn is over: whoever meets the time limit is killed."""
    pokes.arrived(callbacks.QUEUE.task)
    total, started = 0, time.monotonic()
    while claimed := callbacks.claim(as_of=clock.now()):
        for callback in claimed:
            callbacks.apply_claimed(callback, as_of=clock.now())
        total += len(claimed)
        if time.monotonic() - started > _TURN_SECONDS:
            callbacks.QUEUE.poke()
            break
    return total


@shared_task(name=cashier.SETTLE_TASK, queue="payments", acks_late=True, time_limit=300, ignore_result=True)
def settle_undecided() -> int:
    """Asks the gateways about undecided payments that are due."""
    pokes.arrived(cashier.SETTLE_TASK)
    now = clock.now()
    with heartbeats.beat(settling.JOB, every=settling.EVERY, as_of=now) as run:
        due = settling.settle_due(as_of=now)
        run.detail["due"] = due
    return due


@shared_task(name=refund_queue.TASK, queue="payments", acks_late=True, time_limit=240, ignore_result=True)
def carry_out_refunds() -> int:
    """Sends approved refunds and asks about accepted ones until none is due, a gateway is silent, or the turn is over.

    Callbacks wait for the same workers: what is left comes with the next turn.
    """
    pokes.arrived(refund_queue.TASK)
    total, started = 0, time.monotonic()
    while (claimed := refund_sending.claim(as_of=clock.now())) is not None:
        total += 1
        if not refund_sending.carry_out(claimed, as_of=clock.now()):
            break
        if time.monotonic() - started > _TURN_SECONDS:
            refund_queue.SENDING.poke()
            break
    return total


@shared_task(name="billing.watch_refunds", queue="default", acks_late=True, time_limit=60, ignore_result=True)
def watch_refunds() -> int:
    """Complains in its heartbeat while a refund is past its due day; returns how many are."""
    return refund_sending.watch(as_of=clock.now())


@shared_task(
    name="billing.check_ledgers", queue="default", acks_late=True, time_limit=3600, ignore_result=True
)
def check_ledgers() -> int:
    """The nightly proof of the ledgers; its result is kept in the heartbeat. Returns the number of differences."""
    return len(ledger_check.run(as_of=clock.now()))


@shared_task(name="billing.mail_bills", queue="default", acks_late=True, time_limit=1800, ignore_result=True)
def mail_bills() -> int:
    """Queues a mail for each new bill of who wants them by e-mail. How many."""
    return bill_mails.run_now(as_of=clock.now()).sent


@shared_task(
    name="billing.warn_large_bills", queue="default", acks_late=True, time_limit=1800, ignore_result=True
)
def warn_large_bills() -> int:
    """Warns of new bills that are suddenly huge. How many."""
    return large_bills.run_now(as_of=clock.now()).warned


@shared_task(
    name="billing.collect_debits", queue="payments", acks_late=True, time_limit=3600, ignore_result=True
)
def collect_debits() -> int:
    """Announces debits and takes those that are due. How many were taken."""
    return debits.run_now(as_of=clock.now()).done


@shared_task(
    name=debit_agreements.TELL_TASK, queue="payments", acks_late=True, time_limit=120, ignore_result=True
)
def tell_debit_ends() -> int:
    """Tells the bank of agreements that were ended here; what it does not hear now, `collect_debits` tells again."""
    pokes.arrived(debit_agreements.TELL_TASK)
    return debit_agreements.tell_ends(as_of=clock.now()) if registry.offers_debit() else 0


@shared_task(name="billing.purge", queue="default", acks_late=True, time_limit=600, ignore_result=True)
def purge() -> int:
    """Forgets questions about account numbers that no limit counts any more; how many."""
    return lookups.forget_old(as_of=clock.now())
