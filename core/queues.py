"""A table whose rows are work is its own queue.

The table has the columns `state` (with a state in which rows wait and one in which they are given up), `attempts`,
`next_attempt_at` and `error`. A worker claims rows by lease: the claim counts the attempt and moves
`next_attempt_at` past the lease, so that rows of a killed worker come back by themselves, and a row that kills its
worker each time is given up after `max_attempts`: then it is not handed out again. Rows that have lost several workers
are handed out one by one, so that those which only stood beside the bad one are done.

A queue may have lanes: values of one column whose rows are served apart. Rows of other values are no work of it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.db import connection, models, transaction

from core import pokes

log = logging.getLogger(__name__)
M = TypeVar("M", bound=models.Model)
_SUSPECT = 2  # attempts that ended without a word, after which a row comes alone


@dataclass(frozen=True)
class Depth:
    """How full a queue is at one instant."""

    waiting: int  # leased rows and those in back-off included
    oldest_due: timedelta  # zero when nothing is due
    given_up: int


@dataclass(frozen=True)
class Queue(Generic[M]):
    model: type[M]
    task: str  # Celery task that works the queue off
    celery_queue: str
    waiting: str  # the state of rows that wait
    given_up: str  # the state of rows that a person must look at
    lease: timedelta
    max_attempts: int
    longest_backoff: timedelta = timedelta(hours=1)
    order: str = "next_attempt_at, id"  # in which rows that are due are handed out
    lane_column: str = ""
    lanes: tuple[str, ...] = ()

    def poke(self) -> None:
        """Wake the workers after commit."""
        pokes.after_commit(self.task, queue=self.celery_queue)

    def claim(self, *, limit: int, as_of: datetime, lane: str = "") -> Sequence[M]:
        """Up to `limit` due rows (of the lane), each given to this caller alone until `as_of` + lease."""
        while True:
            with transaction.atomic():
                taken = self._take(limit, as_of, lane) or self._take(1, as_of, lane, suspect=True)
            claimed = [row for row in taken if getattr(row, "state") == self.waiting]  # noqa: B009  see failed()
            if lost := len(taken) - len(claimed):
                log.error("rows given up, each try lost its worker", extra={"queue": self.task, "rows": lost})
            if claimed or not taken:
                return sorted(claimed, key=self._place)

    def _place(self, row: M) -> tuple[object, ...]:
        """Its place among those claimed with it; when each was due, the claim has overwritten."""
        columns = [name for name in self.order.split(", ") if name != "next_attempt_at"]
        return tuple(getattr(row, name) for name in columns)

    def _take(self, limit: int, as_of: datetime, lane: str, *, suspect: bool = False) -> list[M]:
        values = self._claim_values(limit, as_of, lane)
        return list(self.model._default_manager.raw(self._claim_sql(suspect, lane), values))

    def _claim_sql(self, suspect: bool, lane: str) -> str:
        table = connection.ops.quote_name(self.model._meta.db_table)
        is_suspect = f"(error = '' AND attempts BETWEEN {_SUSPECT} AND {self.max_attempts - 1})"
        # The array makes PostgreSQL run the locking query once; inside IN (…) it may run it per row, past its LIMIT.
        return f"""
            UPDATE {table}
               SET attempts = attempts + CASE WHEN attempts < %s THEN 1 ELSE 0 END,
                   state = CASE WHEN attempts < %s THEN state ELSE %s END,
                   error = CASE WHEN attempts < %s THEN error ELSE 'worker lost' END,
                   next_attempt_at = %s
             WHERE id = ANY(ARRAY(SELECT id FROM {table} WHERE state = %s AND next_attempt_at <= %s
                                      AND {"" if suspect else "NOT "}{is_suspect}{self._in_lane(lane)}
                                   ORDER BY {self.order} LIMIT %s FOR UPDATE SKIP LOCKED))
            RETURNING *"""

    def _in_lane(self, lane: str) -> str:
        """One lane by "=": only then an index that begins with it gives the rows in order, without sorting them all."""
        if not self.lane_column:
            return ""
        return f" AND {self.lane_column} = %s" if lane else f" AND {self.lane_column} = ANY(%s)"

    def _claim_values(self, limit: int, as_of: datetime, lane: str) -> list[object]:
        most = self.max_attempts
        wanted = [lane or list(self.lanes)] if self.lane_column else []
        return [most, most, self.given_up, most, as_of + self.lease, self.waiting, as_of, *wanted, limit]

    def depth(self, *, as_of: datetime) -> Depth:
        """For dashboards and /metrics; needs an index on the state of rows that wait and that were given up."""
        rows = self.model._default_manager.all()
        if self.lane_column:
            rows = rows.filter(**{f"{self.lane_column}__in": self.lanes})
        due = rows.filter(state=self.waiting, next_attempt_at__lte=as_of).order_by("next_attempt_at", "id")
        first: datetime | None = due.values_list("next_attempt_at", flat=True).first()
        return Depth(
            waiting=rows.filter(state=self.waiting).count(),
            oldest_due=as_of - first if first else timedelta(0),
            given_up=rows.filter(state=self.given_up).count(),
        )

    def failed(self, row: M, *, error: str, as_of: datetime, permanent: bool = False) -> None:
        """Puts a claimed row back with doubling back-off, or gives it up; `error` must hold no personal data.

        Nothing happens when the lease ran out and somebody else has claimed the row since.
        """
        attempts: int = getattr(row, "attempts")  # noqa: B009  every queue table has it, the base class does not
        give_up = permanent or attempts >= self.max_attempts
        # The attempts tell whether the lease is still ours: another claim of the row would have counted on.
        self.model._default_manager.filter(pk=row.pk, state=self.waiting, attempts=attempts).update(
            state=self.given_up if give_up else self.waiting,
            error=error[:200],
            next_attempt_at=as_of + self.backoff(attempts),
        )

    def backoff(self, attempts: int) -> timedelta:
        """5 s, 10 s, 20 s … up to the longest."""
        wait: timedelta = timedelta(seconds=5) * 2 ** min(max(attempts - 1, 0), 20)
        return min(wait, self.longest_backoff)
