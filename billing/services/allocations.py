"""Using a receipt's money for bills. Callers hold the account's lock and the locks of the bills."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from billing import rules

_SETTLE = """
    WITH share (bill_id, cents) AS (SELECT * FROM unnest(%(bills)s::bigint[], %(cents)s::bigint[])),
    written AS (INSERT INTO billing_allocation (receipt_id, bill_id, amount_cents, at)
                SELECT %(receipt)s, bill_id, cents, %(at)s FROM share)
    UPDATE billing_bill SET paid_cents = paid_cents + share.cents FROM share WHERE billing_bill.id = share.bill_id"""


def write(*, receipt_id: int, shares: Sequence[rules.Share], as_of: datetime) -> None:
    """One allocation per share, and the bills' paid sums move with them, in one statement.

    The receipt's own `allocated_cents` is the caller's: he writes it with the receipt.
    """
    if not shares:
        return
    values: dict[str, Any] = {
        "receipt": receipt_id,
        "at": as_of,
        "bills": [share.bill_id for share in shares],
        "cents": [share.cents for share in shares],
    }
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, values)
