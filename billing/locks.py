"""Every FOR UPDATE of this room. The billing account is locked first (accounts.locks), then payment, then bills."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F

from billing.models import Bill, Payment, Receipt
from billing.rules import Share
from core.errors import NotFound

# Plain SQL where money is applied: building these queries costs more than running them.
# Rows are locked in the order in which FOR UPDATE OF names them: the account first.
_ACCOUNT_AND_PAYMENT = """
    SELECT payment.*, account.number AS account_number
      FROM billing_payment payment JOIN accounts_billingaccount account ON account.id = payment.account_id
     WHERE payment.id = %s AND set_config('lock_timeout', %s, true) <> '' FOR UPDATE OF account, payment"""
# Whoever moves a payment's money waits this long for a lock: one account that stays locked must not stop all workers.
LONGEST_WAIT = "5s"
_PAYMENT = "SELECT * FROM billing_payment WHERE id = %s FOR UPDATE"
_OPEN_BILLS = """
    SELECT id, total_cents - paid_cents FROM billing_bill
     WHERE account_id = %s AND paid_cents < total_cents
     ORDER BY due_on, id FOR UPDATE"""
# The array makes PostgreSQL run the locking query once; inside IN (…) it may run it per row, past its LIMIT.
_CLAIM_UNDECIDED = """
    UPDATE billing_payment SET queries = queries + 1, next_query_at = %s
     WHERE id = ANY(ARRAY(SELECT id FROM billing_payment
                           WHERE state IN ('CREATED', 'PENDING', 'UNKNOWN') AND next_query_at <= %s
                           ORDER BY next_query_at, id LIMIT %s FOR UPDATE SKIP LOCKED))
    RETURNING *"""


def payment_with_account(payment_id: int) -> tuple[Payment, str]:
    """The payment as it is now under the root lock of its money; with the number of its account.

    OperationalError when these locks, or later ones of the same transaction, are not free within `LONGEST_WAIT` each.
    """
    found = _one(_ACCOUNT_AND_PAYMENT, payment_id, LONGEST_WAIT)
    return found, str(vars(found)["account_number"])


def payment(payment_id: int) -> Payment:
    """The payment as it is now, locked."""
    return _one(_PAYMENT, payment_id)


def _one(sql: str, *values: int | str) -> Payment:
    found = next(iter(Payment.objects.raw(sql, values)), None)
    if found is None:
        raise NotFound()
    return found


def open_bills(account_id: int) -> list[Share]:
    """What is still owed on each of the account's open bills, oldest due first."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_BILLS, [account_id])
        return [Share(bill_id, cents) for bill_id, cents in cursor.fetchall()]


def open_bills_of(account_ids: Collection[int]) -> dict[int, list[Share]]:
    """What is still owed on each open bill of these accounts, oldest due first."""
    bills = Bill.objects.open().select_for_update().filter(account_id__in=account_ids)
    rows = bills.order_by("account_id", "due_on", "id").values_list(
        "account_id", "id", F("total_cents") - F("paid_cents")
    )
    found: dict[int, list[Share]] = {}
    for account_id, bill_id, cents in rows:
        found.setdefault(account_id, []).append(Share(bill_id, cents))
    return found


def claim_undecided(*, as_of: datetime, lease: timedelta, limit: int) -> list[Payment]:
    """Up to `limit` undecided payments that are due, each this caller's alone until the lease ends."""
    return list(Payment.objects.raw(_CLAIM_UNDECIDED, [as_of + lease, as_of, limit]))


def receipt(receipt_id: int) -> Receipt:
    """The receipt as it is now, locked."""
    return Receipt.objects.select_for_update().get(pk=receipt_id)
