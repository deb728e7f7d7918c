"""Which accounts a bill run has to look at."""

from dataclasses import dataclass
from typing import Any

from django.db import connection

from catalog.pricing.types import Period


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of the accounts; empty: all of them."""

    region_code: str = ""  # with the regions below
    account_number: str = ""

    @property
    def is_all(self) -> bool:
        return not self.region_code and not self.account_number


# Accounts that pay on the first of the month for something that has a charged day in it (members of another's family
# do not, its head does), and those of which an earlier month is to be put right.
#
# Each condition is a scalar subquery, which is asked for one account after the other by index. As EXISTS the planner
# may answer it by reading everything that all accounts hold, once for each chunk: a run would take quadratic time.
_PAYS = """
    (coalesce((SELECT true FROM catalog_subscription s WHERE s.account_id = a.id AND {charged} LIMIT 1), false)
     AND (SELECT true FROM catalog_familymember m JOIN catalog_family f ON f.id = m.family_id
           WHERE m.account_id = a.id AND f.payer_id <> a.id AND {member} LIMIT 1) IS NULL
     OR coalesce((SELECT true FROM catalog_family f JOIN catalog_familymember m ON m.family_id = f.id
                    JOIN catalog_subscription s ON s.account_id = m.account_id
                   WHERE f.payer_id = a.id AND {member} AND {charged} LIMIT 1), false)
     OR coalesce((SELECT true FROM catalog_recharge r
                   WHERE r.account_id = a.id AND r.done_at IS NULL AND r.period < %(period)s LIMIT 1), false)
        )""".format(
    charged="""s.state IN ('ACTIVE', 'TERMINATED') AND s.begins_on < %(after)s
             AND (s.ends_on IS NULL OR (s.ends_on > %(first)s AND s.ends_on > s.begins_on))""",
    member="m.active_from <= %(first)s AND (m.active_to IS NULL OR m.active_to > %(first)s)",
)
# The month is spelt so that no index on months alone is used: that reads all who were charged so far, and the planner
# takes them for few while a run is filling the month.
_OF_MONTH = "c.period || '' = %(period)s AND c.revision = 0"
_LEFT = f"""
    AND (SELECT true FROM catalog_chargedmonth c WHERE c.account_id = a.id AND {_OF_MONTH} LIMIT 1) IS NULL"""
IN_REGION = """
    coalesce(a.region_id, (SELECT c.region_id FROM accounts_customer c WHERE c.id = a.customer_id)) IN (
        WITH RECURSIVE below AS (
            SELECT id FROM accounts_region WHERE code = %(region)s
             UNION SELECT r.id FROM accounts_region r JOIN below ON r.parent_id = below.id)
        SELECT id FROM below)"""


def within(scope: Scope) -> str:
    """The condition on accounts `a`; its values are `values(scope)`."""
    parts = ["TRUE"]
    if scope.account_number:
        parts.append("a.number = %(account)s")
    if scope.region_code:
        parts.append(IN_REGION)
    return " AND ".join(parts)


def values(scope: Scope) -> dict[str, Any]:
    return {"account": scope.account_number, "region": scope.region_code}


def page(
    scope: Scope, period: Period, *, beyond: int, most: int, with_charged: bool = False
) -> list[tuple[int, str]]:
    """(id, number) of the next accounts by id; without those that were charged for the month, unless asked for."""
    sql = f"""SELECT a.id, a.number FROM accounts_billingaccount a
               WHERE a.id > %(beyond)s AND {within(scope)} AND {_PAYS} {"" if with_charged else _LEFT}
               ORDER BY a.id LIMIT %(most)s"""
    given = values(scope) | {
        "period": period.code,
        "first": period.begins_on,
        "after": period.ends_on,
        "beyond": beyond,
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return list(cursor.fetchall())


def charged_among(account_ids: list[int], period: Period) -> set[int]:
    """Those that have a charged month already."""
    sql = f"""SELECT c.account_id FROM unnest(%(ids)s::bigint[]) AS a (id)
                JOIN catalog_chargedmonth c ON c.account_id = a.id WHERE {_OF_MONTH}"""
    with connection.cursor() as cursor:
        cursor.execute(sql, {"ids": account_ids, "period": period.code})
        return {row[0] for row in cursor.fetchall()}
