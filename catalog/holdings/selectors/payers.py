"""Who pays for an account: itself, or the head of the family that it belongs to."""

from collections.abc import Collection
from datetime import date

from django.db import connection
from django.db.models import Q

from catalog.holdings.families import FamilyMember

# Each order asks three times, under its locks; building the query takes longer than asking.
_HEAD = """
    SELECT f.payer_id FROM catalog_familymember m JOIN catalog_family f ON f.id = m.family_id
     WHERE m.account_id = %(account)s AND m.active_from <= %(on)s AND (m.active_to IS NULL OR m.active_to > %(on)s)"""


def of_account(account_id: int, *, on: date) -> int:
    """The account that pays for this one on that day."""
    with connection.cursor() as cursor:
        cursor.execute(_HEAD, {"account": account_id, "on": on})
        found = cursor.fetchone()
    return int(found[0]) if found else account_id


def of_accounts(account_ids: Collection[int], *, on: date) -> dict[int, int]:
    """The same of many, in one query."""
    rows = FamilyMember.objects.filter(account_id__in=account_ids, active_from__lte=on)
    now = rows.filter(Q(active_to=None) | Q(active_to__gt=on))
    heads = dict(now.values_list("account_id", "family__payer_id"))
    return {each: heads.get(each, each) for each in account_ids}
