"""What an account owes and what it has to its credit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from accounts.models import BillingAccount


@dataclass(frozen=True, slots=True)
class AccountOverview:
    """One account at a glance. Amounts in fen; both may be above zero (credit that nobody has used yet)."""

    account: BillingAccount
    owed_cents: int
    credit_cents: int
    open_bills: int
    earliest_due_on: date | None  # None: nothing is owed

    def overdue(self, today: date) -> bool:
        return self.earliest_due_on is not None and self.earliest_due_on < today


def overview(user: Any) -> list[AccountOverview]:
    """The user's accounts, those that owe first. Two queries whatever the history."""
    return of_accounts(BillingAccount.objects.for_user(user).select_related("customer").order_by("number"))


def of_account(account: BillingAccount) -> AccountOverview:
    return of_accounts([account])[0]


_SUMS = """
    SELECT a.id, coalesce(o.owed, 0), coalesce(b.balance_cents, 0), coalesce(o.bills, 0), o.due_on
      FROM accounts_billingaccount a
      LEFT JOIN billing_accountbalance b ON b.account_id = a.id
      LEFT JOIN LATERAL (SELECT sum(total_cents - paid_cents) owed, count(*) bills, min(due_on) due_on
                           FROM billing_bill
                          WHERE account_id = a.id AND paid_cents < total_cents) o ON true
     WHERE a.id = ANY(%s)"""


def of_accounts(accounts: Iterable[BillingAccount]) -> list[AccountOverview]:
    """One overview per account given, those that owe first."""
    by_id = {account.pk: account for account in accounts}
    if not by_id:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [list(by_id)])
        rows = {row[0]: row for row in cursor.fetchall()}
    found = [_overview(account, rows[pk]) for pk, account in by_id.items()]
    return sorted(found, key=lambda one: (one.owed_cents == 0, one.earliest_due_on or date.max))


def _overview(account: BillingAccount, row: tuple[Any, ...]) -> AccountOverview:
    _pk, owed, balance, bills, due_on = row
    return AccountOverview(
        account=account,
        owed_cents=int(owed),
        credit_cents=int(balance) + int(owed),  # balance = credit − owed
        open_bills=int(bills),
        earliest_due_on=due_on,
    )
