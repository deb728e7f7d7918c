"""Whom the operator serves, and the accounts (户号) that their bills are written to."""

from typing import Any, Self

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models.regions import Region
from core.db import Fixed, NeverDelete


class Customer(models.Model):
    """A person, family or enterprise that the operator serves."""

    class Kind(models.TextChoices):
        PERSONAL = "PERSONAL", _("个人")
        FAMILY = "FAMILY", _("家庭")
        ENTERPRISE = "ENTERPRISE", _("政企")

    number = models.CharField(_("客户编号"), max_length=32, unique=True)
    kind = models.CharField(_("客户类型"), max_length=12, choices=Kind.choices, default=Kind.PERSONAL)
    name = models.CharField(_("姓名"), max_length=120)
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True
    )  # null: not assigned yet
    created_at = models.DateTimeField(_("建档时间"))

    class Meta:
        verbose_name = _("客户")
        verbose_name_plural = pgettext_lazy("plural", "客户")

    def __str__(self) -> str:
        return self.number


class BillingAccountQuerySet(models.QuerySet["BillingAccount"]):
    def for_user(self, user: Any) -> Self:
        """The accounts that this user is a member of; nobody's for anybody else."""
        if not getattr(user, "is_authenticated", False):
            return self.none()
        return self.filter(memberships__user_id=user.pk)


class CustomerAccounts(models.Manager["BillingAccount"]):
    """Without the accounts that only hold money in suspense: what people may search, bind, pay and be reminded of."""

    def get_queryset(self) -> BillingAccountQuerySet:
        found = BillingAccountQuerySet(self.model, using=self._db)
        return found.filter(purpose=BillingAccount.Purpose.CUSTOMER)

    def for_user(self, user: Any) -> BillingAccountQuerySet:
        return self.get_queryset().for_user(user)


class BillingAccount(models.Model):
    """户号: what bills are written to. Its row is the root lock of everything that touches its money.

    `objects` are the customers' accounts; `every` has those in which money waits whose owner nobody knows yet, too.
    """

    class Purpose(models.TextChoices):
        CUSTOMER = "CUSTOMER", _("客户")
        SUSPENSE = "SUSPENSE", _("过渡（待查款项）")  # one per gateway, see billing.services.money.suspense

    SUSPENSE_PREFIX = "SUSPENSE:"  # no typed or imported number can hold a colon

    number = models.CharField(_("户号"), max_length=32, unique=True)
    customer = models.ForeignKey(
        Customer, verbose_name=_("客户"), on_delete=models.PROTECT, related_name="accounts"
    )
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True
    )  # null: not assigned yet
    address = models.CharField(_("装机地址"), max_length=300, blank=True, default="")
    post_address = models.CharField(
        _("通信地址"), max_length=300, blank=True, default="", db_default=""
    )  # where letters go; empty: to the address above
    opened_on = models.DateField(_("开户日期"), null=True, blank=True)  # null: the export did not say
    purpose = models.CharField(
        _("用途"),
        max_length=10,
        choices=Purpose.choices,
        default=Purpose.CUSTOMER,
        db_default=Purpose.CUSTOMER,
    )
    closed_at = models.DateTimeField(
        _("销户时间"), null=True, blank=True
    )  # null: open; a closed one takes no members and no money ahead, what it owes can still be paid
    created_at = models.DateTimeField(_("建档时间"))

    every = BillingAccountQuerySet.as_manager()  # the first one is Django's own choice, e.g. in the admin
    objects = CustomerAccounts()

    class Meta:
        verbose_name = _("户号")
        verbose_name_plural = pgettext_lazy("plural", "户号")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(purpose="SUSPENSE", number__startswith="SUSPENSE:")
                | (models.Q(purpose="CUSTOMER") & ~models.Q(number__startswith="SUSPENSE:")),
                name="billing_account_suspense_by_number",
            )
        ]
        triggers = [
            NeverDelete(name="billing_account_never_deleted"),
            Fixed(name="billing_account_purpose_fixed", columns=("purpose",)),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None
