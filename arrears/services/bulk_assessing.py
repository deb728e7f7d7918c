"""The daily pass: every account in arrears, block by block, one transaction each.

Facts are read without locks; the accounts for which something changes are locked and judged again, so that a payment
in between is seen. Two processes divide the blocks; what was left out is looked at again in the end. Run again it
writes nothing.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from accounts.selectors import regions
from arrears import locks
from arrears.choices import Stage
from arrears.models import StageChange
from arrears.selectors import facts as facts_reads
from arrears.selectors import policies
from arrears.selectors.facts import Subject
from arrears.selectors.policies import Book
from arrears.services import assessing, casework, promises, runs
from arrears.services.casework import Judged
from arrears.services.forecasting import Forecast
from core import clock, heartbeats
from core.actor import Actor
from core.errors import NotFound

log = logging.getLogger(__name__)
JOB, EVERY = "assess_arrears", timedelta(days=1)
heartbeats.expect(JOB, every=EVERY)
BLOCK = 10_000  # accounts in one transaction
_BLOCKS, _CAPS = 6201, 6202  # spaces of advisory locks
_NEXT = """
    SELECT max(id), count(*) FROM (SELECT id FROM accounts_billingaccount WHERE id > %s ORDER BY id LIMIT %s) page"""


@dataclass
class Counts(casework.Counts):
    """Besides what was written: accounts looked at, held back by a cap, and those that failed."""

    looked: int = 0
    capped: int = 0
    failed: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(runs.Job):
    """What a run of the pass is asked to do."""

    only: Callable[[Judged], Judged | None] = field(default=lambda each: each)  # narrows what is done
    stages: frozenset[Stage] | None = None  # of the cases that `only` may leave; None: all, and new ones
    actor: Actor = field(default_factory=lambda: Actor.job(JOB))
    forecast: Forecast | None = field(init=False, default=None)  # of a dry run

    def __post_init__(self) -> None:
        if self.dry_run:
            object.__setattr__(self, "forecast", Forecast(clock.local_date(self.as_of)))


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat."""
    return runs.last(runs.whole(JOB, EVERY, Job(as_of=as_of), run), Counts())


def watched(job: Job) -> Iterator[Counts]:
    """`run`, with the heartbeat of the job where it is all of today's."""
    return runs.watched(JOB, EVERY, job, run)


def run(job: Job) -> Iterator[Counts]:
    """Judges every account in arrears; the counts after each block."""
    book = policies.book(clock.local_date(job.as_of))
    beneath = frozenset(regions.beneath(job.region)) if job.region else None
    total = Counts()
    if job.account:
        yield _account(job, book, beneath, total)
        return
    left: list[tuple[int, int]] = []
    for low, high in _blocks():
        if job.stop() or (job.limit is not None and total.looked >= job.limit):
            return
        if not _block(job, book, beneath, low, high, total):
            left.append((low, high))
            continue
        yield total
    for low, high in left:  # somebody else had them: usually there is nothing to do any more
        if job.stop():
            return
        _block(job, book, beneath, low, high, total, is_waiting=True)
        yield total


def _blocks() -> Iterator[tuple[int, int]]:
    """Ranges `(low, high]` of ids: the same ones for everybody who asks."""
    low = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_NEXT, [low, BLOCK])
            high, _count = cursor.fetchone()
        if high is None:
            return
        yield low, int(high)
        low = int(high)


def _account(job: Job, book: Book, beneath: Collection[int] | None, total: Counts) -> Counts:
    """Raises NotFound when no account has that number."""
    where = "SELECT id FROM accounts_billingaccount WHERE number = %s AND purpose = 'CUSTOMER'"
    with connection.cursor() as cursor:
        cursor.execute(where, [job.account])
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        raise NotFound()
    with transaction.atomic():
        subjects = facts_reads.of(ids, as_of=job.as_of)
        _do(job, book, _within(subjects.values(), beneath, None, 0), total)
    return total


def _block(
    job: Job,
    book: Book,
    beneath: Collection[int] | None,
    low: int,
    high: int,
    total: Counts,
    *,
    is_waiting: bool = False,
) -> bool:
    """False when somebody else has this block now. A block that fails is done account by account."""
    counts = Counts()
    ids: list[int] = []
    try:
        with transaction.atomic():
            if is_waiting:
                locks.turn(_BLOCKS, low)
            elif not (job.dry_run or locks.claim(_BLOCKS, low)):
                return False
            found = facts_reads.between(
                low, high, days_ahead=book.days_ahead, as_of=job.as_of, stages=job.stages
            )
            subjects = _within(found.values(), beneath, job.limit, total.looked)
            ids = [each.account_id for each in subjects]
            _do(job, book, subjects, counts)
    except Exception:
        log.exception("block of arrears failed, trying one by one", extra={"accounts": len(ids)})
        counts = _one_by_one(job, book, ids)
    total.add(counts)
    return True


