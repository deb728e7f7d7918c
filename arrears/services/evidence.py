"""The nightly seals: each account's new evidence hashed into its chain, and all seals of the night into one root.

Chunk by chunk, one transaction each, behind one lock: two processes take turns and write nothing twice. Stopped in the
middle it goes on where it stopped; a night that has its root is over.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta

from django.db import models, transaction

from accounts.models import BillingAccount
from arrears import evidence_rules, locks
from arrears.models import EvidenceRoot, EvidenceSeal, SealedRow
from arrears.selectors import evidence_rows
from arrears.selectors.evidence_rows import Row
from core import clock, heartbeats

log = logging.getLogger(__name__)
JOB, EVERY = "seal_evidence", timedelta(days=1)
heartbeats.expect(JOB, every=EVERY)
CHUNK = 500  # accounts in one transaction
_TURN = 6203  # a space of advisory locks


@dataclass
class Counts:
    """Accounts and rows that were sealed (in a dry run: accounts that would be); chunks that failed; the root made."""

    sealed: int = 0
    rows: int = 0
    failed: int = 0
    roots: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Job:
    as_of: datetime
    dry_run: bool = False
    limit: int | None = None  # accounts; None: all. A part of a night gets no root
    stop: Callable[[], bool] = field(default=lambda: False)

    @property
    def night(self) -> date:
        return clock.local_date(self.as_of)


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat."""
    total = Counts()
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        for total in run(Job(as_of=as_of)):
            beat.detail |= total.as_json()
        beat.ok = not total.failed
    return total


def run(job: Job) -> Iterator[Counts]:
    """Seals what is new; the counts after each chunk. Nothing once the night, or a later one, has its root."""
    total = Counts()
    if _is_over(job.night):
        yield total
        return
    done = set(_sealed(job.night).values_list("account_id", flat=True))
    waiting = [account_id for account_id in evidence_rows.unsealed(today=job.night) if account_id not in done]
    wanted = waiting if job.limit is None else waiting[: job.limit]
    if job.dry_run:
        total.sealed = len(wanted)
        yield total
        return
    for begin in range(0, len(wanted), CHUNK):
        if job.stop():
            return
        _try_chunk(job, wanted[begin : begin + CHUNK], total)
        yield total
    if len(wanted) == len(waiting) and not job.stop():
        total.roots += _root(job)
        yield total


def _is_over(night: date) -> bool:
    return EvidenceRoot.objects.filter(sealed_on__gte=night).exists()


def _sealed(night: date) -> "models.QuerySet[EvidenceSeal]":
    return EvidenceSeal.objects.filter(sealed_on=night)


def _try_chunk(job: Job, account_ids: Sequence[int], total: Counts) -> None:
    """One that fails is left for the next night; the others are sealed."""
    try:
        sealed, rows = _chunk(job, account_ids)
    except Exception:
        log.exception("evidence not sealed", extra={"accounts": [account_ids[0], account_ids[-1]]})
        total.failed += 1
    else:
        total.sealed += sealed
        total.rows += rows


@transaction.atomic
def _chunk(job: Job, account_ids: Sequence[int]) -> tuple[int, int]:
    """How many accounts and rows were sealed: fewer where another process was there first."""
    locks.turn(_TURN, 0)
    if _is_over(job.night):
        return 0, 0
    done = set(_sealed(job.night).filter(account_id__in=account_ids).values_list("account_id", flat=True))
    left = [each for each in account_ids if each not in done]
    fresh = evidence_rows.of(left, today=job.night, is_fresh=True)
    last = _last(left)
    numbers = dict(BillingAccount.every.filter(pk__in=left).values_list("pk", "number"))
    seals = [_seal(job, each, numbers[each], last.get(each), fresh[each]) for each in left if fresh[each]]
    made = EvidenceSeal.objects.bulk_create(seals)
    entries = [_entry(seal, row) for seal in made for row in fresh[seal.account_id]]
    SealedRow.objects.bulk_create(entries, batch_size=5000)
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
def _root(job: Job) -> int:
    """Closes the night; 0 when another process did."""
    locks.turn(_TURN, 0)
    if _is_over(job.night):
        return 0
    before = EvidenceRoot.objects.order_by("-sealed_on").first()
    previous = before.digest if before else ""
    root = evidence_rules.Root(previous, job.night.isoformat())
    seals = _sealed(job.night).order_by("account_id").values_list("account__number", "sequence", "digest")
    for number, sequence, digest in seals.iterator(chunk_size=10_000):
        root.add(number, sequence, digest)
    EvidenceRoot.objects.create(
        sealed_on=job.night, seals=root.seals, previous=previous, digest=root.digest, sealed_at=job.as_of
    )
    return 1
