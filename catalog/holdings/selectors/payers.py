"""Who pays for an account: itself, or the head of the family that it belongs to."""

from collections.abc import Collection
from datetime import date

from django.db.models import Q

from catalog.holdings.families import FamilyMember


def of_account(account_id: int, *, on: date) -> int:
    """The account that pays for this one on that day."""
    return of_accounts([account_id], on=on)[account_id]


def of_accounts(account_ids: Collection[int], *, on: date) -> dict[int, int]:
    """The same of many, in one query."""
    rows = FamilyMember.objects.filter(account_id__in=account_ids, active_from__lte=on)
    now = rows.filter(Q(active_to=None) | Q(active_to__gt=on))
    heads = dict(now.values_list("account_id", "family__payer_id"))
    return {each: heads.get(each, each) for each in account_ids}
