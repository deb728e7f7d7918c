from celery import shared_task

from core import clock, outbox, pokes


@shared_task(name=outbox.TASK, queue="default", acks_late=True, time_limit=120, ignore_result=True)
def dispatch_outbox() -> int:
    """Carries out due news until none is left; safe to run twice and side by side."""
    pokes.arrived(outbox.TASK)
    total = 0
    while taken := outbox.dispatch(as_of=clock.now()):
        total += taken
    return total
