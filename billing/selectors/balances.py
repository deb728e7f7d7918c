"""What an account owes and what it has to its credit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from accounts.models import BillingAccount, User
from accounts.rules import Action
from accounts.selectors import accounts
from billing.selectors import penalties
from core.prepared import Prepared


@dataclass(frozen=True, slots=True)
class AccountOverview:
    """One account at a glance. Amounts in fen; credit may stand beside what is owed (nobody used it yet)."""

    account: BillingAccount
    owed_cents: int  # open bills
    penalty_cents: int  # what the late ones have cost so far, not billed yet
    credit_cents: int
    open_bills: int
    earliest_due_on: date | None  # None: nothing is owed

    @property
    def due_cents(self) -> int:
        """What must be paid today for nothing to be owed."""
        return self.owed_cents + self.penalty_cents

    def overdue(self, today: date) -> bool:
        return self.earliest_due_on is not None and self.earliest_due_on < today


_SEEN = Prepared(lambda pk: accounts.where(User(pk=pk), Action.SEE_BILLS).select_related("customer"), pk=int)


def overview(user: Any, *, today: date) -> list[AccountOverview]:
    """The user's accounts, those that owe first. Four queries at most, whatever the history."""
    return of_accounts(_SEEN.rows(pk=user.pk), today=today)


def of_account(account: BillingAccount, *, today: date) -> AccountOverview:
    return of_accounts([account], today=today)[0]


_SUMS = """
    SELECT a.id, coalesce(o.owed, 0), coalesce(b.balance_cents, 0), coalesce(o.bills, 0), o.due_on,
           coalesce(o.late, '{}')
      FROM accounts_billingaccount a
      LEFT JOIN billing_accountbalance b ON b.account_id = a.id
      LEFT JOIN LATERAL (SELECT sum(open_cents) owed, count(*) bills, min(due_on) due_on,
                                array_agg(id) FILTER (WHERE due_on < %(today)s AND kind <> 'PENALTY') late
                           FROM billing_bill
                          WHERE account_id = a.id AND open_cents > 0) o ON true
     WHERE a.id = ANY(%(accounts)s)"""


def of_accounts(wanted: Iterable[BillingAccount], *, today: date) -> list[AccountOverview]:
    """One overview per account given, those that owe first."""
    by_id = {account.pk: account for account in wanted}
    if not by_id:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, {"today": today, "accounts": list(by_id)})
        rows = {row[0]: row for row in cursor.fetchall()}
    accrued = penalties.accrued([bill for row in rows.values() for bill in row[5]], on=today)
    cents = {bill: found.cents for bill, found in accrued.items()}
    found = [_overview(account, rows[pk], cents) for pk, account in by_id.items()]
    return sorted(found, key=lambda one: (one.owed_cents == 0, one.earliest_due_on or date.max))


def _overview(account: BillingAccount, row: tuple[Any, ...], accrued: Mapping[int, int]) -> AccountOverview:
    _pk, owed, balance, bills, due_on, late = row
    return AccountOverview(
        account=account,
        owed_cents=int(owed),
        penalty_cents=sum(accrued.get(bill, 0) for bill in late),
        credit_cents=int(balance) + int(owed),  # balance = credit − owed
        open_bills=int(bills),
        earliest_due_on=due_on,
    )
