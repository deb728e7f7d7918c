from datetime import timedelta

from celery import shared_task

from core import clock, heartbeats
from operations.serving import sessions


@shared_task(
    name="operations.end_idle_serving", queue="default", acks_late=True, time_limit=120, ignore_result=True
)
def end_idle_serving() -> None:
    """Ends the serving of customers in which nothing was done for too long; safe to run twice."""
    now = clock.now()
    with heartbeats.beat("operations.end_idle_serving", every=timedelta(minutes=5), as_of=now) as run:
        run.detail["ended"] = sessions.end_idle(as_of=now)
