"""What the bill run charged, month by month, and what it still has to put right."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import BillingAccount
from billing.models import Bill
from core.db import AppendOnly, NeverDelete


class ChargedMonth(models.Model):
    """What an account was charged for a month, as computed. Never changed: a correction is the next revision."""

    account = models.ForeignKey(
        BillingAccount,
        verbose_name=_("户号"),
        on_delete=models.PROTECT,
        related_name="charged_months",
        db_index=False,
    )  # charged_month_once begins with it
    period = models.CharField(_("账期"), max_length=7)  # "2026-11"
    revision = models.PositiveSmallIntegerField(
        _("版次"), default=0
    )  # 0: the first; each correction one more
    digest = models.CharField(_("摘要"), max_length=64)  # of `lines`: equal to the preview's
    lines = models.JSONField(_("计费明细"))  # catalog.pricing.types.Line as JSON, in order
    total_cents = models.BigIntegerField(_("合计"))
    bill = models.ForeignKey(
        Bill,
        verbose_name=_("账单"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="charged_months",
    )  # the bill that has it, or its difference to the revision before; null: nothing to bill
    created_at = models.DateTimeField(_("写入时间"))

    class Meta:
        verbose_name = _("月度计费")
        verbose_name_plural = pgettext_lazy("plural", "月度计费")
        constraints = [
            models.UniqueConstraint(fields=["account", "period", "revision"], name="charged_month_once")
        ]
        triggers = [AppendOnly(name="charged_month_append_only")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.period}"


class Recharge(models.Model):
    """A month that was charged before its facts changed: the next run computes it again."""

    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="recharges"
    )
    period = models.CharField(_("账期"), max_length=7)
    reason = models.CharField(_("原因"), max_length=200)
    requested_at = models.DateTimeField(_("登记时间"))
    done_at = models.DateTimeField(_("重算时间"), null=True, blank=True)  # null: waits for the next run

    class Meta:
        verbose_name = _("待重算账期")
        verbose_name_plural = pgettext_lazy("plural", "待重算账期")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "period"], condition=Q(done_at__isnull=True), name="recharge_waits_once"
            )
        ]
        triggers = [NeverDelete(name="recharge_never_deleted")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.period}"


class CarriedForward(models.Model):
    """What a bill could not give back because it would have gone below zero; the account's next bill takes it off."""

    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="carried_forward"
    )
    from_period = models.CharField(_("结转自账期"), max_length=7)
    amount_cents = models.BigIntegerField(_("金额"))  # positive: to the customer's good
    taken_in = models.CharField(
        _("抵扣账期"), max_length=7, blank=True, default=""
    )  # empty: not taken off yet
    created_at = models.DateTimeField(_("写入时间"))

    class Meta:
        verbose_name = _("结转")
        verbose_name_plural = pgettext_lazy("plural", "结转")
        constraints = [
            models.UniqueConstraint(fields=["account", "from_period"], name="carried_forward_once"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="carried_forward_positive"),
        ]
        triggers = [NeverDelete(name="carried_forward_never_deleted")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.from_period}"
