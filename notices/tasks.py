import time

from celery import shared_task

from core import clock, pokes
from notices import queue
from notices.services import fallbacks, letters, receipt_polls, sending, triggering

LONG_ENOUGH = (
    120.0  # seconds; with a gateway that hangs a batch takes 100 more. The sweeper calls for the rest.
)
LONGEST_WAIT = 2.0  # seconds for a provider's rate; for a longer wait the sweeper calls


@shared_task(name=queue.TASK, queue=queue.CELERY_QUEUE, acks_late=True, time_limit=300, ignore_result=True)
def send_deliveries() -> int:
    """Sends what is due until nothing is left; safe to run twice and side by side. How many were tried."""
    pokes.arrived(queue.TASK)
    fallbacks.run(as_of=clock.now())
    total, ends_at = 0, time.monotonic() + LONG_ENOUGH
    while time.monotonic() < ends_at:
        turn = sending.turn(clock=clock.now)
        total += turn.taken
        if not turn.taken and not 0 < turn.wait <= LONGEST_WAIT:
            break
        if not turn.taken:  # a provider's rate is used up for the moment
            time.sleep(turn.wait)
    return total


@shared_task(
    name="notices.poll_receipts", queue=queue.CELERY_QUEUE, acks_late=True, time_limit=300, ignore_result=True
)
def poll_receipts() -> int:
    """Asks providers about messages whose receipts did not come; safe to run twice. How many were found."""
    return receipt_polls.run(clock=clock.now)


@shared_task(
    name="notices.deliver_letters",
    queue=queue.CELERY_QUEUE,
    acks_late=True,
    time_limit=300,
    ignore_result=True,
)
def deliver_letters() -> int:
    """Letters posted long enough ago count as delivered; safe to run twice. How many do since this run."""
    return letters.deliver(as_of=clock.now())


@shared_task(
    name="notices.expire_secrets", queue=queue.CELERY_QUEUE, acks_late=True, time_limit=60, ignore_result=True
)
def expire_secrets() -> int:
    """Ends the secret messages that nobody could send in time; safe to run twice."""
    return sending.expire(as_of=clock.now())


@shared_task(
    name=triggering.TASK, queue=queue.CELERY_QUEUE, acks_late=True, time_limit=3600, ignore_result=True
)
def fire_triggers() -> int:
    """Tells what triggers find today, each thing once; safe to run twice and side by side. How many were told."""
    return triggering.run_now(as_of=clock.now()).told