def _within(
    subjects: Iterable[Subject], beneath: Collection[int] | None, limit: int | None, looked: int
) -> list[Subject]:
    inside = [each for each in subjects if beneath is None or each.region_id in beneath]
    return inside if limit is None else inside[: limit - looked]


def _one_by_one(job: Job, book: Book, ids: Iterable[int]) -> Counts:
    total = Counts()
    for account_id in ids:
        counts = Counts()
        try:
            with transaction.atomic():
                _do(job, book, facts_reads.of([account_id], as_of=job.as_of).values(), counts)
        except Exception:
            log.exception("account not assessed", extra={"account": account_id})
            counts = Counts(looked=1, failed=1)
        total.add(counts)
    return total


def _do(job: Job, book: Book, subjects: Iterable[Subject], counts: Counts) -> None:
    """Judges, locks those for which something changes, judges these again behind the locks, and writes."""
    today = clock.local_date(job.as_of)
    judged = assessing.judge(subjects, book, today)
    counts.looked += len(judged)
    changing = [each for each in _narrowed(job, judged) if _matters(each, today)]
    late = _lines_on(judged, today)
    if job.dry_run:
        _foresee(job, changing, late, counts)
        return
    ids = [each.subject.account_id for each in changing]
    if not ids and not late:
        return
    locks.accounts([*ids, *late])
    decided = [each for each in _judged_again(job, book, changing) if _matters(each, today)]
    kept = _under_caps(decided, today)
    counts.capped += len(decided) - len(kept)
    counts.add(_as_counts(assessing.write(kept, actor=job.actor, as_of=job.as_of)))
    if late:
        counts.suspended += casework.suspend(late, actor=job.actor, as_of=job.as_of)


def _judged_again(job: Job, book: Book, changing: Sequence[Judged]) -> list[Judged]:
    """Behind the locks: the same judgements, but for accounts where something was written meanwhile."""
    before = {each.subject.account_id: each for each in changing}
    again = facts_reads.again([each.subject for each in changing], as_of=job.as_of)
    same = [before[each.account_id] for each in again if each is before[each.account_id].subject]
    others = [each for each in again if each is not before[each.account_id].subject]
    return same + _narrowed(job, assessing.judge(others, book, clock.local_date(job.as_of)))


def _narrowed(job: Job, judged: Iterable[Judged]) -> list[Judged]:
    return [found for each in judged if (found := job.only(each)) is not None]


def _matters(each: Judged, today: date) -> bool:
    return each.is_change or assessing.is_held(each) or promises.is_over(each.subject, today)


def _lines_on(judged: Iterable[Judged], today: date) -> list[int]:
    """Accounts that stay suspended, where a line is on that is not paid ahead any more."""
    off = [
        each.subject.account_id
        for each in judged
        if each.decision.stage in casework.OFF_STAGES and not each.moves and not each.decision.holds
    ]
    return casework.with_lines_on(off, today) if off else []


def _under_caps(judged: list[Judged], today: date) -> list[Judged]:
    """Without those whose step is more than the policy allows on one day; they wait for tomorrow."""
    capped = [each for each in judged if each.moves and _cap(each) is not None]
    if not capped:
        return judged
    locks.turn(_CAPS, 0)  # who counts, counts alone
    left: dict[tuple[int, Stage], int] = {}
    for each in capped:
        key = each.policy.id, each.decision.stage
        if key not in left:
            done = StageChange.objects.filter(Q(on=today), policy_id=key[0], to_stage=key[1]).count()
            left[key] = max(0, (_cap(each) or 0) - done)
    kept = []
    for each in judged:
        key = each.policy.id, each.decision.stage
        if each.moves and key in left:
            if not left[key]:
                continue
            left[key] -= 1
        kept.append(each)
    return kept


def _cap(each: Judged) -> int | None:
    """None: no cap. Nobody is kept waiting for the end of his case."""
    rule = each.policy.stages.get(each.decision.stage)
    return rule.cap if rule and each.decision.close is None else None


def _foresee(job: Job, changing: list[Judged], late: list[int], counts: Counts) -> None:
    """What would be written."""
    assert job.forecast is not None
    kept = [
        each
        for each in changing
        if not each.moves
        or (cap := _cap(each)) is None
        or job.forecast.room(each.policy.id, each.decision.stage, cap)
    ]
    held = [each for each in kept if assessing.is_held(each) and each.subject.case_id is not None]
    counts.capped += len(changing) - len(kept)
    counts.add(_as_counts(job.forecast.of(kept, held, late)))


def _as_counts(written: casework.Counts) -> Counts:
    return Counts(**vars(written))
