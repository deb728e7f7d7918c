"""Reads about billing accounts and their people."""

from typing import Any

from django.db.models import QuerySet

from accounts import rules
from accounts.models import BillingAccount, Contact, Membership, User
from accounts.rules import Action
from core.prepared import Prepared


def of_user(user: Any) -> "QuerySet[BillingAccount]":
    """The accounts this user is a member of, by number, with their customers; none for who is not logged in."""
    return BillingAccount.objects.for_user(user).select_related("customer").order_by("number")


def where(user: Any, action: Action) -> "QuerySet[BillingAccount]":
    """The accounts on which this user may do that (see accounts.rules.MAY), by number."""
    found = BillingAccount.objects.filter(
        memberships__user_id=user.pk, memberships__role__in=rules.roles_for(action)
    )
    return found.order_by("number")


SOME = {action: Prepared(lambda pk, action=action: where(User(pk=pk), action), pk=int) for action in Action}


def any_where(user: Any, action: Action) -> bool:
    """Whether there is an account on which this user may do that: what lists of operations ask."""
    return user.pk is not None and SOME[action].exists(pk=user.pk)


def may(user: Any, account_id: int, action: Action) -> bool:
    """Whether this user may do that on this account; False for a stranger's."""
    return where(user, action).filter(pk=account_id).exists()


def memberships_of(user: Any) -> "QuerySet[Membership]":
    """The same with the role of each."""
    rows = Membership.objects.filter(user_id=user.pk).select_related("account__customer")
    return rows.order_by("account__number")


def membership_of(user: Any, number: str) -> Membership | None:
    """What the user may do on the account of that number; None for a stranger's and for one that does not exist."""
    return Membership.objects.filter(user_id=user.pk, account__number=number).first()


def by_number(number: str) -> BillingAccount | None:
    """Whoever's account it is: for operations that prove the right to it otherwise."""
    return BillingAccount.objects.filter(number=number).first()


def primary_phone(account: BillingAccount) -> str:
    """The E.164 number that stands for the account, proven or imported; "" when there is none."""
    return primary_phone_of_number(account.number)


def primary_phone_of_number(number: str) -> str:
    """The same by 户号, in one query: the time it takes does not tell whether the account exists."""
    primary = Contact.objects.filter(account__number=number, kind=Contact.Kind.PHONE, is_primary=True)
    return primary.values_list("value", flat=True).first() or ""
