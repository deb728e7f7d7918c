"""The job that tells what triggers find. Each thing once, however often it runs, side by side or after it was killed.

A chunk is one transaction; the key of a message says what was told, so that whoever comes second finds it there.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Q

from core import clock, heartbeats
from notices import kinds, triggers
from notices.kinds import ConsentNeeded
from notices.models import Message, Trigger
from notices.services import messages
from notices.triggers import Found

log = logging.getLogger(__name__)
JOB, TASK, EVERY = "fire_triggers", "notices.fire_triggers", timedelta(days=1)
heartbeats.expect(JOB, every=EVERY)
CHUNK = 200


@dataclass
class Counts:
    """Things: told (in a dry run: to be), told before, without an address, without the consent they need, failed."""

    told: int = 0
    known: int = 0
    unreachable: int = 0
    unconsented: int = 0
    failed: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)

    @property
    def touched(self) -> int:
        return sum(self.as_json().values())


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked to do."""

    as_of: datetime
    dry_run: bool = False
    limit: int | None = None  # things found; None: all
    code: str = ""  # of one trigger; "": all
    stop: Callable[[], bool] = field(default=lambda: False)  # asked between chunks


def run_now(*, as_of: datetime) -> Counts:
    """The whole run of the scheduler, with its heartbeat; not ok when something could not be told."""
    total = Counts()
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        for total in run(Job(as_of=as_of)):
            beat.detail |= total.as_json()
            beat.ok = not total.failed
    return total


def run(job: Job) -> Iterator[Counts]:
    """Counts after each chunk. A trigger that fails is counted and leaves the others alone."""
    total = Counts()
    for trigger in active(clock.local_date(job.as_of), code=job.code):
        try:
            for chunk in _chunks(trigger, job, total):
                _tell(trigger, chunk, job, total)
                yield total
        except Exception:
            log.exception("trigger failed", extra={"trigger": trigger.code})
            total.failed += 1
    yield total


def active(today: date, *, code: str = "") -> list[Trigger]:
    """The triggers that fire on that day, by code."""
    holds = Q(active_to=None) | Q(active_to__gt=today)
    rows = Trigger.objects.filter(holds, is_on=True, active_from__lte=today).order_by("code")
    return list(rows.filter(code=code) if code else rows)


def ahead(trigger: Trigger, *, as_of: datetime, most: int) -> list[Found]:
    """Whom a trigger would tell on that day, the first `most` of them; whether it is on does not matter."""
    shown: list[Found] = []
    for chunk in _slices(_found(trigger, as_of), CHUNK):
        shown += [each for each in _new(trigger, chunk) if each.addresses and _may(trigger, each)]
        if len(shown) >= most:
            break
    return shown[:most]


def key(trigger: Trigger, found: Found) -> str:
    return f"trigger:{trigger.code}:{found.key}"


def _found(trigger: Trigger, as_of: datetime) -> Iterable[Found]:
    source = triggers.get(trigger.source)
    return source.find(trigger.days, clock.local_date(as_of), as_of)


def _chunks(trigger: Trigger, job: Job, total: Counts) -> Iterator[list[Found]]:
    left = None if job.limit is None else max(job.limit - total.touched, 0)
    for chunk in _slices(islice(_found(trigger, job.as_of), left), CHUNK):
        if job.stop():
            return
        yield chunk


def _slices(found: Iterable[Found], size: int) -> Iterator[list[Found]]:
    rest = iter(found)
    while chunk := list(islice(rest, size)):
        yield chunk


def _new(trigger: Trigger, chunk: Sequence[Found]) -> list[Found]:
    keys = [key(trigger, each) for each in chunk]
    known = set(Message.objects.filter(dedupe_key__in=keys).values_list("dedupe_key", flat=True))
    return [each for each in chunk if key(trigger, each) not in known]


def _may(trigger: Trigger, found: Found) -> bool:
    try:
        kinds.permit(trigger.template_code, found.consent)
    except ConsentNeeded:
        return False
    return True


def _tell(trigger: Trigger, chunk: list[Found], job: Job, total: Counts) -> None:
    """Together; if that fails, one by one, so that one bad row costs its own message only."""
    new = _new(trigger, chunk)
    total.known += len(chunk) - len(new)
    reachable = [each for each in new if each.addresses]
    total.unreachable += len(new) - len(reachable)
    allowed = [each for each in reachable if _may(trigger, each)]
    total.unconsented += len(reachable) - len(allowed)
    if job.dry_run:
        total.told += len(allowed)
        return
    try:
        with transaction.atomic():
            for each in allowed:
                _send(trigger, each, job.as_of)
        total.told += len(allowed)
    except Exception:
        log.exception("chunk of a trigger failed, trying one by one", extra={"trigger": trigger.code})
        _one_by_one(trigger, allowed, job, total)


def _one_by_one(trigger: Trigger, allowed: list[Found], job: Job, total: Counts) -> None:
    for each in allowed:
        try:
            _send(trigger, each, job.as_of)
            total.told += 1
        except Exception:
            log.exception("nobody was told", extra={"trigger": trigger.code, "key": each.key})
            total.failed += 1


def _send(trigger: Trigger, found: Found, as_of: datetime) -> None:
    messages.send(
        code=trigger.template_code,
        recipient_ref=found.recipient_ref,
        addresses=found.addresses,
        context=dict(found.context),
        dedupe_key=key(trigger, found),
        as_of=as_of,
        language=found.language,
        consent=found.consent,
    )
