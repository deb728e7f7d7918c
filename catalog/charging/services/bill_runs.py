"""The bill run of a month: every account that pays for something in it, once, whoever starts it how often."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from catalog.charging import rules, texts
from catalog.charging.models import BillRun
from catalog.charging.selectors import candidates
from catalog.charging.selectors.candidates import Scope
from catalog.charging.services import charging
from catalog.charging.services.charging import Outcome
from catalog.offers.lines import Names
from catalog.pricing.types import Period
from core import batch, clock, heartbeats
from core.errors import HallError

log = logging.getLogger(__name__)
JOB = "issue_bills"
EVERY = timedelta(
    days=11
)  # it is missed after three of these: a month without a run is noticed two days later
heartbeats.expect(JOB, every=EVERY)
CHUNK = 1000


class MonthNotOver(HallError):
    code = "MONTH_NOT_OVER"
    message = _("这个月还没有结束，不能出账；可以先试算")


@dataclass
class Counts:
    """Accounts done, charged by somebody else meanwhile, failed; the bills that came of it, and months put right."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    bills: int = 0
    corrections: int = 0
    total_cents: int = 0

    def add(self, outcome: Outcome) -> None:
        self.done += outcome.done
        self.skipped += outcome.skipped
        self.failed += len(outcome.failed)
        self.bills += outcome.bills
        self.corrections += outcome.corrections
        self.total_cents += outcome.total_cents

    @property
    def touched(self) -> int:
        return self.done + self.skipped + self.failed

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked to do."""

    period: Period
    as_of: datetime
    scope: Scope = Scope()
    limit: int | None = None  # accounts; None: all
    stop: Callable[[], bool] = field(default=lambda: False)  # asked between chunks
    chunk: int = CHUNK  # accounts in one transaction

    @property
    def is_whole(self) -> bool:
        return self.scope.is_all and self.limit is None


def run(job: Job) -> Iterator[Counts]:
    """Counts after each chunk. A run of all accounts leaves a heartbeat. Raises MonthNotOver."""
    if not rules.is_over(job.period, clock.local_date(job.as_of)):
        raise MonthNotOver()
    if not job.is_whole:
        yield from _run(job)
        return
    with heartbeats.beat(JOB, every=EVERY, as_of=job.as_of) as beat:
        total = Counts()
        for total in _run(job):
            beat.detail |= {"period": job.period.code} | total.as_json()
            beat.ok = not total.failed
            yield total


def _run(job: Job) -> Iterator[Counts]:
    total, beyond = Counts(), 0
    _begin(job)
    charging.prepare()
    known = texts.names_on_bills()
    with batch.collecting_rarely():
        while not job.stop():
            most = job.chunk if job.limit is None else min(job.chunk, job.limit - total.touched)
            found = candidates.page(job.scope, job.period, beyond=beyond, most=max(most, 0))
            if not found:
                break
            beyond = found[-1][0]
            for outcome in _chunk(job, found, known):
                total.add(outcome)
            yield total
    _end(job)
    yield total


def _chunk(job: Job, found: Sequence[tuple[int, str]], known: Names) -> Iterator[Outcome]:
    """Together; if that fails, one by one, so that one bad row costs its own account only."""
    try:
        yield charging.charge([number for _id, number in found], job.period, known=known, as_of=job.as_of)
        return
    except Exception:
        log.exception("chunk of accounts failed, trying one by one", extra={"accounts": len(found)})
    for key, number in found:
        try:
            outcome = charging.charge([number], job.period, known=known, as_of=job.as_of)
        except Exception as error:
            log.exception("account not charged", extra={"account": number})
            outcome = Outcome(failed={key: type(error).__name__})
            charging.note_failed(outcome.failed, job.period, as_of=job.as_of)
        yield outcome


def _begin(job: Job) -> None:
    """From now on the month counts as charged: what changes in it is put right by a later run."""
    BillRun.objects.get_or_create(
        period=job.period.code, defaults={"started_at": job.as_of, "worked_at": job.as_of}
    )


def _end(job: Job) -> None:
    """The month is complete when no account is left in it, whoever did the last one."""
    left = candidates.page(Scope(), job.period, beyond=0, most=1)
    row = BillRun.objects.filter(period=job.period.code)
    if left:
        row.update(completed_at=None)
    else:
        row.filter(completed_at=None).update(completed_at=job.as_of)
