"""What each channel brought in a month, beside the ledger's entries, and how much of it customers paid themselves."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import BigIntegerField, Count, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, TruncMonth

from billing.gateways import registry
from billing.models import LedgerEntry, Receipt, Refund
from billing.texts import AT_THE_COUNTER
from core import clock
from core.scopes import EVERYTHING, Scope, narrow

MONTHS = 6


class Payer(StrEnum):
    """Who moved to bring the money here."""

    SELF = "SELF"  # the customer, on a page or by his bank
    STAFF = "STAFF"  # somebody of ours took it, at a counter or at the door
    OTHER = "OTHER"  # an import brought it: nobody can tell


@dataclass
class Sums:
    """Receipts booked in a month less refunds booked in it, as the rows say and as their ledger entries say (fen)."""

    receipts: int = 0
    received_cents: int = 0
    refunded_cents: int = 0
    ledger_cents: int = 0

    @property
    def net_cents(self) -> int:
        return self.received_cents - self.refunded_cents

    @property
    def agrees(self) -> bool:
        return self.net_cents == self.ledger_cents

    def add(self, other: "Sums") -> None:
        self.receipts += other.receipts
        self.received_cents += other.received_cents
        self.refunded_cents += other.refunded_cents
        self.ledger_cents += other.ledger_cents


@dataclass
class Month:
    """One month of all channels."""

    first: date
    channels: dict[str, Sums] = field(default_factory=lambda: defaultdict(Sums))  # by gateway

    @property
    def total(self) -> Sums:
        found = Sums()
        for sums in self.channels.values():
            found.add(sums)
        return found

    def net_of(self, payer: Payer) -> int:
        return sum(sums.net_cents for gateway, sums in self.channels.items() if payer_of(gateway) == payer)

    @property
    def self_paid_permille(self) -> int | None:
        """Of what customers paid themselves and staff collected, the customers' part; None: there is nothing of it."""
        own, collected = self.net_of(Payer.SELF), self.net_of(Payer.STAFF)
        if own < 0 or collected < 0 or not own + collected:
            return None
        return (2000 * own + own + collected) // (2 * (own + collected))


def payer_of(gateway: str) -> Payer:
    if gateway in dict(registry.codes()):
        return Payer.SELF
    return Payer.STAFF if gateway in AT_THE_COUNTER else Payer.OTHER


def months(last: date, *, scope: Scope = EVERYTHING) -> list[Month]:
    """The six months up to that of `last`, the newest first, of the accounts in the scope. Two queries."""
    firsts = [last.replace(day=1)]
    while len(firsts) < MONTHS:
        firsts.append((firsts[-1] - timedelta(days=1)).replace(day=1))
    found = {first: Month(first) for first in firsts}
    since, until = _midnight(firsts[-1]), _midnight((firsts[0] + timedelta(days=31)).replace(day=1))
    received = Receipt.objects.filter(booked_at__gte=since, booked_at__lt=until)
    for row in _grouped(narrow(received, "account__region", scope), "receipt", "gateway"):
        found[row["month"].date()].channels[row["channel"]].add(
            Sums(receipts=row["rows"], received_cents=row["cents"], ledger_cents=row["ledger"])
        )
    refunded = Refund.objects.filter(booked_at__gte=since, booked_at__lt=until)
    refunded = narrow(refunded, "receipt__account__region", scope)
    for row in _grouped(refunded, "refund", "receipt__gateway"):
        found[row["month"].date()].channels[row["channel"]].add(
            Sums(refunded_cents=row["cents"], ledger_cents=row["ledger"])
        )
    return list(found.values())


def _grouped(rows: QuerySet[Any], cause: str, gateway: str) -> QuerySet[Any, dict[str, Any]]:
    entry = LedgerEntry.objects.filter(**{cause: OuterRef("pk")}).values("amount_cents")
    in_ledger = Coalesce(Subquery(entry, output_field=BigIntegerField()), 0)
    found: QuerySet[Any, dict[str, Any]] = (
        rows.annotate(
            month=TruncMonth("booked_at", tzinfo=clock.SHANGHAI), channel=F(gateway), entry=in_ledger
        )
        .values("month", "channel")
        .annotate(rows=Count("id"), cents=Sum("amount_cents"), ledger=Sum("entry"))
        .order_by("month", "channel")
    )
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=clock.SHANGHAI)
