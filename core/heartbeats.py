"""Recurring jobs say when they ran and how it ended, so that one which stopped is noticed.

    with heartbeats.beat("close_expired", every=timedelta(minutes=5), as_of=clock.now()) as run:
        run.detail["closed"] = payments.close_expired(…)

A job that should complain even if it never ran on this installation is also named at import time, by
`expect(job, every=…)`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min

from core.models import Heartbeat

TICK, TICK_EVERY = "core.tick", timedelta(seconds=60)  # the scheduler and a worker are alive: see core.tasks
PATIENCE = 3  # a job is silent after this many of its intervals
_expected: dict[str, timedelta] = {}


@dataclass
class Run:
    """One run of a job; what is put into `detail` (plain JSON values) is kept with its end.

    A job that ran to its end but found something wrong says so with `ok = False`.
    """

    job: str
    detail: dict[str, Any] = field(default_factory=dict)
    ok: bool = True


@dataclass(frozen=True)
class Silence:
    """A job that has not finished for too long; `last_finished_at` is None when it never did."""

    job: str
    every: timedelta
    last_finished_at: datetime | None


def expect(job: str, *, every: timedelta) -> None:
    """From now on `silent` complains about this job also when it has never run."""
    _expected[job] = every


@contextmanager
def beat(job: str, *, every: timedelta, as_of: datetime) -> Iterator[Run]:
    """Records start and end of one run, each in a transaction of its own: not to be used inside another one.

    An exception goes through; the run is then kept as not ok, with the name of the error and no text of it.
    """
    run = Run(job)
    started = time.monotonic()
    _write(job, expected_every_seconds=max(1, round(every.total_seconds())), last_started_at=as_of)
    ok = False
    try:
        yield run
        ok = run.ok
    except BaseException as error:
        run.detail["error"] = type(error).__name__
        raise
    finally:
        finished = as_of + timedelta(seconds=time.monotonic() - started)
        _write(job, last_finished_at=finished, last_ok=ok, detail=run.detail)


def note(job: str, *, every: timedelta, as_of: datetime, ok: bool) -> None:
    """Records the end of a run that was not watched by `beat`, in a transaction of its own."""
    _write(
        job, expected_every_seconds=max(1, round(every.total_seconds())), last_finished_at=as_of, last_ok=ok
    )


def last_start(job: str) -> datetime | None:
    """For when its last run was; None when it never ran."""
    return Heartbeat.objects.filter(pk=job).values_list("last_started_at", flat=True).first()


def expected() -> dict[str, timedelta]:
    """The jobs that are missed also when they never ran, with their intervals."""
    return dict(_expected)


def _write(job: str, **values: Any) -> None:
    with transaction.atomic(durable=True):
        if not Heartbeat.objects.filter(pk=job).update(**values):
            Heartbeat.objects.update_or_create(job=job, defaults=values)


def silent(*, as_of: datetime) -> list[Silence]:
    """The jobs whose last end is more than 3 × their interval ago, by name."""
    rows = {row.job: row for row in Heartbeat.objects.all()}
    since = _installed_at() or as_of
    found = [
        Silence(row.job, _every(row), row.last_finished_at)
        for row in rows.values()
        if (row.last_finished_at or row.last_started_at or since) + PATIENCE * _every(row) < as_of
    ]
    never = [
        Silence(job, every, None)
        for job, every in _expected.items()
        if job not in rows and since + PATIENCE * every < as_of
    ]
    return sorted(found + never, key=lambda silence: silence.job)


def _every(row: Heartbeat) -> timedelta:
    return timedelta(seconds=row.expected_every_seconds)


def _installed_at() -> datetime | None:
    """When the first migration ran: before that no job can have been due."""
    first: datetime | None = MigrationRecorder.Migration.objects.aggregate(first=Min("applied"))["first"]
    return first
