import logging
from datetime import datetime, timedelta

from celery import shared_task

from accounts.models import LoginClosing
from accounts.services import closings, code_requests, data_exports, invitations, users
from core import clock, heartbeats, pokes
from core.actor import Actor

log = logging.getLogger(__name__)
JOB = Actor.job("accounts")
heartbeats.expect("accounts.close_logins", every=timedelta(hours=1))


@shared_task(name="accounts.purge", queue="default", acks_late=True, time_limit=300, ignore_result=True)
def purge() -> None:
    """Forgets what is over: unfinished sign-ups, requests for codes, copies of data, invitations; safe to run twice."""
    now = clock.now()
    with heartbeats.beat("accounts.purge", every=timedelta(days=1), as_of=now) as run:
        run.detail["users"] = users.forget_abandoned(as_of=now)
        run.detail["code_requests"] = code_requests.forget_old(as_of=now)
        run.detail["data_exports"] = data_exports.purge(as_of=now)
        run.detail["invitations"] = invitations.end_late(actor=JOB, as_of=now)


@shared_task(name=data_exports.TASK, queue="default", acks_late=True, time_limit=240, ignore_result=True)
def make_data_exports() -> int:
    """Makes the copies of users' data that were asked for; safe to run twice and side by side."""
    pokes.arrived(data_exports.TASK)
    made = 0
    for row in data_exports.claim(as_of=clock.now()):
        made += data_exports.make(row, as_of=clock.now())
    return made


@shared_task(
    name="accounts.close_logins", queue="default", acks_late=True, time_limit=600, ignore_result=True
)
def close_logins() -> None:
    """Makes anonymous whoever asked for it seven days ago and has not logged in since; safe to run twice."""
    now = clock.now()
    with heartbeats.beat("accounts.close_logins", every=timedelta(hours=1), as_of=now) as run:
        ended = [_closed(row, now) for row in closings.due(as_of=now)]
        run.detail |= {state: ended.count(state) for state in set(ended)}
        run.ok = "failed" not in ended


def _closed(row: LoginClosing, as_of: datetime) -> str:
    """How it ended; one that fails keeps nobody else waiting."""
    try:
        return str(closings.carry_out(row, actor=JOB, as_of=as_of))
    except Exception:
        log.exception("a login could not be closed", extra={"closing": row.pk})
        return "failed"
