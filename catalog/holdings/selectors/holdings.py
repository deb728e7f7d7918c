"""What an account pays for, as the pricing function reads it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.db import connection

from accounts.models import BillingAccount
from catalog.holdings import rules
from catalog.holdings.models import SubscriptionState
from catalog.pricing.types import Holding, Period, Stop

# The accounts for which each of these pays on the first day of the time: its own (not while another family's member),
# and those of its family's members. Members join and leave on the first of a month, so that a month has one payer.
_PAID_FOR = """
    WITH paid AS (
        SELECT a.id AS account_id, a.id AS payer_id FROM unnest(%(ids)s::bigint[]) AS a (id)
         WHERE NOT EXISTS (SELECT FROM catalog_familymember m JOIN catalog_family f ON f.id = m.family_id
                            WHERE m.account_id = a.id AND f.payer_id <> a.id AND m.active_from <= %(first)s
                              AND (m.active_to IS NULL OR m.active_to > %(first)s))
        UNION ALL
        SELECT m.account_id, f.payer_id FROM catalog_family f JOIN catalog_familymember m ON m.family_id = f.id
         WHERE f.payer_id = ANY(%(ids)s::bigint[]) AND m.account_id <> f.payer_id AND m.active_from <= %(first)s
           AND (m.active_to IS NULL OR m.active_to > %(first)s))"""
_HELD = """
    SELECT p.payer_id, s.id, s.number, o.code, s.begins_on, s.ends_on, s.committed_until, s.paid_until,
           a.number, s.address, s.follows_id
      FROM paid p
      JOIN catalog_subscription s ON s.account_id = p.account_id
      JOIN catalog_offer o ON o.id = s.offer_id
      JOIN accounts_billingaccount a ON a.id = s.account_id
     WHERE s.state = ANY(%(states)s) AND s.begins_on < %(after)s
       AND (s.ends_on IS NULL OR (s.ends_on > %(first)s AND s.ends_on > s.begins_on))
     ORDER BY p.payer_id, s.begins_on, s.number"""
# `today` is null where the month is over: then a pause that nobody has ended goes on. Else it ends on its agreed day.
_STOPS = """
    SELECT t.subscription_id, t.reason, t.begins_on,
           CASE WHEN t.ends_on IS NULL AND p.id IS NOT NULL AND %(today)s::date IS NOT NULL
                THEN greatest(p.resume_on, %(today)s::date) ELSE t.ends_on END
      FROM catalog_suspension t JOIN catalog_subscription s ON s.id = t.subscription_id
      LEFT JOIN catalog_pause p ON p.suspension_id = t.id
     WHERE t.subscription_id = ANY(%(ids)s::bigint[]) AND t.begins_on < %(after)s
       AND (t.ends_on IS NULL
            OR (t.ends_on > t.begins_on AND (t.ends_on > %(first)s OR s.paid_until IS NOT NULL)))
     ORDER BY t.subscription_id, t.begins_on, t.id"""  # a term paid ahead grows by all the days off since its begin
_FIRSTS = """
    WITH RECURSIVE chain (id, at_id, follows_id) AS (
        SELECT id, id, follows_id FROM catalog_subscription WHERE id = ANY(%(ids)s::bigint[])
        UNION ALL
        SELECT c.id, e.id, e.follows_id FROM chain c JOIN catalog_subscription e ON e.id = c.follows_id)
    SELECT c.id, s.begins_on, s.number FROM chain c JOIN catalog_subscription s ON s.id = c.at_id
     WHERE c.follows_id IS NULL"""
_PAYERS = """
    SELECT DISTINCT payer_id FROM (
        SELECT coalesce(f.payer_id, s.account_id) AS payer_id
          FROM catalog_subscription s
          LEFT JOIN catalog_familymember m ON m.account_id = s.account_id AND m.active_from <= %(first)s
                AND (m.active_to IS NULL OR m.active_to > %(first)s)
          LEFT JOIN catalog_family f ON f.id = m.family_id
         WHERE s.state IN ('ACTIVE', 'TERMINATED') AND s.begins_on < %(after)s
           AND (s.ends_on IS NULL OR (s.ends_on > %(first)s AND s.ends_on > s.begins_on))) AS found
     WHERE payer_id > %(beyond)s ORDER BY payer_id LIMIT %(most)s"""
_CHARGED = [str(SubscriptionState.ACTIVE), str(SubscriptionState.TERMINATED)]


def of_many(
    payer_ids: Iterable[int], period: Period, *, with_pending: bool = False, today: date | None = None
) -> dict[int, tuple[Holding, ...]]:
    """What each of these accounts pays for in the month, in order of begin and number. Who holds nothing is missing.

    Two queries for any number of accounts, one more where something was changed into something else. `with_pending`:
    with what was ordered and is still being switched on. `today`, for a month that is not over: a pause that runs now
    ends on the day that was agreed; without it, it goes on until somebody ends it.
    """
    values: dict[str, Any] = {
        "ids": list(payer_ids),
        "first": period.begins_on,
        "after": period.ends_on,
        "states": [*_CHARGED, str(SubscriptionState.PENDING)] if with_pending else _CHARGED,
        "today": today,
    }
    rows = _query(_PAID_FOR + _HELD, values)
    stops = _stops([row[1] for row in rows], values) if rows else {}
    firsts = _firsts([row[1] for row in rows if row[10] is not None])
    found: defaultdict[int, list[Holding]] = defaultdict(list)
    for payer_id, key, number, offer, begins, ends, committed, paid, account, address, _follows in rows:
        place = rules.place(account, address)
        since, first = firsts.get(key, (None, ""))
        held = Holding(number, offer, begins, ends, committed, paid, place, stops.get(key, ()), since, first)
        found[payer_id].append(held)
    return {payer_id: tuple(held) for payer_id, held in found.items()}


def of(account: BillingAccount, *, on: date, with_pending: bool = True) -> tuple[Holding, ...]:
    """What the account pays for in the month of that day; without `with_pending` as a bill run sees it."""
    found = of_many([account.pk], Period.containing(on), with_pending=with_pending, today=on)
    return found.get(account.pk, ())


def payers(period: Period, *, beyond: int = 0, most: int = 500) -> list[int]:
    """The accounts that pay for something in the month, by id, the first ones beyond that id."""
    values = {"first": period.begins_on, "after": period.ends_on, "beyond": beyond, "most": most}
    return [row[0] for row in _query(_PAYERS, values)]


def _stops(ids: Sequence[int], values: dict[str, Any]) -> dict[int, tuple[Stop, ...]]:
    found: defaultdict[int, list[Stop]] = defaultdict(list)
    for key, reason, begins, ends in _query(_STOPS, values | {"ids": list(ids)}):
        found[key].append(Stop(reason, begins, ends))
    return {key: tuple(stops) for key, stops in found.items()}


def _firsts(ids: Sequence[int]) -> dict[int, tuple[date, str]]:
    """Begin and number of the first that each of them follows, by way of those between."""
    return {
        key: (begins, number) for key, begins, number in (_query(_FIRSTS, {"ids": list(ids)}) if ids else ())
    }


def _query(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
