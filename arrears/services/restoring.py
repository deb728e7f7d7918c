"""Lines that are off for arrears although nothing is owed any more: on again. A net under `assessing`."""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from accounts.models import BillingAccount
from accounts.selectors import regions
from arrears import locks
from arrears.choices import Stage
from arrears.selectors import facts as facts_reads
from arrears.selectors import policies
from arrears.services import assessing, casework, runs
from core import clock, heartbeats
from core.actor import Actor
from core.errors import NotFound

log = logging.getLogger(__name__)
JOB, EVERY = "restore_services", timedelta(minutes=10)
heartbeats.expect(JOB, every=EVERY)
_OFF = """
    SELECT DISTINCT s.payer_id FROM catalog_suspension off
      JOIN catalog_subscription s ON s.id = off.subscription_id
      JOIN accounts_billingaccount account ON account.id = s.payer_id
     WHERE off.reason = 'ARREARS' AND off.ends_on IS NULL AND s.state = 'ACTIVE' AND s.payer_id > %(after)s
       AND (%(account)s = '' OR account.number = %(account)s)
       AND (%(regions)s::bigint[] IS NULL OR account.region_id = ANY(%(regions)s))
     ORDER BY s.payer_id LIMIT 500"""


@dataclass
class Counts:
    """Accounts looked at; lines on again, or that a dry run would switch; accounts that failed."""

    looked: int = 0
    restored: int = 0
    failed: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(runs.Job):
    actor: Actor = field(default_factory=lambda: Actor.job(JOB))


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat."""
    return runs.last(runs.whole(JOB, EVERY, Job(as_of=as_of), run), Counts())


def watched(job: Job) -> Iterator[Counts]:
    """`run`, with the heartbeat of the job where it is all of today's."""
    return runs.watched(JOB, EVERY, job, run)


def run(job: Job) -> Iterator[Counts]:
    """Each account on its own, behind its lock; the counts after each page of them. Raises NotFound, UnknownRegion."""
    if job.account and not BillingAccount.objects.filter(number=job.account).exists():
        raise NotFound()
    beneath = regions.beneath(job.region) if job.region else None
    total, after = Counts(), 0
    while not job.stop():
        with connection.cursor() as cursor:
            cursor.execute(_OFF, {"after": after, "account": job.account, "regions": beneath})
            ids = [account_id for (account_id,) in cursor.fetchall()]
        if not ids:
            return
        for account_id in ids:
            if job.stop() or (job.limit is not None and total.looked >= job.limit):
                yield total
                return
            _one(job, account_id, total)
        after = ids[-1]
        yield total


def _one(job: Job, account_id: int, total: Counts) -> None:
    total.looked += 1
    try:
        with transaction.atomic():
            total.restored += _restored(job, account_id)
    except Exception:
        log.exception("service not restored", extra={"account": account_id})
        total.failed += 1


def _restored(job: Job, account_id: int) -> int:
    """Judged as after a payment; then whatever is off without a case that says so."""
    if not job.dry_run:
        locks.accounts([account_id])
    today = clock.local_date(job.as_of)
    subjects = facts_reads.of([account_id], as_of=job.as_of)
    judged = assessing.judge(subjects.values(), policies.book(today), today)
    if any(each.decision.stage in casework.OFF_STAGES for each in judged):
        return 0
    if any(each.decision.stage == Stage.DISCONNECTED for each in judged):
        return 0
    if job.dry_run:
        return len(casework.lines_off([account_id]))
    done = assessing.write(
        [each for each in judged if each.decision.close], actor=job.actor, as_of=job.as_of
    ).restored
    more = casework.restore([account_id], actor=job.actor, as_of=job.as_of)
    return done + sum(len(numbers) for numbers in more.values())
