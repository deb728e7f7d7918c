"""Background work of the front door: upkeep. Each task is safe to run twice and side by side."""

from celery import shared_task

from core import clock
from core.actor import Actor
from hall.upkeep import purging


@shared_task(name="hall.purge", queue="default", acks_late=True, time_limit=3600, ignore_result=True)
def purge() -> int:
    """Deletes what is past its time. How many rows."""
    return sum(purging.run(as_of=clock.now(), actor=Actor.job("purge")).counts.values())
