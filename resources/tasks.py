"""Background work of this room. Each task is safe to run twice and side by side."""

import time
from datetime import timedelta

from celery import shared_task

from core import clock, heartbeats, pokes
from resources import queue
from resources.services import provisioning, reservations, stock_check

_TURN_SECONDS = 60.0  # a batch of time-outs may take 130 more: within the time limit


@shared_task(name=queue.TASK, queue=queue.CELERY_QUEUE, acks_late=True, time_limit=300, ignore_result=True)
def carry_out_commands() -> int:
    """Carries out due commands until none is left or the turn is over; how many were tried."""
    pokes.arrived(queue.TASK)
    total, started = 0, time.monotonic()
    while taken := provisioning.work(clock=clock.now):
        total += taken
        if time.monotonic() - started > _TURN_SECONDS:
            queue.COMMANDS.poke()
            break
    provisioning.note_lost(as_of=clock.now())
    return total


@shared_task(name=reservations.JOB, queue="default", acks_late=True, time_limit=120, ignore_result=True)
def free_expired() -> int:
    """Gives pieces free that were put aside and not confirmed in time."""
    return reservations.free_expired(as_of=clock.now())


@shared_task(name=stock_check.JOB, queue="default", acks_late=True, time_limit=600, ignore_result=True)
def check_stock() -> int:
    """The nightly proof that levels are the sums of their moves; how many are not."""
    now = clock.now()
    with heartbeats.beat(stock_check.JOB, every=timedelta(days=1), as_of=now) as run:
        wrong = stock_check.differences()
        run.detail.update(differences=len(wrong), first=[str(each) for each in wrong[:20]])
        run.ok = not wrong
    return len(wrong)
