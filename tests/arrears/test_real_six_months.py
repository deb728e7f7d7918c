"""Half a year of real statements and payments, late, in parts and too much: the pass agrees with the oracle every day.

A statement of a month becomes a bill of what is new on it, issued on the 1st of the next month and due on the 25th;
what a month's payment amount says is paid on the 20th of that month. Where a statement is lower than what was owed
explains, the difference is money, too. Amounts are taken as yuan.

All profiles, so many customers of each; SIX_MONTHS_A_PROFILE=24000 takes everybody.
"""

import csv
import gzip
import os
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest

from billing.models import Bill
from billing.selectors import ledger_check
from tests import shared_data
from tests.arrears import real
from tests.arrears.oracle import Debt

pytestmark = pytest.mark.django_db
A_PROFILE = int(os.environ.get("SIX_MONTHS_A_PROFILE", "6"))
FIRST, LAST = date(2005, 5, 1), date(2006, 1, 31)
PAY_DAY, DUE_DAY = 20, 25
MONTHS = range(6, 0, -1)  # the file counts backwards: 6 is April 2005, 1 September


@dataclass
class Life:
    """What a customer was billed and paid, by day; what is open is worked out here, without the hall."""

    name: str
    bills: dict[date, int] = field(default_factory=dict)
    money: dict[date, int] = field(default_factory=dict)
    open: dict[date, int] = field(default_factory=dict)  # fen by due date
    credit: int = 0

    def live(self, today: date) -> None:
        if cents := self.bills.get(today):
            self.open[_due(today)] = cents
        self.credit += self.money.get(today, 0)
        for due_on in sorted(self.open):
            paid = min(self.credit, self.open[due_on])
            self.credit -= paid
            self.open[due_on] -= paid

    def debts(self) -> list[Debt]:
        return [Debt(due_on, cents) for due_on, cents in self.open.items() if cents]


def _due(issued_on: date) -> date:
    return issued_on.replace(day=DUE_DAY)


def _profile(row: dict[str, str]) -> tuple[int, bool, bool]:
    """Months late at worst; whether some payment was only a part; whether some statement was a credit."""
    late = max(int(row[f"PAY_{n}"]) for n in (0, 2, 3, 4, 5, 6))
    parts = any(0 < int(row[f"PAY_AMT{n}"]) < int(row[f"BILL_AMT{n + 1}"]) for n in range(1, 6))
    return max(0, late), parts, any(int(row[f"BILL_AMT{n}"]) < 0 for n in MONTHS)


def _life(row: dict[str, str]) -> Life:
    life = Life(row["ID"])
    before = 0
    for n in MONTHS:
        issued_on = date(2005, 11 - n, 1)
        paid = (
            0 if n == 6 else int(row[f"PAY_AMT{n}"])
        )  # the first month's paid a statement that is not in the file
        new = int(row[f"BILL_AMT{n}"]) - before + paid
        before = int(row[f"BILL_AMT{n}"])
        _add(life.money, (issued_on - timedelta(days=1)).replace(day=PAY_DAY), paid)
        _add(life.money, issued_on, max(0, -new))
        _add(life.bills, issued_on, max(0, new))
    return life


def _add(to: dict[date, int], on: date, yuan: int) -> None:
    if yuan:
        to[on] = yuan * 100


def _lives() -> tuple[list[Life], set[tuple[int, bool, bool]]]:
    """The first customers of each profile, in the order of the file."""
    path = shared_data.require("invoices/six_month_billing.csv.gz")
    taken: defaultdict[tuple[int, bool, bool], list[Life]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            of_profile = taken[_profile(row)]
            if len(of_profile) < A_PROFILE:
                of_profile.append(_life(row))
    return [life for lives in taken.values() for life in lives], set(taken)


def _write(today: date, lives: list[Life], world: real.World) -> None:
    """Money first, then what is billed: as `Life.live` has it, credit pays a new bill at once."""
    real.receive(
        [
            (world.ids[each.name], f"{each.name}-{today}", each.money[today], None)
            for each in lives
            if today in each.money
        ],
        on=today,
    )
    for each in lives:
        if today in each.bills:
            number = f"{each.name}-{today:%Y-%m}"
            real.issue(world.ids[each.name], number, each.bills[today], on=today, due_on=_due(today))


def test_late_in_parts_and_too_much_every_day_is_as_the_policy_says() -> None:
    lives, profiles = _lives()
    assert {late for late, _parts, _credit in profiles} == set(range(9))
    assert {(parts, credit) for _late, parts, credit in profiles} == {
        (parts, credit) for parts in (False, True) for credit in (False, True)
    }
    world = real.World()
    world.add(each.name for each in lives)
    today = FIRST
    while today <= LAST:
        _write(today, lives, world)
        for each in lives:
            each.live(today)
            world.told[world.ids[each.name]].live(today, each.debts())
        real.run_day(today, world)
        today += timedelta(days=1)
    real.check_history(world)
    open_cents = sum(Bill.objects.open().values_list("open_cents", flat=True))
    assert open_cents == sum(sum(each.open.values()) for each in lives)
    assert not list(ledger_check.differences())
    steps = [step for told in world.told.values() for step in told.steps]
    assert {step.after for step in steps} == {
        "NONE", "REMINDED", "OVERDUE", "SUSPEND_WARNED", "SUSPENDED", "DISCONNECT_WARNED",
    }  # fmt: skip
    assert any(step.before == "SUSPENDED" and step.after == "NONE" for step in steps)  # service came back
