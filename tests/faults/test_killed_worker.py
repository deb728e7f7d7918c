"""`kill -9` of a worker at every step of applying a payment and of telling what follows from it."""

import os
import signal
from dataclasses import dataclass

import pytest

from billing.models import AccountBalance, Allocation, CallbackState, GatewayCallback, LedgerEntry, Payment
from billing.services.payments import callbacks
from core import clock
from core.models import OutboxRow
from notices.models import Message
from operations.models import Slip, SlipHistory, SlipState
from tests.billing import build
from tests.concurrency.races import slip_under_way
from tests.faults.caller import paid, post
from tests.faults.halts import APPLYING, COMMITTING, TELLING, Halts, halts
from tests.faults.house import PATIENCE, House
from tests.sandbox import process

LOCKS = ("lock of the account", "lock of the payment")
STEPS = (*APPLYING, *TELLING, *COMMITTING)
BATCH = ("first of a batch", "second of a batch", "third of a batch")
# How many workers took the callback: one when its transaction was complete or its claim was undone with the worker.
ONE_WORKER = {"claim", "commit", *TELLING, "commit of the news", "first of a batch"}


@dataclass(frozen=True)
class Outcome:
    """What one payment left behind."""

    payment: str
    callback: str
    attempts: int  # how many workers took the callback
    receipts: tuple[tuple[int, int], ...]  # received, allocated
    allocations: int
    entries: tuple[int, ...]
    balance_cents: int
    successes: int  # in the payment's history
    news: tuple[str, ...]
    slips: tuple[str, ...]
    slip_ends: int
    messages: int


def expected(attempts: int) -> Outcome:
    return Outcome(
        payment="SUCCEEDED",
        callback="APPLIED",
        attempts=attempts,
        receipts=((2600, 2600),),
        allocations=1,
        entries=(-2600, 2600),
        balance_cents=0,
        successes=1,
        news=("DONE", "DONE", "DONE"),  # the slip, the payer, arrears
        slips=("DONE",),
        slip_ends=1,
        messages=1,
    )


def outcome(payment: Payment) -> Outcome:
    payment.refresh_from_db()
    callback = GatewayCallback.objects.get(payment=payment)
    slips = Slip.objects.filter(subject_id=payment.reference)
    return Outcome(
        payment=payment.state,
        callback=callback.state,
        attempts=callback.attempts,
        receipts=tuple(payment.receipts.values_list("amount_cents", "allocated_cents")),
        allocations=Allocation.objects.filter(receipt__payment=payment).count(),
        entries=tuple(
            LedgerEntry.objects.filter(account=payment.account)
            .order_by("id")
            .values_list("amount_cents", flat=True)
        ),
        balance_cents=AccountBalance.objects.get(account=payment.account).balance_cents,
        successes=payment.history.filter(to_state="SUCCEEDED").count(),
        news=tuple(
            OutboxRow.objects.filter(key=f"payment:{payment.reference}").values_list("state", flat=True)
        ),
        slips=tuple(slips.values_list("state", flat=True)),
        slip_ends=SlipHistory.objects.filter(slip__in=slips, to_state=SlipState.DONE).count(),
        messages=Message.objects.filter(recipient_ref=f"account:{payment.account.number}").count(),
    )


def customer() -> Payment:
    """Somebody who owes 26.00, has gone to the cashier to pay it, and wants to be told."""
    user = build.user()
    account = build.account(user)
    payment = build.payment(account, first=build.bill(account), as_of=clock.now())
    slip_under_way(payment, user)
    return payment


def stop_one_worker_at_each_step(house: House, stops: Halts) -> dict[str, Payment]:
    """One customer a step; the worker that serves him stands there."""
    stopped = {}
    for number, step in enumerate(STEPS, start=1):
        payment = stopped[step] = customer()
        stops.at(payment.account_id, step)
        assert post(house, paid(payment)).accepted
        stops.wait_for(number)
    return stopped


def stop_one_worker_before_each_lock(house: House, stops: Halts) -> dict[str, Payment]:
    """The last to come, because no worker waits for these locks for longer than `billing.locks.LONGEST_WAIT`."""
    stopped = {step: customer() for step in LOCKS}
    stops.before_lock("accounts_billingaccount", stopped[LOCKS[0]].account_id)
    stops.before_lock("billing_payment", stopped[LOCKS[1]].pk)
    for number, payment in enumerate(stopped.values(), start=len(STEPS) + 2):
        assert post(house, paid(payment)).accepted
        stops.wait_for(number)
    return stopped


def stop_one_worker_within_a_batch(house: House, stops: Halts) -> dict[str, Payment]:
    """Three callbacks taken by one worker at once: it stands in the middle of the second."""
    group = os.getpgid(house.processes["worker"].pid)
    os.killpg(group, signal.SIGSTOP)
    batch = {name: customer() for name in BATCH}
    stops.at(batch[BATCH[1]].account_id, "receipt")
    for payment in batch.values():
        assert post(house, paid(payment)).accepted
    os.killpg(group, signal.SIGCONT)
    stops.wait_for(len(STEPS) + 1)
    return batch


def time_passes() -> None:
    """The leases of the dead run out; until now nobody else could take their rows, and none is held for longer."""
    held = GatewayCallback.objects.filter(state=CallbackState.NEW)
    ends = list(held.values_list("next_attempt_at", flat=True))
    assert ends
    assert max(ends) <= clock.now() + callbacks.QUEUE.lease
    held.update(next_attempt_at=clock.now())


def all_is_done() -> bool:
    return not (
        GatewayCallback.objects.filter(state=CallbackState.NEW).exists()
        or OutboxRow.objects.filter(state=OutboxRow.State.PENDING).exists()
    )


@pytest.mark.parametrize("victims", ["the pool", "the whole worker"])
def test_a_worker_killed_at_each_step_leaves_every_payment_applied_once(house: House, victims: str) -> None:
    house.start_worker(children=len(STEPS) + 5)
    with halts(house) as stops:
        paying = stop_one_worker_at_each_step(house, stops)
        paying |= stop_one_worker_within_a_batch(house, stops)
        paying |= stop_one_worker_before_each_lock(house, stops)
        house.kill_pool() if victims == "the pool" else house.kill_worker()
        stops.release()
    if victims == "the whole worker":
        house.start_worker(children=2)
    time_passes()
    assert post(house, paid(customer())).accepted  # the next customer's callback wakes the workers
    process.until(all_is_done, PATIENCE)
    assert {step: outcome(payment) for step, payment in paying.items()} == {
        step: expected(attempts=1 if step in ONE_WORKER else 2) for step in paying
    }
    assert build.books_are_right()
