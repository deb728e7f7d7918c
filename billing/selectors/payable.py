"""Whose bills a user may pay."""

from typing import Any

from django.db.models import QuerySet

from accounts.models import BillingAccount, Membership

PAYING_ROLES = (Membership.Role.OWNER, Membership.Role.PAYER, Membership.Role.HANDLER)


def accounts_of(user: Any) -> QuerySet[BillingAccount]:
    """The accounts whose bills this user may pay."""
    return BillingAccount.objects.filter(
        memberships__user_id=user.pk, memberships__role__in=PAYING_ROLES
    ).order_by("number")
