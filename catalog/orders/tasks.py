"""Background work of this flat. Each task is safe to run twice and side by side."""

from celery import shared_task

from catalog.orders.services import renewals, watch
from core import clock


@shared_task(name=watch.TASK, queue="default", acks_late=True, time_limit=3600, ignore_result=True)
def watch_orders() -> int:
    """Carries out what is paid, cancels what is not, gives back what could not be done. How many orders."""
    return watch.run_now(as_of=clock.now()).done


@shared_task(name=renewals.TASK, queue="default", acks_late=True, time_limit=3600, ignore_result=True)
def remind_renewals() -> int:
    """Tells of the further terms that begin soon. How many."""
    return renewals.run_now(as_of=clock.now()).told
