"""Each job of the beat schedule leaves a heartbeat: those that write none themselves get one when they end.

Sweepers run every few seconds, also when poked; their heartbeat is written at most every `_SELDOM`.
"""

import logging
import time
from datetime import timedelta
from itertools import pairwise
from typing import Any

from celery import states
from celery.schedules import crontab, schedule
from celery.signals import task_postrun
from django.conf import settings

from core import clock, heartbeats

log = logging.getLogger(__name__)
_DAY = 24 * 60
_SHORTEST = timedelta(seconds=60)  # a busy machine may be late by some runs of a sweeper
_SELDOM = timedelta(seconds=20)
# Tasks that write a heartbeat of their own: task → job.
OWN = {
    heartbeats.TICK: heartbeats.TICK,
    "accounts.close_logins": "accounts.close_logins",
    "accounts.purge": "accounts.purge",
    "arrears.assess": "assess_arrears",
    "arrears.restore": "restore_services",
    "arrears.seal_evidence": "seal_evidence",
    "arrears.watch_escalations": "watch_escalations",
    "billing.check_ledgers": "check_ledgers",
    "billing.collect_debits": "collect_debits",
    "billing.mail_bills": "mail_bills",
    "billing.settle_undecided": "settle_undecided",
    "billing.warn_large_bills": "warn_large_bills",
    "billing.watch_refunds": "watch_refunds",
    "catalog.end_subscriptions": "end_subscriptions",
    "content.check_freshness": "content.check_freshness",
    "hall.purge": "purge",
    "notices.fire_triggers": "fire_triggers",
    "resources.check_stock": "resources.check_stock",
}
_written: dict[str, float] = {}  # task → when this process last wrote its heartbeat


def scheduled() -> dict[str, timedelta]:
    """Every task of the schedule, with the longest time between two of its starts."""
    entries: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE
    return {entry["task"]: interval(entry["schedule"]) for entry in entries.values()}


def interval(when: Any) -> timedelta:
    """The longest pause of a schedule: seconds, a timedelta, or a crontab of minutes and hours."""
    if isinstance(when, crontab):
        clock_face: Any = when  # its sets of hours and minutes have no types
        minutes = sorted(hour * 60 + minute for hour in clock_face.hour for minute in clock_face.minute)
        longest = max(later - earlier for earlier, later in pairwise([*minutes, minutes[0] + _DAY]))
        return timedelta(minutes=longest)
    if isinstance(when, schedule):
        when = getattr(when, "run_every")  # noqa: B009  untyped
    return when if isinstance(when, timedelta) else timedelta(seconds=float(when))


def expect_all() -> None:
    """From now on each job of the schedule is missed when it stays away, also when it never ran."""
    if settings.BACKUPS_EXPECTED:
        heartbeats.expect("backup", every=timedelta(days=1))
    known = heartbeats.expected()
    for task, every in scheduled().items():
        if OWN.get(task, task) not in known:
            heartbeats.expect(OWN.get(task, task), every=max(every, _SHORTEST))
    task_postrun.connect(_task_ended, dispatch_uid="hall.upkeep.schedule")


def _task_ended(task: Any = None, state: str = "", **_: object) -> None:
    every = scheduled().get(task.name)
    if every is None or task.name in OWN:
        return
    seen = time.monotonic()
    if state == states.SUCCESS and seen - _written.get(task.name, -1e9) < min(_SELDOM, every).total_seconds():
        return
    _written[task.name] = seen
    try:
        heartbeats.note(task.name, every=max(every, _SHORTEST), as_of=clock.now(), ok=state == states.SUCCESS)
    except Exception:  # the task has done its work; that its heartbeat is missing will be seen
        log.exception("heartbeat not written", extra={"job": task.name})
