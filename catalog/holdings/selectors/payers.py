"""Who pays for an account: itself, or the head of the family that it belongs to."""

from datetime import date

from django.db.models import Q

from catalog.holdings.families import FamilyMember


def of_account(account_id: int, *, on: date) -> int:
    """The account that pays for this one on that day."""
    memberships = FamilyMember.objects.filter(account_id=account_id, active_from__lte=on)
    head = memberships.filter(Q(active_to=None) | Q(active_to__gt=on)).values_list(
        "family__payer_id", flat=True
    )
    return head.first() or account_id
