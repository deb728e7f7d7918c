from datetime import timedelta

from celery import shared_task

from accounts.services import code_requests, users
from core import clock, heartbeats


@shared_task(name="accounts.purge", queue="default", acks_late=True, time_limit=300, ignore_result=True)
def purge() -> None:
    """Forgets sign-ups that nobody finished and old requests for codes; safe to run twice."""
    now = clock.now()
    with heartbeats.beat("accounts.purge", every=timedelta(days=1), as_of=now) as run:
        run.detail["users"] = users.forget_abandoned(as_of=now)
        run.detail["code_requests"] = code_requests.forget_old(as_of=now)
