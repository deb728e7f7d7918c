"""How a customer stands: his tier and what it gives him, and the segments that he belongs to."""

from datetime import date
from typing import Any, Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models.customers import Customer
from core import periods
from core.db import Fixed, NeverDelete


class PeriodQuerySet(models.QuerySet[Any]):
    def on(self, day: date) -> Self:
        """The rows that hold on that day."""
        return self.filter(active_from__lte=day).filter(Q(active_to__isnull=True) | Q(active_to__gt=day))


class Standing(models.Model):
    """A customer's tier from day to day. Without a row he is of no tier. Written by the points ledger's rules."""

    customer = models.ForeignKey(
        Customer, verbose_name=_("客户"), on_delete=models.PROTECT, related_name="standings"
    )
    tier = models.CharField(_("等级"), max_length=20)  # a code, e.g. "GOLD"
    credit_days = models.PositiveSmallIntegerField(_("信用天数"), default=0)  # more days until arrears count
    priority = models.PositiveSmallIntegerField(_("服务优先级"), default=0)  # higher is served sooner
    active_from = models.DateField(_("生效日"))
    active_to = models.DateField(_("失效日"), null=True, blank=True)  # first day without it; null: open end

    objects = PeriodQuerySet.as_manager()

    class Meta:
        verbose_name = _("客户等级")
        verbose_name_plural = pgettext_lazy("plural", "客户等级")
        constraints = [
            periods.in_order(name="standing_period"),
            ExclusionConstraint(
                name="standing_one_at_a_time",
                expressions=[("customer", RangeOperators.EQUAL), periods.OVERLAP],
            ),
        ]
        triggers = [
            NeverDelete(name="standing_never_deleted"),
            Fixed(name="standing_fixed", columns=("customer_id", "tier", "active_from")),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.tier}"


class Segment(models.Model):
    """A group of customers that offers and campaigns are made for (客户群)."""

    code = models.CharField(_("代码"), max_length=30, unique=True)
    name = models.CharField(_("名称"), max_length=60)
    name_en = models.CharField(_("英文名称"), max_length=80, blank=True, default="")
    reason = models.CharField(_("客户看到的理由"), max_length=120)  # "因为您家有小朋友"
    reason_en = models.CharField(_("英文理由"), max_length=160, blank=True, default="")

    class Meta:
        verbose_name = _("客户群")
        verbose_name_plural = pgettext_lazy("plural", "客户群")
        triggers = [NeverDelete(name="segment_never_deleted")]

    def __str__(self) -> str:
        return self.name


class SegmentMembership(models.Model):
    """A customer belongs to a segment from day to day."""

    segment = models.ForeignKey(
        Segment, verbose_name=_("客户群"), on_delete=models.PROTECT, related_name="members"
    )
    customer = models.ForeignKey(
        Customer, verbose_name=_("客户"), on_delete=models.PROTECT, related_name="segments"
    )
    source = models.CharField(_("依据"), max_length=80)  # how it is known: "staff", "import", a rule's code
    active_from = models.DateField(_("生效日"))
    active_to = models.DateField(_("失效日"), null=True, blank=True)  # first day without it; null: open end

    objects = PeriodQuerySet.as_manager()

    class Meta:
        verbose_name = _("客户群成员")
        verbose_name_plural = pgettext_lazy("plural", "客户群成员")
        constraints = [
            periods.in_order(name="segment_membership_period"),
            ExclusionConstraint(
                name="segment_membership_once_at_a_time",
                expressions=[
                    ("customer", RangeOperators.EQUAL),
                    ("segment", RangeOperators.EQUAL),
                    periods.OVERLAP,
                ],
            ),
        ]
        triggers = [
            NeverDelete(name="segment_membership_never_deleted"),
            Fixed(name="segment_membership_fixed", columns=("segment_id", "customer_id", "active_from")),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id}"
