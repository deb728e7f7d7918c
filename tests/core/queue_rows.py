"""A queue for tests, over the outbox's table: it has the columns that every queue table has."""

import os
from datetime import datetime, timedelta
from typing import Any

from core.models import OutboxRow
from core.queues import Queue

QUEUE = Queue(
    model=OutboxRow,
    task=f"tests.work.{os.getpid()}",  # the broker is one for all processes of a run side by side
    celery_queue=f"tests-work-{os.getpid()}",
    waiting=OutboxRow.State.PENDING,
    given_up=OutboxRow.State.DEAD,
    lease=timedelta(minutes=1),
    max_attempts=3,
    longest_backoff=timedelta(seconds=15),
)


def add(count: int, *, as_of: datetime, **values: Any) -> list[OutboxRow]:
    """`count` rows, due at `as_of`."""
    row = {"event": "tests.event", "consumer": "tests.nobody", "key": "k", "payload": {}, "created_at": as_of}
    row |= {"next_attempt_at": as_of} | values
    return OutboxRow.objects.bulk_create([OutboxRow(**row) for _ in range(count)])
