"""停机保号: the customer's own pause, what it may be, and each one that was."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Customer, Region
from catalog.holdings.models import Suspension
from core import periods
from core.db import Fixed, NeverDelete
from operations.models import Slip


class PausePolicy(models.Model):
    """Who may pause for how long and how often; the fee is the offer's price for PAUSE. The nearest region counts."""

    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: everywhere
    customer_kind = models.CharField(
        _("客户类型"), max_length=12, choices=Customer.Kind.choices, blank=True, default=""
    )  # empty: all
    least_days = models.PositiveSmallIntegerField(_("最短天数"), default=30)
    most_days = models.PositiveSmallIntegerField(_("最长天数"), default=365)
    times_a_year = models.PositiveSmallIntegerField(
        _("每年次数"), default=2
    )  # calendar year of the first day
    active_from = models.DateField(_("生效日"))
    active_to = models.DateField(_("失效日"), null=True, blank=True)  # first day without it; null: open end

    class Meta:
        verbose_name = _("停机保号规则")
        verbose_name_plural = pgettext_lazy("plural", "停机保号规则")
        constraints = [
            periods.in_order(name="pause_policy_period"),
            models.CheckConstraint(
                condition=Q(least_days__gte=1, most_days__gte=F("least_days")), name="pause_policy_days"
            ),
            ExclusionConstraint(
                name="pause_policy_one_at_a_time",
                expressions=[
                    (Coalesce("region_id", Value(0)), RangeOperators.EQUAL),
                    ("customer_kind", RangeOperators.EQUAL),
                    periods.OVERLAP,
                ],
            ),
        ]
        triggers = [
            NeverDelete(name="pause_policy_never_deleted"),
            Fixed(
                name="pause_policy_fixed",
                columns=(
                    "region_id",
                    "customer_kind",
                    "least_days",
                    "most_days",
                    "times_a_year",
                    "active_from",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.region_id} {self.customer_kind}"


class Pause(models.Model):
    """One pause that a customer asked for. Off while its suspension is open; on again by himself or on its last day."""

    suspension = models.OneToOneField(
        Suspension, verbose_name=_("停机"), on_delete=models.PROTECT, related_name="pause"
    )
    policy = models.ForeignKey(
        PausePolicy, verbose_name=_("停机保号规则"), on_delete=models.PROTECT, related_name="+"
    )
    slip = models.OneToOneField(Slip, verbose_name=_("受理单"), on_delete=models.PROTECT, related_name="+")
    resume_on = models.DateField(_("约定复机日"))  # first day on again, unless he resumes before
    told_at = models.DateTimeField(_("到期提醒时间"), null=True, blank=True)  # null: not told of its end yet
    created_at = models.DateTimeField(_("写入时间"))

    class Meta:
        verbose_name = _("停机保号")
        verbose_name_plural = pgettext_lazy("plural", "停机保号")
        indexes = [models.Index(fields=["resume_on"], name="pause_ending")]
        triggers = [
            NeverDelete(name="pause_never_deleted"),
            Fixed(
                name="pause_fixed",
                columns=("suspension_id", "policy_id", "slip_id", "resume_on", "created_at"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.suspension_id} {self.resume_on}"
