"""The job that tells of renewals ahead: what is paid per term and goes on by itself, some days before it does.

The fee of a further term stands on the bill of the month in which it begins (docs/pricing.md); nothing is charged
here. Told once per term: the message's key is the subscription and the day.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from catalog.choices import Cycle
from catalog.holdings.models import Subscription, SubscriptionState
from catalog.orders.selectors import renewals as reads
from catalog.orders.services import news
from core import clock, heartbeats
from core.actor import Actor
from notices.models import Message

log = logging.getLogger(__name__)
JOB, TASK, EVERY = "remind_renewals", "catalog.remind_renewals", timedelta(days=1)
heartbeats.expect(JOB, every=EVERY)
ACTOR = Actor.job(JOB)
CHUNK = 200


@dataclass
class Counts:
    """Subscriptions: told of (in a dry run: to be), told before, without anybody to tell, failed."""

    told: int = 0
    known: int = 0
    unreachable: int = 0
    failed: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)

    @property
    def touched(self) -> int:
        return self.told + self.known + self.unreachable + self.failed


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked to do."""

    as_of: datetime
    dry_run: bool = False
    limit: int | None = None  # subscriptions; None: all
    account_number: str = ""  # "": all accounts
    region_code: str = ""  # "": all regions
    stop: Callable[[], bool] = field(default=lambda: False)  # asked between chunks


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat; not ok when somebody could not be told."""
    total = Counts()
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        for total in run(Job(as_of=as_of)):
            beat.detail |= total.as_json()
            beat.ok = not total.failed
    return total


def run(job: Job) -> Iterator[Counts]:
    """Counts after each chunk."""
    total, beyond = Counts(), 0
    while not job.stop():
        most = CHUNK if job.limit is None else min(CHUNK, job.limit - total.touched)
        rows = list(_renewed(job).filter(pk__gt=beyond).order_by("pk")[: max(most, 0)])
        if not rows:
            break
        beyond = rows[-1].pk
        for row, ahead in reads.ahead(rows, as_of=job.as_of, until=_until(job.as_of)):
            _one(job, row, ahead, total)
        yield total
    yield total


def _until(as_of: datetime) -> date:
    return clock.local_date(as_of) + timedelta(days=settings.RENEWAL_NOTICE_DAYS)


def _renewed(job: Job) -> "QuerySet[Subscription]":
    """What goes on by itself for a further term, and nobody has asked to end."""
    rows = Subscription.objects.select_related("account", "offer").filter(
        state=SubscriptionState.ACTIVE, ends_on=None, offer__cycle=Cycle.TERM, offer__is_renewed=True
    )
    if job.account_number:
        rows = rows.filter(account__number=job.account_number)
    return rows.filter(account__region__code=job.region_code) if job.region_code else rows


def _one(job: Job, row: Subscription, ahead: reads.Renewal, total: Counts) -> None:
    """One that fails is counted and leaves the others alone."""
    try:
        if Message.objects.filter(dedupe_key=news.renewal_key(row.number, ahead.day)).exists():
            total.known += 1
        elif job.dry_run or news.renewal(
            row.account,
            number=row.number,
            offer=row.offer.name,
            day=ahead.day,
            cents=ahead.cents,
            as_of=job.as_of,
        ):
            total.told += 1
        else:
            total.unreachable += 1
    except Exception:
        log.exception("nobody was told of a renewal", extra={"subscription": row.number})
        total.failed += 1
