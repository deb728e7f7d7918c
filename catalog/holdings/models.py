"""What is held: subscriptions, why they are off, and how they ended."""

from datetime import date
from typing import Any, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import BillingAccount
from catalog.choices import SuspensionReason
from catalog.holdings.laws import EndsWithTermination, NeedsEvidence
from catalog.offers.models import Offer
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.models import Upload
from core.statemachine import Machine
from notices.models import Message
from operations.models import Slip
from resources.models import Device


class SubscriptionState(models.TextChoices):
    PENDING = "PENDING", _("待开通")
    ACTIVE = "ACTIVE", _("使用中")  # or suspended: that is a row of Suspension, not a state
    TERMINATED = "TERMINATED", _("已终止")
    CANCELLED = "CANCELLED", _("已取消")  # never came into use, or was returned: charged nothing


_S = SubscriptionState
SUBSCRIPTION_MACHINE = Machine(
    name="subscription",
    initial=_S.PENDING,
    transitions={
        _S.PENDING: frozenset({_S.ACTIVE, _S.CANCELLED}),
        _S.ACTIVE: frozenset({_S.TERMINATED}),
        _S.TERMINATED: frozenset(),
        _S.CANCELLED: frozenset(),
    },
)


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def for_user(self, user: Any) -> Self:
        """Those of the accounts that this user is a member of."""
        if not getattr(user, "is_authenticated", False):
            return self.none()
        return self.filter(account__memberships__user_id=user.pk)

    def held(self) -> Self:
        """Those that are in use or about to be."""
        return self.filter(state__in=[_S.PENDING, _S.ACTIVE])

    def switched_on(self) -> Self:
        """Those in use that nothing suspends."""
        open_ones = Suspension.objects.filter(subscription=OuterRef("pk"), ends_on=None)
        return self.filter(~Exists(open_ones), state=_S.ACTIVE)

    def charged_within(self, begins_on: date, ends_before: date) -> Self:
        """Those with a charged day in `[begins_on, ends_before)`."""
        return self.filter(state__in=[_S.ACTIVE, _S.TERMINATED], begins_on__lt=ends_before).filter(
            Q(ends_on__isnull=True) | (Q(ends_on__gt=begins_on) & Q(ends_on__gt=F("begins_on")))
        )


class Subscription(models.Model):
    """An account holds an offer (or one terminal of it) from day to day."""

    number = models.CharField(_("订购编号"), max_length=32, unique=True)
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="subscriptions"
    )
    payer = models.ForeignKey(
        BillingAccount,
        verbose_name=_("付费户号"),
        on_delete=models.PROTECT,
        related_name="paid_subscriptions",
    )  # who pays now: the account itself, or that of its family's head; for other days see `families.payers`
    offer = models.ForeignKey(
        Offer, verbose_name=_("产品"), on_delete=models.PROTECT, related_name="subscriptions"
    )
    state = models.CharField(_("状态"), max_length=10, choices=_S.choices, default=_S.PENDING)
    begins_on = models.DateField(
        _("开通日"), null=True, blank=True
    )  # first day charged; null: not in use yet
    ends_on = models.DateField(_("终止日"), null=True, blank=True)  # first day not charged; null: goes on
    end_slip = models.ForeignKey(
        Slip,
        verbose_name=_("申请终止的受理单"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # by which `ends_on` was asked for; null: no end is asked for, or not by a slip
    committed_until = models.DateField(
        _("合约到期日"), null=True, blank=True
    )  # first day on which ending costs nothing; null: no lock-in
    paid_until = models.DateField(
        _("预付至"), null=True, blank=True
    )  # first day not paid ahead; null: charged month by month
    follows = models.OneToOneField(
        "self",
        verbose_name=_("由何变更而来"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="followed_by",
    )  # null: ordered anew
    device = models.ForeignKey(
        Device,
        verbose_name=_("设备"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="subscriptions",
    )  # null: none, or not known
    service_number = models.CharField(
        _("号码"), max_length=20, blank=True, default=""
    )  # the telephone or broadband number; empty: none
    address = models.CharField(_("装机地址"), max_length=300, blank=True, default="")  # empty: the account's
    source = models.CharField(_("来源"), max_length=60, default="hall")  # "hall" or the import profile
    source_number = models.CharField(_("来源编号"), max_length=60, blank=True, default="")  # its key there
    created_at = models.DateTimeField(_("写入时间"))

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("订购关系")
        verbose_name_plural = pgettext_lazy("plural", "订购关系")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True)
                | Q(begins_on__isnull=True)
                | Q(ends_on__gte=F("begins_on")),
                name="subscription_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["ACTIVE", "TERMINATED"]) | Q(begins_on__isnull=False),
                name="subscription_in_use_has_begun",
            ),
            models.CheckConstraint(
                condition=~Q(state="TERMINATED") | Q(ends_on__isnull=False),
                name="subscription_ended_on_a_day",
            ),
            models.UniqueConstraint(
                fields=["source", "source_number"],
                condition=~Q(source_number=""),
                name="subscription_source_once",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "state"], name="subscription_of_account"),
            models.Index(fields=["payer", "begins_on"], name="subscription_paid_by"),
            models.Index(fields=["ends_on"], name="subscription_ending", condition=Q(state="ACTIVE")),
            models.Index(fields=["begins_on"], name="subscription_beginning", condition=Q(state="PENDING")),
        ]
        triggers = [
            NeverDelete(name="subscription_never_deleted"),
            StartsAt(name="subscription_starts_pending", machine=SUBSCRIPTION_MACHINE, also=(_S.ACTIVE,)),
            Transitions(name="subscription_transitions", machine=SUBSCRIPTION_MACHINE),
            Fixed(
                name="subscription_fixed",
                columns=("number", "account_id", "offer_id", "source", "source_number"),
            ),
            EndsWithTermination(name="subscription_ends_by_termination"),
        ]

    def __str__(self) -> str:
        return self.number


