"""Carries out the policy: what is past its time leaves, in chunks, each a transaction of its own.

A run that is killed has lost nothing but its present chunk; the next one goes on where rows are left.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction

from core import audit, heartbeats
from core.actor import Actor
from hall.upkeep.policy import RULES, Rule

JOB, EVERY = "purge", timedelta(days=1)
CHUNK = 1_000
_BREATH_SECONDS = 0.05  # between chunks: customers write to the same tables
_NO_LOCK = "55P03"
heartbeats.expect(JOB, every=EVERY)


@dataclass
class Purged:
    """How many rows of each rule left (or would), and which rules found their table too busy."""

    counts: dict[str, int] = field(default_factory=dict)
    put_off: list[str] = field(default_factory=list)


def due(rules: Iterable[Rule] = RULES, *, as_of: datetime) -> Purged:
    """What a run would delete now; changes nothing."""
    return Purged({rule.name: _count(rule, as_of) for rule in rules})


def run(
    rules: Iterable[Rule] = RULES,
    *,
    as_of: datetime,
    actor: Actor,
    is_asked_to_stop: Callable[[], bool] = lambda: False,
    chunk: int = CHUNK,
) -> Purged:
    """Deletes what is past its time; one audit row and the heartbeat `purge` tell how many of what."""
    found = Purged()
    with heartbeats.beat(JOB, every=EVERY, as_of=as_of) as beat:
        for rule in rules:
            if not is_asked_to_stop():
                found.counts[rule.name] = _carry_out(rule, as_of, chunk, found, is_asked_to_stop)
        beat.detail |= {"deleted": found.counts, "put_off": found.put_off}
        beat.ok = not found.put_off
        if any(found.counts.values()):
            audit.record(
                actor=actor,
                action="hall.purged",
                subject=("hall.Policy", "retention"),
                detail={"deleted": found.counts},
                as_of=as_of,
            )
    return found


def _before(rule: Rule, as_of: datetime) -> datetime:
    return as_of - timedelta(days=rule.days)


def _carry_out(
    rule: Rule, as_of: datetime, chunk: int, found: Purged, is_asked_to_stop: Callable[[], bool]
) -> int:
    total, after = 0, 0
    while not is_asked_to_stop():
        try:
            deleted, after = _one_chunk(rule, _before(rule, as_of), after, chunk)
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", None) != _NO_LOCK:
                raise
            found.put_off.append(rule.name)  # tomorrow: nobody waits behind a purge
            break
        total += deleted
        if deleted < chunk:
            break
        time.sleep(_BREATH_SECONDS)
    return total


def _one_chunk(rule: Rule, before: datetime, after: int, chunk: int) -> tuple[int, int]:
    """How many rows left, and the last key among them."""
    with transaction.atomic(), connection.cursor() as cursor:
        if rule.is_under_law:
            cursor.execute("SELECT * FROM hall_purge(%s, %s, %s, %s)", [rule.name, before, after, chunk])
            deleted, last = cursor.fetchone()
            return deleted, last or after
        cursor.execute(f"DELETE {rule.sql}", {"before": before, "most": chunk})
        return cursor.rowcount, after


def _count(rule: Rule, as_of: datetime) -> int:
    before = _before(rule, as_of)
    with connection.cursor() as cursor:
        if rule.is_under_law:
            cursor.execute("SELECT count(*) FROM hall_purge_candidates(%s, %s, 0, NULL)", [rule.name, before])
        else:
            cursor.execute(f"SELECT count(*) {rule.sql}", {"before": before, "most": None})
        return int(cursor.fetchone()[0])
