"""The job that watches orders: paid ones that no news came of, unpaid ones whose time is over, stuck ones.

Level-triggered: each run looks at what is due now. What a far system could not do goes to a person at once; when the
promised time is over and nobody could do it either, that part fails and is given back, so that no customer waits for
ever.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from catalog.orders.models import LineState, Order, OrderLine, OrderState
from catalog.orders.services import orders
from core import heartbeats
from core.actor import Actor
from core.errors import HallError

log = logging.getLogger(__name__)
JOB, TASK, EVERY = "watch_orders", "catalog.watch_orders", timedelta(minutes=5)
heartbeats.expect(JOB, every=EVERY)
ACTOR = Actor.job(JOB)
CHUNK = 100
TOO_LATE = "NOT_SWITCHED_ON"  # why a part failed
_O = OrderState
# Its far system said no, or gave up: a command that is merely late may still come.
_REFUSED = OrderLine.objects.filter(order=OuterRef("pk"), state=LineState.WORKING).exclude(error="")


@dataclass
class Counts:
    """Orders: carried out, cancelled, given up; still stuck; failed to be worked on."""

    paid: int = 0
    cancelled: int = 0
    given_up: int = 0
    stuck: int = 0
    failed: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)

    @property
    def done(self) -> int:
        return self.paid + self.cancelled + self.given_up


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked to do."""

    as_of: datetime
    dry_run: bool = False
    limit: int | None = None  # orders; None: all
    account_number: str = ""  # "": all accounts
    region_code: str = ""  # "": all regions
    stop: Callable[[], bool] = field(default=lambda: False)  # asked between chunks


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat; not ok when an order could not be worked on."""
    total = Counts()
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        for total in run(Job(as_of=as_of)):
            beat.detail |= total.as_json()
            beat.ok = not total.failed
    return total


def run(job: Job) -> Iterator[Counts]:
    """Counts after each chunk."""
    total = Counts()
    for rows, step in ((_paid(job), _carry_out), (_unpaid(job), _cancel), (_late(job), _give_up)):
        for numbers in _chunks(job, rows, total):
            for number in numbers:
                _one(job, number, step, total)
            yield total
    total.stuck = stuck(_of(job), as_of=job.as_of).count()
    yield total


def stuck(rows: "QuerySet[Order]", *, as_of: datetime) -> "QuerySet[Order]":
    """Those that should be on by now and are not, or of which a far system said no: a person must look."""
    under_way = rows.filter(state__in=(_O.SUBMITTED, _O.IN_PROGRESS))
    return under_way.filter(Q(promised_at__lte=as_of) | Exists(_REFUSED))


def _paid(job: Job) -> "QuerySet[Order]":
    return _of(job).filter(state=_O.ACCEPTED, bill__open_cents=0)


def _unpaid(job: Job) -> "QuerySet[Order]":
    return _of(job).filter(state=_O.ACCEPTED, due_at__lte=job.as_of, bill__open_cents__gt=0)


def _late(job: Job) -> "QuerySet[Order]":
    """Promised, and a far system said no."""
    late = _of(job).filter(state=_O.IN_PROGRESS, promised_at__lte=job.as_of)
    return late.filter(Exists(_REFUSED))


def _of(job: Job) -> "QuerySet[Order]":
    rows = Order.objects.filter(finished_at=None)
    if job.account_number:
        rows = rows.filter(account__number=job.account_number)
    return rows.filter(account__region__code=job.region_code) if job.region_code else rows


def _chunks(job: Job, rows: "QuerySet[Order]", total: Counts) -> Iterator[list[str]]:
    beyond = 0
    while not job.stop():
        most = CHUNK if job.limit is None else min(CHUNK, job.limit - total.done - total.failed)
        found = list(rows.filter(pk__gt=beyond).order_by("pk").values_list("pk", "number")[: max(most, 0)])
        if not found:
            return
        beyond = found[-1][0]
        yield [number for _pk, number in found]


def _one(job: Job, number: str, step: Callable[[Job, str, Counts], None], total: Counts) -> None:
    """One that fails is counted and leaves the others alone; its transaction is undone."""
    try:
        step(job, number, total)
    except HallError as error:  # it moved on meanwhile
        log.info("order not touched", extra={"order": number, "code": error.code})
    except Exception:
        log.exception("order failed", extra={"order": number})
        total.failed += 1


def _carry_out(job: Job, number: str, total: Counts) -> None:
    total.paid += job.dry_run or orders.paid(number=number, actor=ACTOR, as_of=job.as_of)


def _cancel(job: Job, number: str, total: Counts) -> None:
    total.cancelled += job.dry_run or orders.unpaid(number=number, actor=ACTOR, as_of=job.as_of)


def _give_up(job: Job, number: str, total: Counts) -> None:
    if not job.dry_run:
        orders.give_up(number=number, code=TOO_LATE, actor=ACTOR, as_of=job.as_of)
    total.given_up += 1
