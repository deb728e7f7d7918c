"""The job that ends pauses on their day, and tells of it some days before.

Level-triggered: each run looks at what is due now, so that a second run, or one after a crash or a day without a
scheduler, does what is left and nothing twice. A run that comes late ends a pause on the day of the run:
nobody is charged for days on which he was still off.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet

from catalog.holdings.services.steps import Outcome
from catalog.pauses.models import Pause
from catalog.pauses.selectors import pauses as reads
from catalog.pauses.services import pauses
from core import heartbeats
from core.actor import Actor
from core.clock import local_date

log = logging.getLogger(__name__)
JOB, TASK, EVERY = "end_pauses", "catalog.end_pauses", timedelta(hours=1)
heartbeats.expect(JOB, every=EVERY)
ACTOR = Actor.job(JOB)
CHUNK = 200
NOTICE = timedelta(days=3)  # so long before its end a pause is told of


@dataclass
class Counts:
    """Pauses: ended and told of (in a dry run: to be), left as they are because somebody was faster, failed."""

    ended: int = 0
    told: int = 0
    unchanged: int = 0
    failed: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)

    @property
    def touched(self) -> int:
        return self.ended + self.told + self.unchanged + self.failed


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked to do."""

    as_of: datetime
    dry_run: bool = False
    limit: int | None = None  # pauses; None: all
    account_number: str = ""  # "": all accounts
    region_code: str = ""  # "": all regions; of the account itself
    stop: Callable[[], bool] = field(default=lambda: False)  # asked between chunks


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat; not ok when one failed."""
    total = Counts()
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        for total in run(Job(as_of=as_of)):
            beat.detail |= total.as_json()
            beat.ok = not total.failed
    return total


def run(job: Job) -> Iterator[Counts]:
    """Counts after each chunk. Ends come first: what is over is not announced any more."""
    total, today = Counts(), local_date(job.as_of)
    of_job = _of(job)
    due = of_job.filter(resume_on__lte=today)
    soon = of_job.filter(resume_on__gt=today, resume_on__lte=today + NOTICE, told_at=None)
    for rows, step in ((due, _end), (soon, _tell)):
        for chunk in _chunks(job, rows, total):
            for pause in chunk:
                _one(job, pause, step, total)
            yield total
    yield total


def _of(job: Job) -> "QuerySet[Pause]":
    rows = reads.running()
    if job.account_number:
        rows = rows.filter(suspension__subscription__account__number=job.account_number)
    if job.region_code:
        rows = rows.filter(suspension__subscription__account__region__code=job.region_code)
    return rows


def _chunks(job: Job, rows: "QuerySet[Pause]", total: Counts) -> Iterator[list[Pause]]:
    """What is due, by id, until the limit or the wish to stop."""
    beyond = 0
    while not job.stop():
        most = CHUNK if job.limit is None else min(CHUNK, job.limit - total.touched)
        found = list(rows.filter(pk__gt=beyond).order_by("pk")[: max(most, 0)])
        if not found:
            return
        beyond = found[-1].pk
        yield found


def _one(job: Job, pause: Pause, step: Callable[[Job, Pause, Counts], None], total: Counts) -> None:
    """One that fails is counted and leaves the others alone; its transaction is undone."""
    try:
        step(job, pause, total)
    except Exception:
        log.exception("a pause is due and failed", extra={"pause": pause.pk})
        total.failed += 1


def _end(job: Job, pause: Pause, total: Counts) -> None:
    outcome = Outcome.DONE
    if not job.dry_run:
        outcome = pauses.end_if_due(pause=pause, actor=ACTOR, as_of=job.as_of)
    total.ended += outcome == Outcome.DONE
    total.unchanged += outcome != Outcome.DONE


def _tell(job: Job, pause: Pause, total: Counts) -> None:
    outcome = Outcome.DONE
    if not job.dry_run:
        outcome = pauses.remind(pause=pause, as_of=job.as_of)
    total.told += outcome == Outcome.DONE
    total.unchanged += outcome != Outcome.DONE
