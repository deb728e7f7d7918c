"""The nightly seals: each account's new evidence hashed into its chain, and all seals of the night into one root.

Chunk by chunk, one transaction each, behind one lock: two processes take turns and write nothing twice. Stopped in the
middle it goes on where it stopped, also on a later night; a night that has its root is over. What is new is what was
written by transactions that were not over when the last root's search began: ids and times are not in the order of
commits, transactions are.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from accounts.models import BillingAccount
from accounts.selectors import regions
from arrears import evidence_rules, locks
from arrears.models import EvidenceRoot, EvidenceSeal, SealedRow, SealFailure
from arrears.selectors import evidence_checks, evidence_rows
from arrears.selectors.evidence_rows import Horizon, Row
from arrears.services import runs
from core import clock, heartbeats
from core.errors import NotFound

log = logging.getLogger(__name__)
JOB, EVERY = "seal_evidence", timedelta(days=1)
heartbeats.expect(JOB, every=EVERY)
CHUNK = 500  # accounts in one transaction
_TURN = 6203  # a space of advisory locks


@dataclass
class Counts:
    """Accounts and rows that were sealed (in a dry run: those that might be) and failed; the root made."""

    sealed: int = 0
    rows: int = 0
    failed: int = 0
    roots: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(runs.Job):
    """`limit`, `region`, `account`: a part of a night, which gets no root."""

    everything: bool = False  # look at all rows again, not only at what was written since the last root
    chunk: int = CHUNK

    @property
    def night(self) -> date:
        return clock.local_date(self.as_of)


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat."""
    return runs.last(runs.whole(JOB, EVERY, Job(as_of=as_of), run), Counts())


def watched(job: Job) -> Iterator[Counts]:
    """`run`, with the heartbeat of the job where it is all of today's."""
    return runs.watched(JOB, EVERY, job, run)


def run(job: Job) -> Iterator[Counts]:
    """Seals what is new; the counts after each chunk. Nothing once the night, or a later one, has its root.

    Raises NotFound, UnknownRegion.
    """
    total, only = Counts(), _only(job)
    if _is_over(job.night):
        yield total
        return
    now = evidence_rows.horizon(
        job.night
    )  # before anything is read: what commits later is found by the next night
    waiting = _waiting(job)
    wanted = [each for each in waiting if only is None or each in only][: job.limit]
    if job.dry_run:
        total.sealed = len(wanted)
        yield total
        return
    for begin in range(0, len(wanted), job.chunk):
        if job.stop():
            return
        _try_chunk(job, wanted[begin : begin + job.chunk], total)
        yield total
    if only is None and len(wanted) == len(waiting) and not job.stop():
        total.roots += _root(job, now)
        yield total


def _waiting(job: Job) -> list[int]:
    """Who may have something new: written since the last root, or left behind by a failure."""
    last = None if job.everything else _last_root()
    since = Horizon(last.sealed_on, last.horizon, last.cluster) if last and last.horizon is not None else None
    failed = SealFailure.objects.filter(resolved_at=None).values_list("account_id", flat=True)
    return sorted({*evidence_rows.unsealed(today=job.night, since=since), *failed})


def _only(job: Job) -> set[int] | None:
    """The accounts that are asked for; None: all."""
    if not (job.account or job.region):
        return None
    rows = BillingAccount.every.all()
    if job.region:
        rows = rows.filter(region_id__in=regions.beneath(job.region))
    if job.account:
        rows = rows.filter(number=job.account)
        if not rows.exists():
            raise NotFound()
    return set(rows.values_list("pk", flat=True))


def _is_over(night: date) -> bool:
    return EvidenceRoot.objects.filter(sealed_on__gte=night).exists()


def _last_root() -> EvidenceRoot | None:
    return EvidenceRoot.objects.order_by("-sealed_on").first()


