"""Background work of arrears. Each task is safe to run twice and side by side."""

from celery import shared_task

from arrears.services import bulk_assessing, escalations, evidence, restoring
from core import clock


@shared_task(name="arrears.assess", queue="default", acks_late=True, time_limit=3600, ignore_result=True)
def assess() -> int:
    """The daily pass. How many cases were opened, moved on or closed."""
    done = bulk_assessing.run_now(as_of=clock.now())
    return done.opened + done.moved + done.closed


@shared_task(name="arrears.restore", queue="default", acks_late=True, time_limit=600, ignore_result=True)
def restore() -> int:
    """Switches on again what is off for arrears although nothing is owed. How many lines."""
    return restoring.run_now(as_of=clock.now()).restored


@shared_task(
    name="arrears.seal_evidence", queue="default", acks_late=True, time_limit=3600, ignore_result=True
)
def seal_evidence() -> int:
    """The nightly seals and their root. How many accounts were sealed."""
    return evidence.run_now(as_of=clock.now()).sealed


@shared_task(
    name="arrears.watch_escalations", queue="default", acks_late=True, time_limit=60, ignore_result=True
)
def watch_escalations() -> int:
    """Complains in its heartbeat while an unanswered escalation is near its last day or over; how many are."""
    return escalations.watch(as_of=clock.now())
