"""Everything that a month's charge depends on, read set-wise: five statements, however many accounts."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from django.db import connection

from catalog.charging.rules import Charged, Facts, Place
from catalog.holdings.selectors import holdings
from catalog.offers.selectors import books
from catalog.pricing import from_json
from catalog.pricing.types import Period

_CHARGED = """
    SELECT DISTINCT ON (account_id) account_id, revision, lines, region_id, customer_kind
      FROM catalog_chargedmonth WHERE account_id = ANY(%(ids)s::bigint[]) AND period = %(period)s
     ORDER BY account_id, revision DESC"""
_CARRIED = """
    SELECT account_id, sum(amount_cents)::bigint FROM catalog_carriedforward
     WHERE account_id = ANY(%(ids)s::bigint[]) AND taken_in = '' AND from_period < %(period)s
     GROUP BY account_id"""
_RECHARGES = """
    SELECT period, array_agg(account_id ORDER BY account_id) FROM catalog_recharge
     WHERE account_id = ANY(%(ids)s::bigint[]) AND done_at IS NULL AND period < %(period)s
     GROUP BY period ORDER BY period"""


def of_many(
    account_ids: Collection[int],
    period: Period,
    *,
    places: Mapping[int, Place] | None = None,
    on: date | None = None,
    with_pending: bool = False,
) -> dict[int, Facts]:
    """Of each of these accounts, whether it pays for something in the month or not.

    `places`: at whose prices some of them were charged already. `on`: the day whose tier and segments count when that
    is not the month's last. `with_pending`: with what is ordered and still being switched on.
    """
    fixed = places or {}
    held = holdings.of_many(account_ids, period, with_pending=with_pending, today=on)
    last = on or date.fromordinal(period.ends_on.toordinal() - 1)
    who = books.facts_of(account_ids, last)
    where = {key: fixed.get(key) or Place(found.region_id, found.kind) for key, found in who.items()}
    known = books.many({(place.region_id, place.kind) for place in where.values()})
    found: dict[int, Facts] = {}
    for key, each in who.items():
        place = where[key]
        customer = each.customer
        if customer.kind != place.kind:
            customer = replace(customer, kind=place.kind)
        book = known[place.region_id, place.kind]
        found[key] = Facts(key, period, held.get(key, ()), customer, place, book)
    return found


def charged(account_ids: Sequence[int], period: str) -> dict[int, Charged]:
    """The newest revision of that month for each account that has one."""
    return {
        key: Charged(revision, tuple(from_json(line) for line in json.loads(lines)), Place(region, kind))
        for key, revision, lines, region, kind in _rows(_CHARGED, account_ids, period)
    }


def carried(account_ids: Sequence[int], period: str) -> dict[int, int]:
    """Fen carried forward from bills before that month and not taken off yet."""
    return dict(_rows(_CARRIED, account_ids, period))


def recharges(account_ids: Sequence[int], period: str) -> dict[str, list[int]]:
    """The months before that one that wait to be charged again, in order, each with its accounts."""
    return dict(_rows(_RECHARGES, account_ids, period))


def _rows(sql: str, account_ids: Collection[int], period: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"ids": list(account_ids), "period": period})
        return list(cursor.fetchall())
