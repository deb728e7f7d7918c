"""What every batch of this room is asked for, and when a run counts as the job's of that day."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from core import clock, heartbeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a run is asked to do."""

    as_of: datetime
    dry_run: bool = False
    limit: int | None = None  # accounts to look at; None: all
    region: str = ""  # the code of a region; "": everywhere
    account: str = ""  # the number of one account; "": all
    stop: Callable[[], bool] = field(default=lambda: False)  # asked between the steps

    @property
    def is_part(self) -> bool:
        """Whether it is asked for less than everything."""
        return bool(self.dry_run or self.limit is not None or self.region or self.account)


class Counted(Protocol):
    failed: int

    def as_json(self) -> dict[str, int]: ...


J = TypeVar("J", bound=Job)
C = TypeVar("C", bound=Counted)


def watched(name: str, every: timedelta, job: J, run: Callable[[J], Iterator[C]]) -> Iterator[C]:
    """The run's counts as they come. All of today, by whomever it is run, leaves the heartbeat of the job.

    A part of it does not, nor does the run of another day: what the job is for is then still to be done.
    """
    is_today = clock.local_date(job.as_of) == clock.local_date(clock.now())
    return run(job) if job.is_part or not is_today else whole(name, every, job, run)


def whole(name: str, every: timedelta, job: J, run: Callable[[J], Iterator[C]]) -> Iterator[C]:
    """The run's counts as they come, with the heartbeat of the job; one that was stopped in the middle is not well."""
    with heartbeats.beat(name, every=every, as_of=job.as_of) as beat:
        failed = 0
        for total in run(job):
            beat.detail |= total.as_json()
            failed = total.failed
            yield total
        beat.ok = not failed and not job.stop()


def last(steps: Iterator[C], none: C) -> C:
    """The counts in the end; `none` where there was nothing to do."""
    return next(iter(deque(steps, maxlen=1)), none)
