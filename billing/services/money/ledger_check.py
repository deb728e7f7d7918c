"""The proof that the books are right, kept where people and monitors see it."""

from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import connection, transaction

from billing.selectors.ledger_check import Difference, differences
from core import heartbeats

JOB = "check_ledgers"
EVERY = timedelta(days=1)
SHOWN = 20  # differences that the heartbeat names; the command prints them all
heartbeats.expect(JOB, every=EVERY)


def run(*, as_of: datetime) -> list[Difference]:
    """All differences, read from one snapshot; the heartbeat `check_ledgers` tells how it ended."""
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        found = _read_one_snapshot()
        beat.detail["differences"] = len(found)
        if found:
            beat.detail["first"] = [asdict(difference) for difference in found[:SHOWN]]
        beat.ok = not found
    return found


def _read_one_snapshot() -> list[Difference]:
    alone = not connection.in_atomic_block  # inside somebody's transaction his snapshot must do
    with transaction.atomic():
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return list(differences())
