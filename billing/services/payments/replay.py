"""The callbacks of a period once more, from their raw rows: what the books lack is booked, what is right stays.

Each stored message is verified again, as of the time at which it was received; what the row says of it is not believed.
The rows themselves keep their states: they tell what happened then.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, transaction
from django.db.models import Max, Min, QuerySet

from billing.gateways import registry
from billing.gateways.base import CallbackRejected, Report
from billing.models import GatewayCallback
from billing.services.money import suspense
from billing.services.payments import intake
from billing.services.payments.payments import Applied
from core.actor import Actor
from core.errors import HallError

log = logging.getLogger(__name__)
CHUNK = 500  # rows
SHOWN = 100  # rows that are named
REJECTED = "REJECTED"  # refused then and now, or nothing that moves money
UNVERIFIED = "UNVERIFIED"  # accepted then, and its signature no longer verifies: never applied
FAILED = "FAILED"  # refused by the books, or the database was busy
BAD = (UNVERIFIED, FAILED)


@dataclass
class Replayed:
    """How many messages had which outcome, and which rows somebody must look at: (row id, outcome, why)."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys([*map(str, Applied), REJECTED, UNVERIFIED, FAILED], 0)
    )
    bad: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, row_id: int, outcome: str, why: str = "") -> None:
        self.counts[outcome] += 1
        if outcome in BAD and len(self.bad) < SHOWN:
            self.bad.append((row_id, outcome, why))

    @property
    def is_clean(self) -> bool:
        return not any(self.counts[outcome] for outcome in BAD)


def replay(
    *,
    since: datetime,
    until: datetime,
    as_of: datetime,
    actor: Actor,
    gateway: str = "",
    dry_run: bool = False,
) -> Iterator[Replayed]:
    """Applies the messages received in [since, until) in the order of their arrival; tells the counts after each chunk.

    Each message is a transaction of its own: breaking off anywhere and running again is safe.
    """
    told, foreseen = Replayed(), set[tuple[str, str, int]]()
    for chunk in _chunks(since, until, gateway):
        for row in chunk:
            told.add(row.pk, *_once_more(row, foreseen if dry_run else None, as_of=as_of, actor=actor))
        yield told
    yield told


def _once_more(
    row: GatewayCallback, foreseen: set[tuple[str, str, int]] | None, *, as_of: datetime, actor: Actor
) -> tuple[str, str]:
    """The outcome for one row, and why. With `foreseen` nothing is kept but what would have been booked."""
    try:
        report = registry.get(row.gateway).parse_callback(
            row.headers, bytes(row.body), received_at=row.received_at
        )
    except CallbackRejected as refusal:
        return (UNVERIFIED if row.report is not None else REJECTED), str(refusal.code)
    except (registry.UnknownGateway, ImproperlyConfigured):
        return UNVERIFIED, "GATEWAY_NOT_SET_UP"
    if row.verdict != intake.OK and not suspense.is_money(report):
        return REJECTED, row.verdict
    try:
        with transaction.atomic():
            outcome = suspense.apply_within(
                payment_id=row.payment_id, report=report, as_of=as_of, actor=actor
            )
            transaction.set_rollback(foreseen is not None)
    except HallError as error:
        return FAILED, error.code
    except OperationalError as error:  # a lock that was not free in time
        log.warning("callback not replayed", extra={"callback": row.pk})
        return FAILED, type(error).__name__
    return (_foreseen(outcome, report, foreseen) if foreseen is not None else str(outcome)), ""


def _foreseen(outcome: Applied, report: Report, seen: set[tuple[str, str, int]]) -> str:
    """A dry run forgets what it booked: the same message again would look new."""
    key = (report.gateway, report.trade_no, report.total_refunded_cents)
    if outcome is not Applied.ALREADY_DONE and key in seen:
        return str(Applied.ALREADY_DONE)
    seen.add(key)
    return str(outcome)


def _chunks(since: datetime, until: datetime, gateway: str) -> Iterator[QuerySet[GatewayCallback]]:
    rows = GatewayCallback.objects.filter(received_at__gte=since, received_at__lt=until)
    if gateway:
        rows = rows.filter(gateway=gateway)
    ends = rows.aggregate(first=Min("id"), last=Max("id"))
    at, last = ends["first"], ends["last"]
    while at is not None and at <= last:
        chunk = rows.filter(id__gte=at, id__lte=last).order_by("id")[:CHUNK]
        found = list(chunk.values_list("id", flat=True))
        if not found:
            return
        yield rows.filter(id__gte=found[0], id__lte=found[-1]).order_by("id")
        at = found[-1] + 1
