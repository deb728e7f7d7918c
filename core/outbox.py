"""News between rooms. `publish` writes one row per consumer in the present transaction; workers carry them out later.

Order is kept per (consumer, key). A consumer's effect and the end of its row are one transaction. A row that keeps
failing goes DEAD after `MAX_ATTEMPTS`: it blocks only its own (consumer, key), is seen in admin, and can be run again.
"""

import dataclasses
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from django.db import connection, transaction

from core import pokes
from core.models import OutboxRow

log = logging.getLogger(__name__)
TASK = "core.dispatch_outbox"
MAX_ATTEMPTS = 12


@dataclasses.dataclass(frozen=True)
class Event:
    """Base of events: frozen dataclasses of plain JSON values, with a `name` and the `key` that keeps order."""

    name: ClassVar[str]

    @property
    def key(self) -> str:
        raise TypeError(f"{type(self).__name__} must name its key")


E = TypeVar("E", bound=Event)


@dataclasses.dataclass(frozen=True)
class Consumer:
    name: str
    event: type[Event]
    handle: Callable[..., None]


_by_event: dict[str, list[Consumer]] = {}
_by_name: dict[str, Consumer] = {}


def consumer(event: type[E], *, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers `handle(event, *, as_of)` under a stable name. Called inside the transaction that ends the row."""

    def register(handle: Callable[..., None]) -> Callable[..., None]:
        if name in _by_name:
            raise ValueError(f"two consumers named {name}")
        entry = Consumer(name, event, handle)
        _by_name[name] = entry
        _by_event.setdefault(event.name, []).append(entry)
        return handle

    return register


def consumer_names() -> list[str]:
    """The names of all registered consumers."""
    return sorted(_by_name)


def publish(event: Event, *, as_of: datetime) -> None:
    """One row per consumer, in the present transaction; no consumer, no row."""
    consumers = _by_event.get(event.name, ())
    if not consumers:
        return
    values: dict[str, Any] = {
        "event": event.name,
        "consumers": [entry.name for entry in consumers],
        "key": event.key,
        "payload": json.dumps(dataclasses.asdict(event), ensure_ascii=False),
        "at": as_of,
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
    pokes.after_commit(TASK, queue="default")


def dispatch(*, as_of: datetime, limit: int = 50) -> int:
    """Carries out up to `limit` due rows in one transaction, a savepoint each; returns how many were taken."""
    with transaction.atomic():
        rows = list(OutboxRow.objects.raw(_DUE, [as_of, limit]))
        done = [
            row.pk
            for row in sorted(rows, key=lambda row: (row.key, row.pk))
            if _carried_out(row, as_of=as_of)
        ]
        OutboxRow.objects.filter(pk__in=done).update(state=OutboxRow.State.DONE, finished_at=as_of, error="")
    return len(rows)


def run_again(row_id: int, *, as_of: datetime) -> bool:
    """Puts a DEAD row back to PENDING; False when it is not dead."""
    changed = OutboxRow.objects.filter(pk=row_id, state=OutboxRow.State.DEAD).update(
        state=OutboxRow.State.PENDING, attempts=0, next_attempt_at=as_of
    )
    return bool(changed)


_INSERT = """
    INSERT INTO core_outboxrow (event, consumer, key, payload, state, attempts, error, created_at, next_attempt_at)
    SELECT %(event)s, consumer, %(key)s, %(payload)s, 'PENDING', 0, '', %(at)s, %(at)s
      FROM unnest(%(consumers)s) consumer"""

_DUE = """
    SELECT * FROM core_outboxrow due
     WHERE state = 'PENDING' AND next_attempt_at <= %s
       AND NOT EXISTS (SELECT 1 FROM core_outboxrow earlier
                        WHERE earlier.consumer = due.consumer AND earlier.key = due.key
                          AND earlier.id < due.id AND earlier.state <> 'DONE')
     ORDER BY next_attempt_at, id LIMIT %s FOR UPDATE SKIP LOCKED"""


def _carried_out(row: OutboxRow, *, as_of: datetime) -> bool:
    """Whether the consumer did it; if not, its changes are undone and the row waits for its next turn."""
    try:
        with transaction.atomic():
            entry = _by_name[row.consumer]
            entry.handle(entry.event(**row.payload), as_of=as_of)
    except Exception as error:  # a consumer's bug must not stop the others
        log.exception("outbox consumer failed", extra={"consumer": row.consumer, "row": row.pk})
        OutboxRow.objects.filter(pk=row.pk).update(**_after_failure(row, error, as_of))
        return False
    return True


def _after_failure(row: OutboxRow, error: Exception, as_of: datetime) -> dict[str, Any]:
    attempts = row.attempts + 1
    wait = min(timedelta(seconds=5) * 2 ** min(attempts - 1, 20), timedelta(hours=1))
    state = OutboxRow.State.DEAD if attempts >= MAX_ATTEMPTS else OutboxRow.State.PENDING
    return {
        "state": state,
        "attempts": attempts,
        "error": type(error).__name__,
        "next_attempt_at": as_of + wait,
    }
