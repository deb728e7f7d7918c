"""What the bill run charged, month by month, and what it still has to put right."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import BillingAccount, Customer, Region
from billing.models import Bill
from core.db import AppendOnly, Fixed, NeverDelete


class BillRun(models.Model):
    """The run of a month's bills: one row for all the times that it was started, by whatever machine."""

    period = models.CharField(_("账期"), max_length=7, unique=True)  # "2026-11"
    started_at = models.DateTimeField(_("首次开始"))
    worked_at = models.DateTimeField(_("最近处理"))  # when a chunk was last written, or a start noted
    completed_at = models.DateTimeField(
        _("完成时间"), null=True, blank=True
    )  # null: accounts may be left; later starts may still charge some
    accounts = models.PositiveIntegerField(_("已计费户数"), default=0)
    bills = models.PositiveIntegerField(_("账单数"), default=0)
    total_cents = models.BigIntegerField(_("账单合计"), default=0)  # of the bills, corrections included

    class Meta:
        verbose_name = _("出账批次")
        verbose_name_plural = pgettext_lazy("plural", "出账批次")
        triggers = [
            NeverDelete(name="bill_run_never_deleted"),
            Fixed(name="bill_run_fixed", columns=("period", "started_at")),
        ]

    def __str__(self) -> str:
        return self.period


class BillRunFailure(models.Model):
    """An account that could not be charged for a month, and why; the others were."""

    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="bill_run_failures"
    )
    period = models.CharField(_("账期"), max_length=7)
    error = models.CharField(_("原因"), max_length=300)  # the refusal's code and what it is about
    failed_at = models.DateTimeField(_("最近失败时间"))
    resolved_at = models.DateTimeField(
        _("补出账时间"), null=True, blank=True
    )  # null: it still has no bill of that month

    class Meta:
        verbose_name = _("出账失败")
        verbose_name_plural = pgettext_lazy("plural", "出账失败")
        constraints = [
            models.UniqueConstraint(fields=["account", "period"], name="bill_run_failure_once"),
        ]
        indexes = [
            models.Index(
                fields=["period"], name="bill_run_failure_open", condition=Q(resolved_at__isnull=True)
            )
        ]
        triggers = [
            NeverDelete(name="bill_run_failure_never_deleted"),
            Fixed(name="bill_run_failure_fixed", columns=("account_id", "period")),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.period}"


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
    # Whose prices it was charged at: a correction takes the same ones, wherever the account has moved to since.
    region = models.ForeignKey(
        Region,
        verbose_name=_("价格区域"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )  # null: the account had none
    customer_kind = models.CharField(_("客户类型"), max_length=12, choices=Customer.Kind.choices)
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
        indexes = [models.Index(fields=["period"], name="charged_month_period")]  # totals against last month
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
        triggers = [
            NeverDelete(name="recharge_never_deleted"),
            Fixed(name="recharge_fixed", columns=("account_id", "period", "requested_at")),
        ]

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
        triggers = [
            NeverDelete(name="carried_forward_never_deleted"),
            Fixed(name="carried_forward_fixed", columns=("account_id", "from_period", "amount_cents")),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.from_period}"
