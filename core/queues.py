"""A table whose rows are work is its own queue.

The table has the columns `state` (with a state in which rows wait and one in which they are given up), `attempts`,
`next_attempt_at` and `error`. A worker claims rows by lease: the claim counts the attempt and moves
`next_attempt_at` past the lease, so that rows of a killed worker come back by themselves, and a row that kills its
worker each time is given up after `max_attempts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.db import connection, models, transaction

from core import pokes

M = TypeVar("M", bound=models.Model)


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

    def poke(self) -> None:
        """Wake the workers after commit."""
        pokes.after_commit(self.task, queue=self.celery_queue)

    def claim(self, *, limit: int, as_of: datetime) -> Sequence[M]:
        """Up to `limit` due rows, each given to this caller alone until `as_of` + lease."""
        table = connection.ops.quote_name(self.model._meta.db_table)
        sql = f"""
            UPDATE {table} SET attempts = attempts + 1, next_attempt_at = %s
             WHERE id IN (SELECT id FROM {table} WHERE state = %s AND next_attempt_at <= %s
                           ORDER BY next_attempt_at, id LIMIT %s FOR UPDATE SKIP LOCKED)
            RETURNING *"""
        with transaction.atomic():
            return sorted(
                self.model._default_manager.raw(sql, [as_of + self.lease, self.waiting, as_of, limit]),
                key=lambda row: row.pk,
            )

    def failed(self, row: M, *, error: str, as_of: datetime, permanent: bool = False) -> None:
        """Puts a claimed row back with doubling back-off, or gives it up; `error` must hold no personal data."""
        attempts: int = getattr(row, "attempts")  # noqa: B009  every queue table has it, the base class does not
        give_up = permanent or attempts >= self.max_attempts
        self.model._default_manager.filter(pk=row.pk, state=self.waiting).update(
            state=self.given_up if give_up else self.waiting,
            error=error[:200],
            next_attempt_at=as_of + self.backoff(attempts),
        )

    def backoff(self, attempts: int) -> timedelta:
        """5 s, 10 s, 20 s … up to the longest."""
        return min(timedelta(seconds=5) * 2 ** min(max(attempts - 1, 0), 20), self.longest_backoff)
