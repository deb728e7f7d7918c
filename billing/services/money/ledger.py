"""Postings: one entry and the balance move together, in one statement."""

from datetime import datetime
from typing import Any

from django.db import connection

from billing.models import EntryKind

_POST = """
    WITH entry AS (
        INSERT INTO billing_ledgerentry (account_id, kind, amount_cents, bill_id, receipt_id, refund_id,
                                         adjustment_id, transfer_id, at)
        VALUES (%(account)s, %(kind)s, %(amount)s, %(bill)s, %(receipt)s, %(refund)s, %(adjustment)s, %(transfer)s,
                %(at)s)
        RETURNING account_id, amount_cents)
    INSERT INTO billing_accountbalance (account_id, balance_cents)
    SELECT account_id, amount_cents FROM entry
        ON CONFLICT (account_id)
        DO UPDATE SET balance_cents = billing_accountbalance.balance_cents + excluded.balance_cents"""


def post(
    *,
    account_id: int,
    kind: EntryKind,
    amount_cents: int,
    as_of: datetime,
    bill_id: int | None = None,
    receipt_id: int | None = None,
    refund_id: int | None = None,
    adjustment_id: int | None = None,
    transfer_id: int | None = None,
) -> None:
    """Writes the entry and moves the balance by it. The caller holds the account's lock.

    A second entry for the same cause (for a transfer: on the same account) is refused by the database
    (IntegrityError).
    """
    values: dict[str, Any] = {
        "account": account_id,
        "kind": str(kind),
        "amount": amount_cents,
        "bill": bill_id,
        "receipt": receipt_id,
        "refund": refund_id,
        "adjustment": adjustment_id,
        "transfer": transfer_id,
        "at": as_of,
    }
    with connection.cursor() as cursor:
        cursor.execute(_POST, values)
