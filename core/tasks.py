import logging
import time
from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.signals import task_postrun, task_prerun
from django.conf import settings

from core import approvals, clock, heartbeats, logs, outbox, pokes
from core.uploads import files

log = logging.getLogger(__name__)
_TURN_SECONDS = 60.0  # well inside the time limit: a long backlog is worked off in several turns


@shared_task(
    name=outbox.TASK, queue="default", acks_late=True, soft_time_limit=100, time_limit=120, ignore_result=True
)
def dispatch_outbox() -> int:
    """Carries out due news until none is left or the turn is over; safe to run twice and side by side.

    A consumer that hangs meets the soft limit, which counts as its failure: its row backs off like any other.
    """
    pokes.arrived(outbox.TASK)
    total, started = 0, time.monotonic()
    while taken := outbox.dispatch(as_of=clock.now()):
        total += taken
        if time.monotonic() - started > _TURN_SECONDS:
            pokes.after_commit(outbox.TASK, queue="default")
            break
    return total


@shared_task(name=heartbeats.TICK, queue="default", acks_late=True, time_limit=30, ignore_result=True)
def tick() -> None:
    """Proves by a heartbeat that the scheduler and a worker are both alive."""
    with heartbeats.beat(heartbeats.TICK, every=heartbeats.TICK_EVERY, as_of=clock.now()):
        pass


@shared_task(
    name="core.withdraw_old_approvals", queue="default", acks_late=True, time_limit=120, ignore_result=True
)
def withdraw_old_approvals() -> int:
    """Requests that nobody decided for `APPROVAL_DAYS` days are withdrawn."""
    now = clock.now()
    return approvals.withdraw_old(before=now - timedelta(days=settings.APPROVAL_DAYS), as_of=now)


@shared_task(name="core.purge_uploads", queue="default", acks_late=True, time_limit=300, ignore_result=True)
def purge_uploads() -> None:
    """Files that nothing came to refer to are gone after a day; safe to run twice."""
    now = clock.now()
    with heartbeats.beat("core.purge_uploads", every=timedelta(days=1), as_of=now) as run:
        run.detail["gone"] = files.forget_unused(as_of=now)


@task_prerun.connect
def _task_begins(task_id: str, task: Any, **_: object) -> None:
    logs.task.set((task.name, task_id))


@task_postrun.connect
def _task_ends(**_: object) -> None:
    logs.task.set(None)
