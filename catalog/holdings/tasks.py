"""Background work of this flat. Each task is safe to run twice and side by side."""

from celery import shared_task

from catalog.holdings.services import due
from core import clock


@shared_task(name=due.TASK, queue="default", acks_late=True, time_limit=3600, ignore_result=True)
def end_subscriptions() -> int:
    """Carries out the ends and begins whose day has come. How many."""
    return due.run_now(as_of=clock.now()).done
