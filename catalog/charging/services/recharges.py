"""Months that were charged before their facts changed: noted here, put right by the next run."""

from datetime import date, datetime
from typing import Any

from django.db import connection

from accounts import locks as account_locks
from catalog.charging import rules
from core.clock import local_date

# A month counts as charged from the start of its run on: an account that the run has not come to yet is charged by the
# facts of then, and finds nothing to put right later; one for which it held nothing then is charged now.
_REQUEST = """
    INSERT INTO catalog_recharge (account_id, period, reason, requested_at)
    SELECT %(account)s, month, %(reason)s, %(at)s FROM unnest(%(months)s::text[]) AS month
     WHERE EXISTS (SELECT FROM catalog_billrun r WHERE r.period = month)
     ORDER BY month ON CONFLICT (account_id, period) WHERE done_at IS NULL DO NOTHING"""


def request(*, account_number: str, from_day: date, reason: str, as_of: datetime) -> int:
    """Every month since that day whose run has begun is computed again for the account; how many are new.

    Called in a transaction: the account's lock waits for a run that is charging it, which then counts as having begun.
    """
    account_id = account_locks.accounts([account_number])[account_number]
    months = rules.months_between(from_day, local_date(as_of))
    values: dict[str, Any] = {"account": account_id, "months": months, "reason": reason[:200], "at": as_of}
    with connection.cursor() as cursor:
        cursor.execute(_REQUEST, values)
        return int(cursor.rowcount)