def _try_chunk(job: Job, account_ids: Sequence[int], total: Counts) -> None:
    """Where one fails each is sealed by itself; those that still fail are kept for the next night."""
    try:
        sealed, rows = _chunk(job, account_ids)
    except Exception as error:
        if len(account_ids) > 1:
            for each in account_ids:
                _try_chunk(job, [each], total)
            return
        log.exception("evidence not sealed", extra={"account": account_ids[0]})
        _leave(job, account_ids[0], error)
        total.failed += 1
    else:
        total.sealed += sealed
        total.rows += rows


def _leave(job: Job, account_id: int, error: Exception) -> None:
    """Recorded, so that it is tried again although nothing new is written; raises where nothing can be written."""
    why = {"error": f"{type(error).__name__}: {error}"[:300], "failed_at": job.as_of, "resolved_at": None}
    SealFailure.objects.update_or_create(account_id=account_id, defaults=why)


@transaction.atomic
def _chunk(job: Job, account_ids: Sequence[int]) -> tuple[int, int]:
    """How many accounts and rows were sealed: none that another process has sealed meanwhile."""
    locks.turn(_TURN, 0)
    if _is_over(job.night):
        return 0, 0
    fresh = evidence_rows.of(account_ids, today=job.night, is_fresh=True)
    last = _last(account_ids)
    numbers = dict(BillingAccount.every.filter(pk__in=account_ids).values_list("pk", "number"))
    seals = [
        _seal(job, each, numbers[each], last.get(each), fresh[each]) for each in account_ids if fresh[each]
    ]
    made = EvidenceSeal.objects.bulk_create(seals)
    entries = [_entry(seal, row) for seal in made for row in fresh[seal.account_id]]
    SealedRow.objects.bulk_create(entries, batch_size=5000)
    SealFailure.objects.filter(account_id__in=account_ids, resolved_at=None).update(resolved_at=job.as_of)
    return len(made), len(entries)


def _last(account_ids: Sequence[int]) -> dict[int, EvidenceSeal]:
    """The newest seal of each."""
    seals = EvidenceSeal.objects.filter(account_id__in=account_ids).order_by("account_id", "-sequence")
    return {seal.account_id: seal for seal in seals.distinct("account_id")}


def _seal(
    job: Job, account_id: int, number: str, last: EvidenceSeal | None, rows: Sequence[Row]
) -> EvidenceSeal:
    sequence, previous = (last.sequence + 1, last.digest) if last else (1, "")
    digest = evidence_rules.seal_digest(
        account=number,
        sequence=sequence,
        sealed_on=job.night.isoformat(),
        previous=previous,
        entries=[row.entry for row in rows],
    )
    return EvidenceSeal(
        account_id=account_id,
        sequence=sequence,
        sealed_on=job.night,
        rows=len(rows),
        previous=previous,
        digest=digest,
        sealed_at=job.as_of,
    )


def _entry(seal: EvidenceSeal, row: Row) -> SealedRow:
    return SealedRow(
        seal=seal,
        account_id=seal.account_id,
        table_name=row.table,
        part=row.part,
        row_id=row.id,
        digest=row.digest,
        since=date.fromisoformat(row.since) if row.since else None,
    )


@transaction.atomic
def _root(job: Job, now: Horizon) -> int:
    """Closes the night and what was left of earlier ones; 0 when another process did."""
    locks.turn(_TURN, 0)
    if _is_over(job.night):
        return 0
    before = _last_root()
    previous = before.digest if before else ""
    root = evidence_rules.Root(previous, job.night.isoformat())
    after = before.sealed_on if before else None
    for number, sequence, digest in evidence_checks.under_root(after, job.night):
        root.add(number, sequence, digest)
    EvidenceRoot.objects.create(
        sealed_on=job.night,
        seals=root.seals,
        previous=previous,
        digest=root.digest,
        sealed_at=job.as_of,
        horizon=now.xid,
        cluster=now.cluster,
    )
    return 1
