from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.bills import Bill
from core.db import AppendOnly, Fixed, NeverDelete
from core.periods import EndsInFuture


class PenaltyPolicy(models.Model):
    """违约金 by rule: how much a day, from which day after the due date, and at most. The newest that holds on a day
    counts for that day; one of a region comes before the general one."""

    region = models.ForeignKey(
        "accounts.Region",
        verbose_name=_("地区"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # null: everywhere
    daily_rate_ppm = models.PositiveIntegerField(_("日费率（百万分之）"))  # 3000 = 3‰ a day
    grace_days = models.PositiveSmallIntegerField(
        _("宽限天数"), default=0
    )  # late days that cost nothing; the days after them are counted from the due date
    cap_percent = models.PositiveIntegerField(_("上限（占欠费本金的百分比）"), default=100)
    active_from = models.DateField(_("生效日"))
    active_to = models.DateField(_("失效日"), null=True, blank=True)  # first day without it; null: open end

    class Meta:
        verbose_name = _("违约金规则")
        verbose_name_plural = pgettext_lazy("plural", "违约金规则")
        constraints = [
            models.CheckConstraint(
                condition=Q(active_to__isnull=True) | Q(active_to__gt=F("active_from")),
                name="penalty_policy_period",
            ),
            models.UniqueConstraint(
                fields=["region", "active_from"], nulls_distinct=False, name="penalty_policy_once_a_day"
            ),
        ]
        triggers = [
            NeverDelete(name="penalty_policy_never_deleted"),
            Fixed(
                name="penalty_policy_fixed",
                columns=("region_id", "daily_rate_ppm", "grace_days", "cap_percent", "active_from"),
            ),
            EndsInFuture(name="penalty_policy_ends_in_future"),
        ]

    def __str__(self) -> str:
        return f"{self.daily_rate_ppm} ppm {self.active_from}"


class Penalty(models.Model):
    """How a PENALTY bill came about, kept as it was computed."""

    bill = models.OneToOneField(
        Bill, verbose_name=_("违约金账单"), on_delete=models.PROTECT, related_name="penalty", primary_key=True
    )
    periods = models.JSONField(
        _("计算过程")
    )  # [{"principal_cents", "from", "to" (first day without it), "days", "rate_ppm"}], in order of time
    cap_cents = models.BigIntegerField(_("上限"))
    computed_cents = models.BigIntegerField(_("计算所得"))  # rounded once, before what follows is taken off
    waived_cents = models.BigIntegerField(_("已减免"), default=0)
    billed_before_cents = models.BigIntegerField(_("此前已出账"), default=0)

    class Meta:
        verbose_name = _("违约金计算")
        verbose_name_plural = pgettext_lazy("plural", "违约金计算")
        triggers = [AppendOnly(name="penalty_append_only")]

    def __str__(self) -> str:
        return str(self.bill_id)


class PenaltyWaiver(models.Model):
    """Penalty on a bill that staff gave up before it was billed; taken off when it is."""

    bill = models.ForeignKey(
        Bill, verbose_name=_("账单"), on_delete=models.PROTECT, related_name="penalty_waivers"
    )
    amount_cents = models.BigIntegerField(_("减免金额"))
    reason = models.CharField(_("原因"), max_length=300)
    actor = models.CharField(_("操作人"), max_length=80)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("违约金减免")
        verbose_name_plural = pgettext_lazy("plural", "违约金减免")
        constraints = [models.CheckConstraint(condition=Q(amount_cents__gt=0), name="waiver_amount_positive")]
        triggers = [AppendOnly(name="penalty_waiver_append_only")]

    def __str__(self) -> str:
        return f"{self.bill_id}: {self.amount_cents}"
