"""What a run would charge, offer by offer, beside what the month before was charged."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from catalog.charging import rules
from catalog.charging.models import BillRun
from catalog.charging.selectors import candidates, facts, next_bills
from catalog.charging.selectors.candidates import Scope
from catalog.pricing import PricingError
from catalog.pricing.types import Line, Period

CHUNK = 500
SHOWN = 20  # accounts that cannot be charged which are named


@dataclass
class OfferTotal:
    """One offer (discounts taken off): how many are charged for it and how much, this month and the last."""

    offer: str
    holdings: int = 0
    cents: int = 0
    holdings_before: int = 0
    cents_before: int = 0

    @property
    def change_cents(self) -> int:
        return self.cents - self.cents_before


@dataclass
class DryRun:
    """What the run would do. Accounts that are charged already count with what they were charged."""

    accounts: int = 0
    skipped: int = 0  # of them, charged already
    bills: int = 0
    corrections: int = 0  # months that would be put right
    correction_cents: int = 0
    taken_cents: int = 0  # carried forward, taken off
    forward_cents: int = 0  # carried on
    failed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)  # the first of them: account, why
    offers: dict[str, OfferTotal] = field(default_factory=dict)
    has_before: bool = False  # whether the month before was run at all

    @property
    def total_cents(self) -> int:
        """Of the month, with what the bills put right and carry."""
        charged = sum(each.cents for each in self.offers.values())
        return charged + self.correction_cents - self.taken_cents + self.forward_cents

    def of(self, offer: str) -> OfferTotal:
        return self.offers.setdefault(offer, OfferTotal(offer))

    def add_month(self, lines: Iterable[Line]) -> None:
        seen: set[tuple[str, str]] = set()
        for line in lines:
            total = self.of(line.offer)
            total.cents += line.amount_cents
            if (line.offer, line.ref) not in seen:
                seen.add((line.offer, line.ref))
                total.holdings += 1

    def as_json(self) -> dict[str, Any]:
        return {
            "accounts": self.accounts, "skipped": self.skipped, "bills": self.bills, "failed": self.failed,
            "corrections": self.corrections, "correction_cents": self.correction_cents,
            "taken_cents": self.taken_cents, "forward_cents": self.forward_cents,
            "total_cents": self.total_cents, "has_before": self.has_before,
            "failures": [{"account": account, "error": error} for account, error in self.failures],
            "offers": [vars(each) for each in self.by_offer()],
        }  # fmt: skip

    def by_offer(self) -> list[OfferTotal]:
        """The largest first."""
        return sorted(self.offers.values(), key=lambda each: (-each.cents, each.offer))


def dry_run(
    scope: Scope,
    period: Period,
    *,
    as_of: datetime,
    limit: int | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[DryRun]:
    """What a run would do, after each chunk; of a month that still runs as if nothing changed in it any more.

    Writes nothing, locks nothing. The month before is beside it when all accounts of the scope were looked at.
    """
    found, beyond = DryRun(), 0
    while not stop():
        most = CHUNK if limit is None else min(CHUNK, limit - found.accounts - found.failed)
        page = candidates.page(scope, period, beyond=beyond, most=max(most, 0), with_charged=True)
        if not page:
            break
        beyond = page[-1][0]
        _add(found, dict(page), period)
        yield found
    if limit is None and not stop():
        _add_before(found, scope, rules.before(period))
    yield found


def _add(found: DryRun, accounts: Mapping[int, str], period: Period) -> None:
    before = candidates.charged_among(list(accounts), period)
    for charged in facts.charged(sorted(before), period.code).values():
        found.add_month(charged.lines)
        found.accounts += 1
        found.skipped += 1
    ids = sorted(accounts.keys() - before)
    ready = next_bills.ready(ids, period)
    for key in ids:
        try:
            bill = ready.of(key)
        except PricingError as error:
            found.failed += 1
            if len(found.failures) < SHOWN:
                found.failures.append((accounts[key], f"{error.code}: {error}"))
            continue
        found.accounts += 1
        found.bills += bill.has_lines
        found.corrections += len(bill.corrections)
        found.correction_cents += sum(each.cents for each in bill.corrections)
        found.taken_cents += bill.taken_cents
        found.forward_cents += bill.forward_cents
        found.add_month(bill.month)


def _add_before(found: DryRun, scope: Scope, period: Period) -> None:
    sql = f"""
        SELECT line->>'offer', count(DISTINCT line->>'ref'), sum((line->>'amount_cents')::bigint)::bigint
          FROM (SELECT DISTINCT ON (m.account_id) m.lines
                  FROM catalog_chargedmonth m JOIN accounts_billingaccount a ON a.id = m.account_id
                 WHERE m.period = %(period)s AND {candidates.within(scope)}
                 ORDER BY m.account_id, m.revision DESC) AS newest,
               jsonb_array_elements(newest.lines) AS line
         GROUP BY 1"""
    found.has_before = BillRun.objects.filter(period=period.code).exists()
    with connection.cursor() as cursor:
        cursor.execute(sql, candidates.values(scope) | {"period": period.code})
        for offer, count, cents in cursor.fetchall():
            total = found.of(offer)
            total.holdings_before, total.cents_before = count, cents
