"""Background work of this flat. Safe to run twice and side by side."""

from celery import shared_task

from catalog.pauses.services import ending
from core import clock


@shared_task(name=ending.TASK, queue="default", acks_late=True, time_limit=3600, ignore_result=True)
def end_pauses() -> int:
    """Ends the pauses whose day has come, and tells of those that end soon. How many ended."""
    return ending.run_now(as_of=clock.now()).ended
