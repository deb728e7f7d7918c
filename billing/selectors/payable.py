"""Whose bills a user may pay, and whose money he may move."""

from typing import Any

from django.db.models import QuerySet

from accounts.models import BillingAccount, Membership

PAYING_ROLES = (Membership.Role.OWNER, Membership.Role.PAYER, Membership.Role.HANDLER)


def accounts_of(user: Any) -> QuerySet[BillingAccount]:
    """The accounts whose bills this user may pay."""
    return _with_role(user, PAYING_ROLES)


def owned_by(user: Any) -> QuerySet[BillingAccount]:
    """The accounts whose credit is this user's to spend, keep or take back."""
    return _with_role(user, (Membership.Role.OWNER,))


def _with_role(user: Any, roles: tuple[str, ...]) -> QuerySet[BillingAccount]:
    found = BillingAccount.objects.filter(memberships__user_id=user.pk, memberships__role__in=roles)
    return found.order_by("number")
