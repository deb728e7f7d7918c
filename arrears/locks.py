"""Every FOR UPDATE of this room. Order everywhere: billing accounts by id, then cases, subscriptions."""

from collections.abc import Collection

from django.db import connection

from arrears.models import DisconnectPlan
from core import arrays
from core.errors import NotFound

# Also the accounts whose lines these pay for: suspending a line locks its own account.
_WITH_LINES = """
    SELECT id FROM accounts_billingaccount
     WHERE id = ANY(ARRAY(SELECT unnest(%(ids)s::bigint[])
                          UNION SELECT account_id FROM catalog_subscription
                                 WHERE payer_id = ANY(%(ids)s::bigint[]) AND state = 'ACTIVE'))
     ORDER BY id FOR UPDATE"""


def accounts(account_ids: Collection[int]) -> None:
    """These billing accounts and those of the lines that they pay for, locked in the order of their ids."""
    with connection.cursor() as cursor:
        cursor.execute(_WITH_LINES, {"ids": arrays.ints(account_ids)})


def claim(space: int, key: int) -> bool:
    """Whether this transaction may work on that piece: nobody else has it now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [space, key])
        return bool(cursor.fetchone()[0])


def turn(space: int, key: int) -> None:
    """Waits for its turn; the turn ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [space, key])


def plan(plan_id: int) -> DisconnectPlan:
    """The plan of disconnections, locked. Raises NotFound."""
    found = DisconnectPlan.objects.select_for_update(of=("self",)).filter(pk=plan_id).first()
    if found is None:
        raise NotFound()
    return found
