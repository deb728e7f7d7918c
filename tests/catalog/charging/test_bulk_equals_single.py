"""Bills written together are the rows that `bills.issue` would write one by one, on random accounts with credit."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts import locks
from accounts.models import BillingAccount
from billing.services.bills import bills
from billing.services.bills.bills import BadBill, Line
from billing.services.bulk import bulk_runs
from billing.services.bulk.bulk_runs import RunBill
from billing.services.money import receipts
from tests.catalog.charging import build
from tests.imports.test_bulk_equals_single import state

pytestmark = pytest.mark.django_db
ACCOUNTS = 300
ISSUED = date(2026, 11, 1)
AS_OF = build.noon(ISSUED)
DUE = ISSUED + timedelta(days=20)


def wanted(rng: random.Random, accounts: list[BillingAccount]) -> list[RunBill]:
    found = []
    for each in accounts:
        lines = [
            Line(rng.choice("AB"), f"项目 {n}", rng.randrange(9_000), "subscription", str(n))
            for n in range(rng.randrange(1, 5))
        ]
        if rng.random() < 0.3:
            lines.append(Line("R", "优惠", -rng.randrange(1 + sum(line.amount_cents for line in lines))))
        total = sum(line.amount_cents for line in lines)
        found.append(RunBill(each.pk, f"2026-10:{each.number}", lines, total))
    return found


def together(found: list[RunBill]) -> None:
    bulk_runs.prepare()
    locks.accounts(BillingAccount.objects.values_list("number", flat=True))
    bulk_runs.issue(found, source="hall:run", period="2026-10", issued_on=ISSUED, due_on=DUE, as_of=AS_OF)


def one_by_one(found: list[RunBill]) -> None:
    for each in found:
        bills.issue(
            account_id=each.account_id,
            lines=each.lines,
            issued_on=ISSUED,
            due_on=DUE,
            source="hall:run",
            source_number=each.source_number,
            period="2026-10",
            as_of=AS_OF,
        )


def test_the_same_rows() -> None:
    rng = random.Random(5)
    accounts = [build.account() for _ in range(ACCOUNTS)]
    for number, each in enumerate(accounts):
        if rng.random() < 0.4:
            receipts.book(
                account_id=each.pk,
                gateway="cash",
                trade_no=str(number),
                amount_cents=rng.randrange(1, 20_000),
                paid_at=AS_OF - timedelta(days=5),
                as_of=AS_OF - timedelta(days=5),
            )
    found = wanted(rng, accounts)
    assert after(together, found) == after(one_by_one, found)


def after(write: Callable[[list[RunBill]], None], found: list[RunBill]) -> dict[str, Any]:
    with transaction.atomic():
        write(found)
        kept = state()
        transaction.set_rollback(True)
    assert len(kept["bills"]) == ACCOUNTS
    return kept


@pytest.mark.parametrize(
    ("lines", "total"), [((), 0), ((Line("A", "x", -1),), -1), ((Line("A", "x", 5),), 4)]
)
def test_what_is_no_bill_is_refused(lines: tuple[Line, ...], total: int) -> None:
    of = build.account()
    with pytest.raises(BadBill):
        together([RunBill(of.pk, "x", lines, total)])
