"""Whose bills a user may pay, and whose money he may move: what accounts.rules.MAY says of his roles."""

from typing import Any

from django.db.models import QuerySet

from accounts.models import BillingAccount
from accounts.rules import Action
from accounts.selectors import accounts


def accounts_of(user: Any) -> QuerySet[BillingAccount]:
    """The accounts whose bills this user may pay."""
    return accounts.where(user, Action.PAY)


def topped_up_by(user: Any) -> QuerySet[BillingAccount]:
    """The accounts into which this user may pay ahead of bills: no closed ones."""
    return accounts_of(user).filter(closed_at=None)


def disputed_by(user: Any) -> QuerySet[BillingAccount]:
    """The accounts whose bills this user may dispute."""
    return accounts.where(user, Action.DISPUTE)


def owned_by(user: Any) -> QuerySet[BillingAccount]:
    """The accounts whose credit is this user's to spend or keep, and for which he may sign with the bank."""
    return accounts.where(user, Action.MOVE_CREDIT)


def refunded_to(user: Any) -> QuerySet[BillingAccount]:
    """The accounts whose credit this user may ask back."""
    return accounts.where(user, Action.ASK_REFUND)