class SubscriptionHistory(models.Model):
    """Each change of a subscription's state or dates."""

    subscription = models.ForeignKey(
        Subscription, verbose_name=_("订购关系"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10, blank=True)
    to_state = models.CharField(_("新状态"), max_length=10)
    begins_on = models.DateField(_("开通日"), null=True, blank=True)  # as it is from then on
    ends_on = models.DateField(_("终止日"), null=True, blank=True)  # as it is from then on
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=200, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("订购变更记录")
        verbose_name_plural = _("订购变更记录")
        triggers = [AppendOnly(name="subscription_history_append_only")]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.to_state}"


class Suspension(models.Model):
    """Why a subscription is off, from day to day. It is on when none is open; each closes for its own reason only."""

    subscription = models.ForeignKey(
        Subscription, verbose_name=_("订购关系"), on_delete=models.PROTECT, related_name="suspensions"
    )
    reason = models.CharField(_("停机原因"), max_length=12, choices=SuspensionReason.choices)
    begins_on = models.DateField(_("停机日"))  # first day off
    ends_on = models.DateField(_("复机日"), null=True, blank=True)  # first day on again; null: still off
    opened_at = models.DateTimeField(_("办理停机时间"))
    closed_at = models.DateTimeField(_("办理复机时间"), null=True, blank=True)  # null: still off
    opened_by = models.CharField(_("停机操作人"), max_length=80)
    closed_by = models.CharField(_("复机操作人"), max_length=80, blank=True, default="")  # empty: still off
    note = models.CharField(_("说明"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("停机")
        verbose_name_plural = pgettext_lazy("plural", "停机")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True, closed_at__isnull=True, closed_by="")
                | Q(ends_on__gte=F("begins_on"), closed_at__isnull=False),
                name="suspension_period",
            ),
            models.UniqueConstraint(
                fields=["subscription", "reason"],
                condition=Q(ends_on__isnull=True),
                name="suspension_open_once_per_reason",
            ),
        ]
        triggers = [
            NeverDelete(name="suspension_never_deleted"),
            Fixed(
                name="suspension_fixed",
                columns=("subscription_id", "reason", "begins_on", "opened_at", "opened_by"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.reason}"


class TerminationReason(models.TextChoices):
    CUSTOMER = "CUSTOMER", _("客户申请")
    ARREARS = "ARREARS", _("欠费拆机")
    AUTHORITY = "AUTHORITY", _("主管部门要求")
    TRANSFER = "TRANSFER", _("过户或变更")


class Termination(models.Model):
    """How a subscription ended, with the evidence of its reason."""

    subscription = models.OneToOneField(
        Subscription, verbose_name=_("订购关系"), on_delete=models.PROTECT, related_name="termination"
    )
    reason = models.CharField(_("终止原因"), max_length=10, choices=TerminationReason.choices)
    slip = models.ForeignKey(
        Slip, verbose_name=_("受理单"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # CUSTOMER, TRANSFER
    document = models.ForeignKey(
        Upload, verbose_name=_("文件"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # AUTHORITY
    notice = models.ForeignKey(
        Message,
        verbose_name=_("已送达的通知"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # ARREARS
    suspension = models.ForeignKey(
        Suspension,
        verbose_name=_("欠费停机"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # ARREARS
    actor = models.CharField(_("操作人"), max_length=80)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("终止")
        verbose_name_plural = pgettext_lazy("plural", "终止")
        triggers = [
            AppendOnly(name="termination_append_only"),
            NeedsEvidence(name="termination_needs_evidence"),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.reason}"
