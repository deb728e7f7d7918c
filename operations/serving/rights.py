"""Whether this member of staff may serve this customer now: asked when he begins, at each page, and at each act."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts import posts
from accounts.models import BillingAccount, Contact, Membership, User
from core.errors import Forbidden

PERMISSION = "operations.add_slip"  # to have business done for a customer


class ServesHimself(Forbidden):
    code = "SERVES_HIMSELF"
    message = _("这位客户的户号与您本人有关，不能由您办理，请交由其他同事")


class OutOfRegion(Forbidden):
    code = "OUT_OF_REGION"
    message = _("这位客户有户号不在您的管辖区域，请由上级营业厅办理")


class NotACustomer(Forbidden):
    code = "NOT_A_CUSTOMER"
    message = _("这位客户与这个户号无关")


def check(*, clerk: User, served: User, account: BillingAccount, as_of: datetime) -> None:
    """Returns when he may; raises Forbidden, what `posts.check_clerk` raises, ServesHimself or OutOfRegion.

    He sees whatever the customer sees, so all the customer's accounts must be in the regions of his posts.
    """
    check_clerk(clerk, as_of=as_of)
    shown = BillingAccount.objects.filter(pk__in=[account.pk, *_accounts_of(served)])
    if served.pk == clerk.pk or _is_his_own(clerk, shown):
        raise ServesHimself()
    if in_scope(clerk, shown, as_of=as_of).count() < shown.count():
        raise OutOfRegion()


def check_clerk(clerk: User, *, as_of: datetime) -> None:
    """He is staff, at his post, with a certificate that holds."""
    if not (clerk.is_active and clerk.is_staff and clerk.has_perm(PERMISSION)):
        raise Forbidden()
    posts.check_clerk(clerk, as_of)


def in_scope(
    clerk: User, accounts: "QuerySet[BillingAccount]", *, as_of: datetime
) -> "QuerySet[BillingAccount]":
    """Those of the accounts that lie in the regions of his posts."""
    scope = posts.scope(clerk, PERMISSION, as_of)
    return accounts if scope.is_everything else accounts.filter(region_id__in=scope.region_ids)


def _is_his_own(clerk: User, accounts: "QuerySet[BillingAccount]") -> bool:
    """He is a member of one of them; or reads the messages of one, and would tell himself the customer's code."""
    if Membership.objects.filter(user=clerk, account__in=accounts).exists():
        return True
    return bool(clerk.phone) and Contact.objects.filter(account__in=accounts, value=clerk.phone).exists()


def _accounts_of(served: User) -> list[int]:
    return list(Membership.objects.filter(user=served).values_list("account_id", flat=True))
