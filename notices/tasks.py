import time

from celery import shared_task

from core import clock, pokes
from notices import queue
from notices.services import sending

LONG_ENOUGH = (
    120.0  # seconds; with a gateway that hangs a batch takes 100 more. The sweeper calls for the rest.
)


@shared_task(name=queue.TASK, queue=queue.CELERY_QUEUE, acks_late=True, time_limit=300, ignore_result=True)
def send_deliveries() -> int:
    """Sends what is due until nothing is left; safe to run twice and side by side. How many were tried."""
    pokes.arrived(queue.TASK)
    total, ends_at = 0, time.monotonic() + LONG_ENOUGH
    while time.monotonic() < ends_at and (taken := sending.work(clock=clock.now)):
        total += taken
    return total


@shared_task(
    name="notices.expire_secrets", queue=queue.CELERY_QUEUE, acks_late=True, time_limit=60, ignore_result=True
)
def expire_secrets() -> int:
    """Ends the secret messages that nobody could send in time; safe to run twice."""
    return sending.expire(as_of=clock.now())
