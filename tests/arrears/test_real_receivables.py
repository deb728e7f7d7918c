"""Two years of real invoices, lived through day by day: every stage, notice and line is what the oracle says.

An invoice is open from its InvoiceDate until the day before its SettledDate. One that is marked as disputed is
disputed from its DueDate until it is settled; where it was settled by then it never was.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Count, Q, Sum

from billing.models import Bill, Dispute, DisputeCause, DisputeState
from billing.selectors import ledger_check
from billing.services.bills import disputes
from core import money
from tests import shared_data
from tests.arrears import real
from tests.arrears.build import ACTOR, noon
from tests.arrears.oracle import Debt
from tests.billing import build as billing

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Invoice:
    customer: str
    number: str
    issued_on: date
    due_on: date
    settled_on: date
    cents: int
    is_disputed: bool

    def is_open(self, today: date) -> bool:
        return self.issued_on <= today < self.settled_on

    def is_disputed_on(self, today: date) -> bool:
        return self.is_disputed and self.due_on <= today < self.settled_on


def _day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007  # a day has no zone


def _invoices() -> list[Invoice]:
    path = shared_data.require("invoices/accounts_receivable.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            Invoice(
                row["customerID"],
                row["invoiceNumber"],
                _day(row["InvoiceDate"]),
                _day(row["DueDate"]),
                _day(row["SettledDate"]),
                money.parse_yuan(row["InvoiceAmount"]),
                row["Disputed"] == "Yes",
            )
            for row in csv.DictReader(file)
        ]


class Books:
    """The invoices become bills, disputes and receipts on their days."""

    def __init__(self, invoices: list[Invoice], world: real.World) -> None:
        self._world = world
        self._bills: dict[str, int] = {}
        self._issued, self._due, self._settled = (
            _by_day(invoices, name) for name in ("issued_on", "due_on", "settled_on")
        )
        self._raised_by = billing.user()

    def write(self, today: date) -> None:
        """What happens on that day, before noon."""
        for each in self._issued[today]:
            self._bills[each.number] = real.issue(
                self._world.ids[each.customer], each.number, each.cents, on=today, due_on=each.due_on
            )
        for each in self._due[today]:
            if each.is_disputed_on(today):
                self._dispute(each, today)
        settled = self._settled[today]
        for dispute in Dispute.objects.open().filter(bill__in=[self._bills[each.number] for each in settled]):
            disputes.close(
                dispute_id=dispute.pk,
                state=DisputeState.REJECTED,
                answer="账单无误",
                actor=ACTOR,
                as_of=noon(today),
            )
        real.receive([self._receipt(each) for each in settled], on=today)

    def _dispute(self, each: Invoice, today: date) -> None:
        disputes.begin(
            bill_id=self._bills[each.number],
            cause=DisputeCause.AMOUNT,
            text="不对",
            raised_by_id=self._raised_by.pk,
            actor=ACTOR,
            as_of=noon(today),
        )

    def _receipt(self, each: Invoice) -> tuple[int, str, int, int]:
        return self._world.ids[each.customer], each.number, each.cents, self._bills[each.number]


def _by_day(invoices: list[Invoice], name: str) -> dict[date, list[Invoice]]:
    found: dict[date, list[Invoice]] = defaultdict(list)
    for each in invoices:
        found[getattr(each, name)].append(each)
    return found


def _days(invoices: list[Invoice]) -> Iterator[date]:
    today = min(each.issued_on for each in invoices)
    last = max(each.settled_on for each in invoices)
    while today <= last:
        yield today
        today += DAY


def _check_known(today: date, known: dict[str, Any]) -> None:
    """What is published about that day."""
    late = Q(due_on__lt=today)
    found = Bill.objects.open().aggregate(
        count=Count("id"),
        cents=Sum("open_cents"),
        late=Count("id", filter=late),
        late_cents=Sum("open_cents", filter=late),
        customers=Count("account", filter=late, distinct=True),
    )
    assert (found["count"], money.yuan(found["cents"])) == (known["open_invoices"], known["open_amount"])
    assert (found["late"], money.yuan(found["late_cents"])) == (
        known["overdue_invoices"],
        known["overdue_amount"],
    )
    assert found["customers"] == known["customers_in_arrears"]


def test_every_day_of_two_years_is_as_the_policy_says() -> None:
    facts = json.loads(shared_data.require("facts.json").read_text(encoding="utf-8"))["invoices"]
    invoices = _invoices()
    world = real.World()
    world.add(sorted({each.customer for each in invoices}))
    assert (len(invoices), len(world.ids)) == (facts["rows"], facts["customers"])
    books, checked = Books(invoices, world), 0
    own = {pk: [each for each in invoices if each.customer == name] for name, pk in world.ids.items()}
    for today in _days(invoices):
        books.write(today)
        for pk, told in world.told.items():
            open_ones = [each for each in own[pk] if each.is_open(today)]
            told.live(
                today, [Debt(each.due_on, each.cents, each.is_disputed_on(today)) for each in open_ones]
            )
        real.run_day(today, world)
        if known := facts["as_of"].get(today.isoformat()):
            _check_known(today, known)
            checked += 1
    real.check_history(world)
    assert checked == len(facts["as_of"])
    assert Dispute.objects.count() == sum(each.is_disputed_on(each.due_on) for each in invoices)
    assert not Bill.objects.open().exists()
    assert not list(ledger_check.differences())
    seen = {step.after for told in world.told.values() for step in told.steps}
    assert seen >= {"REMINDED", "OVERDUE", "SUSPEND_WARNED", "SUSPENDED"}
