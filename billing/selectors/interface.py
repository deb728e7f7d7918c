"""What the open interface lists. Each row is one that its reader may open by its number, and no other."""

from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from accounts import rules
from accounts.models import BillingAccount, Membership
from accounts.rules import Action
from billing.models import Allocation, Bill, Payment, Receipt
from billing.models.payments import UNDECIDED
from core.errors import NotFound


def accounts(user: Any) -> "QuerySet[Membership]":
    """The memberships by which the user sees bills, with accounts and customers."""
    rows = Membership.objects.filter(user_id=user.pk, role__in=rules.roles_for(Action.SEE_BILLS))
    return rows.select_related("account__customer")


def bills(user: Any, *, account: str = "", only_open: bool = False) -> "QuerySet[Bill]":
    """The bills of the user's accounts, or of that one; raises NotFound for an account that is not his."""
    found = Bill.objects.for_user(user).select_related("account").filter(_of(user, account))
    return found.filter(open_cents__gt=0) if only_open else found


def receipts(user: Any, *, account: str = "") -> "QuerySet[Receipt]":
    """The receipts of the user's accounts, and those for what he paid into others'."""
    his = Q(pk__in=Receipt.objects.for_user(user).values("pk")) | Q(payment__payer_id=user.pk)
    return Receipt.objects.filter(his).select_related("account", "payment").filter(_of(user, account))


def receipt(user: Any, number: str) -> Receipt:
    """One of them, with what it settled if its account is the user's; raises NotFound."""
    own = Allocation.objects.filter(receipt__in=Receipt.objects.for_user(user)).select_related("bill")
    settled = Prefetch("allocations", own.order_by("pk"))
    found = receipts(user).filter(number=number).prefetch_related(settled).first()
    if found is None:
        raise NotFound()
    return found


def payments(user: Any, *, account: str = "") -> "QuerySet[Payment]":
    """What the user paid, and what went into his accounts; not what a stranger is about to pay into them."""
    of_circle = Exists(Membership.objects.filter(account=OuterRef("account"), user=OuterRef("payer")))
    shown = ~Q(state__in=UNDECIDED) | Q(payer=None) | of_circle
    his = Q(pk__in=Payment.objects.for_user(user).values("pk")) & shown
    found = Payment.objects.filter(Q(payer_id=user.pk) | his).select_related("account", "bill")
    return found.filter(_of(user, account))


def payment(user: Any, reference: str) -> Payment:
    """One of them; raises NotFound."""
    found = payments(user).filter(reference=reference).first()
    if found is None:
        raise NotFound()
    return found


def own_number(user: Any, account: str) -> str:
    """The number as it came, "" for all; raises NotFound for an account that is not the user's."""
    if account and not BillingAccount.objects.for_user(user).filter(number=account).exists():
        raise NotFound()
    return account


def _of(user: Any, account: str) -> Q:
    return Q(account__number=account) if own_number(user, account) else Q()
