"""The job that carries out what was asked for a day that has come: ends, begins, and who pays from this month on.

Level-triggered: each run looks at what is due now, so that a second run, or one after a crash or a day without a
scheduler, does what is left and nothing twice.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from catalog.holdings.models import Subscription, SubscriptionState
from catalog.holdings.services import families, subscriptions
from catalog.holdings.services.steps import Outcome
from core import heartbeats
from core.actor import Actor
from core.clock import local_date
from core.errors import HallError

log = logging.getLogger(__name__)
JOB, TASK, EVERY = "end_subscriptions", "catalog.end_subscriptions", timedelta(hours=1)
heartbeats.expect(JOB, every=EVERY)
ACTOR = Actor.job(JOB)
CHUNK = 200
_S = SubscriptionState

_PAYERS = """
    UPDATE catalog_subscription s SET payer_id = now.payer_id
      FROM (SELECT held.id, coalesce(f.payer_id, held.account_id) AS payer_id
              FROM catalog_subscription held
              LEFT JOIN catalog_familymember m ON m.account_id = held.account_id AND m.active_from <= %(today)s
                    AND (m.active_to IS NULL OR m.active_to > %(today)s)
              LEFT JOIN catalog_family f ON f.id = m.family_id
             WHERE held.account_id IN (SELECT account_id FROM catalog_familymember)
               AND held.state IN ('PENDING', 'ACTIVE')) AS now
     WHERE now.id = s.id AND s.payer_id <> now.payer_id"""


@dataclass
class Counts:
    """Subscriptions: ended and begun (in a dry run: to be), waiting for a far system, refused, failed."""

    ended: int = 0
    begun: int = 0
    waiting: int = 0
    refused: int = 0  # an end without a slip, e.g. an imported one: somebody must terminate it with evidence
    failed: int = 0
    payers: int = 0  # whose payer is another one from this month on

    def as_json(self) -> dict[str, int]:
        return asdict(self)

    @property
    def done(self) -> int:
        return self.ended + self.begun

    @property
    def touched(self) -> int:
        return self.done + self.waiting + self.refused + self.failed


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked to do."""

    as_of: datetime
    dry_run: bool = False
    limit: int | None = None  # subscriptions; None: all
    account_number: str = ""  # "": all accounts
    region_code: str = ""  # "": all regions; of the account itself
    stop: Callable[[], bool] = field(default=lambda: False)  # asked between chunks


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat."""
    total = Counts()
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        for total in run(Job(as_of=as_of)):
            beat.detail |= total.as_json()
            beat.ok = not total.failed
    return total


def run(job: Job) -> Iterator[Counts]:
    """Counts after each chunk. Ends come first: what takes the place of something begins when that is over."""
    total = Counts()
    for rows, step in ((_ending(job), _end), (_beginning(job), _begin)):
        for numbers in _chunks(job, rows, total):
            for number in numbers:
                _one(job, number, step, total)
            yield total
    if not job.dry_run and not job.account_number and not job.stop():
        families.end_late(actor=ACTOR, as_of=job.as_of)
        total.payers = note_payers(as_of=job.as_of)
    yield total


def note_payers(*, as_of: datetime) -> int:
    """Each subscription in use names who pays for it today; how many named another one before."""
    with connection.cursor() as cursor:
        cursor.execute(_PAYERS, {"today": local_date(as_of)})
        changed: int = cursor.rowcount
    return changed


def _ending(job: Job) -> "QuerySet[Subscription]":
    return _of(job).filter(state=_S.ACTIVE, ends_on__lte=local_date(job.as_of))


def _beginning(job: Job) -> "QuerySet[Subscription]":
    return _of(job).filter(state=_S.PENDING, begins_on__lte=local_date(job.as_of))


def _of(job: Job) -> "QuerySet[Subscription]":
    rows = Subscription.objects.all()
    if job.account_number:
        rows = rows.filter(account__number=job.account_number)
    return rows.filter(account__region__code=job.region_code) if job.region_code else rows


def _chunks(job: Job, rows: "QuerySet[Subscription]", total: Counts) -> Iterator[list[str]]:
    """The numbers of what is due, by id, until the limit or the wish to stop."""
    beyond = 0
    while not job.stop():
        most = CHUNK if job.limit is None else min(CHUNK, job.limit - total.touched)
        found = list(rows.filter(pk__gt=beyond).order_by("pk").values_list("pk", "number")[: max(most, 0)])
        if not found:
            return
        beyond = found[-1][0]
        yield [number for _pk, number in found]


def _one(job: Job, number: str, step: Callable[[Job, str, Counts], None], total: Counts) -> None:
    """A refused or failed one is counted and leaves the others alone; its transaction is undone."""
    try:
        step(job, number, total)
    except HallError as error:
        log.warning("subscription is due and refused", extra={"subscription": number, "code": error.code})
        total.refused += 1
    except Exception:
        log.exception("subscription is due and failed", extra={"subscription": number})
        total.failed += 1


def _end(job: Job, number: str, total: Counts) -> None:
    outcome = Outcome.DONE
    if not job.dry_run:
        outcome = subscriptions.carry_out_end(number=number, actor=ACTOR, as_of=job.as_of)
    total.ended += outcome == Outcome.DONE
    total.waiting += outcome != Outcome.DONE


def _begin(job: Job, number: str, total: Counts) -> None:
    outcome = Outcome.DONE
    if not job.dry_run:
        outcome = subscriptions.carry_out_begin(number=number, actor=ACTOR, as_of=job.as_of)
    total.begun += outcome == Outcome.DONE
    total.waiting += outcome != Outcome.DONE
