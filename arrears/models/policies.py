"""What happens to who does not pay, and when: data with dates, per region and kind of customer."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Customer, Region
from arrears.choices import PartPayment, Proof, Stage
from arrears.policy_laws import BeforeItRuns, ThisTransaction
from arrears.rules import HELD_FROM, MOST_IN_FLIGHT_DAYS
from core import periods
from core.db import AppendOnly, Fixed, NeverDelete
from core.statemachine import Machine

_S = Stage
STAGES = tuple(Stage)  # in their order
# One step at a time upwards; back to NONE from any but the last.
STAGE_MACHINE = Machine(
    name="arrears",
    initial=_S.NONE,
    transitions={
        _S.NONE: frozenset({_S.REMINDED}),
        _S.REMINDED: frozenset({_S.OVERDUE, _S.NONE}),
        _S.OVERDUE: frozenset({_S.SUSPEND_WARNED, _S.NONE}),
        _S.SUSPEND_WARNED: frozenset({_S.SUSPENDED, _S.NONE}),
        _S.SUSPENDED: frozenset({_S.DISCONNECT_WARNED, _S.NONE}),
        _S.DISCONNECT_WARNED: frozenset({_S.DISCONNECTED, _S.NONE}),
        _S.DISCONNECTED: frozenset(),
    },
)


class Policy(models.Model):
    """The rules for arrears of a region (and those below it) and a kind of customer, from day to day.

    The nearest region counts, then the kind before all kinds. What is not filled in by `stages` never happens.
    """

    code = models.CharField(_("代码"), max_length=40, unique=True)
    title = models.CharField(_("名称"), max_length=100)
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: everywhere
    customer_kind = models.CharField(
        _("客户类型"), max_length=12, choices=Customer.Kind.choices, blank=True, default=""
    )  # empty: all
    minimum_cents = models.BigIntegerField(_("起算金额"), default=0)  # owed less than this: nothing happens
    promise_days = models.PositiveSmallIntegerField(_("延期天数"), default=7)  # 0: no promise to pay
    promises_a_month = models.PositiveSmallIntegerField(_("每月延期次数"), default=1)
    # A dispute, an exemption, a promise and a payment under way stop this step and all after it.
    held_from = models.CharField(
        _("从哪一阶段起暂缓"), max_length=20, choices=Stage.choices, default=Stage.SUSPEND_WARNED
    )
    in_flight_days = models.PositiveSmallIntegerField(
        _("支付确认中最多暂缓天数"), default=3
    )  # a payment that nobody has decided by then holds nothing any more
    part_payment = models.CharField(
        _("部分缴费"), max_length=12, choices=PartPayment.choices, default=PartPayment.ANCHOR_MOVES
    )
    tells_when_held = models.BooleanField(_("暂缓时通知客户"), default=True)
    active_from = models.DateField(_("生效日"))
    active_to = models.DateField(_("失效日"), null=True, blank=True)  # first day without it; null: open end
    created_at = models.DateTimeField(_("写入时间"))
    created_by = models.CharField(_("制定人"), max_length=80)
    # Stages and notices are written with it, not added to what runs.
    written_in = models.BigIntegerField(_("写入事务"), db_default=ThisTransaction(), editable=False)

    class Meta:
        verbose_name = _("欠费策略")
        verbose_name_plural = pgettext_lazy("plural", "欠费策略")
        permissions = [("approve_policy", _("批准欠费策略"))]
        constraints = [
            periods.in_order(name="arrears_policy_period"),
            models.CheckConstraint(condition=Q(minimum_cents__gte=0), name="arrears_policy_minimum"),
            # Whatever a policy says, nothing is switched off while something holds.
            models.CheckConstraint(condition=Q(held_from__in=HELD_FROM), name="arrears_policy_holds_in_time"),
            models.CheckConstraint(
                condition=Q(in_flight_days__range=(1, MOST_IN_FLIGHT_DAYS)), name="arrears_policy_in_flight"
            ),
            ExclusionConstraint(
                name="arrears_policy_one_at_a_time",
                expressions=[
                    (Coalesce("region_id", Value(0)), RangeOperators.EQUAL),
                    ("customer_kind", RangeOperators.EQUAL),
                    periods.OVERLAP,
                ],
            ),
        ]
        triggers = [
            NeverDelete(name="arrears_policy_never_deleted"),
            periods.EndsInFuture(name="arrears_policy_ends_in_future"),
            Fixed(
                name="arrears_policy_fixed",
                columns=(
                    "code",
                    "title",
                    "region_id",
                    "customer_kind",
                    "minimum_cents",
                    "promise_days",
                    "promises_a_month",
                    "held_from",
                    "in_flight_days",
                    "part_payment",
                    "tells_when_held",
                    "active_from",
                    "created_at",
                    "created_by",
                    "written_in",
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class PolicyStage(models.Model):
    """When a stage is reached: days after the earliest unpaid due date; after SUSPENDED, since the suspension."""

    policy = models.ForeignKey(
        Policy, verbose_name=_("欠费策略"), on_delete=models.PROTECT, related_name="stages"
    )
    stage = models.CharField(_("阶段"), max_length=20, choices=Stage.choices)
    days = models.SmallIntegerField(_("天数"))  # reached when the difference of local dates is at least this
    minimum_stay_days = models.PositiveSmallIntegerField(
        _("前一阶段最少停留天数"), default=1
    )  # in the stage before it, however late somebody looks
    cap_per_run = models.PositiveIntegerField(
        _("每次最多户数"), null=True, blank=True
    )  # accounts that one day's pass moves here; null: no cap

    class Meta:
        verbose_name = _("欠费阶段")
        verbose_name_plural = pgettext_lazy("plural", "欠费阶段")
        constraints = [
            models.UniqueConstraint(fields=["policy", "stage"], name="policy_stage_once"),
            # The law of the land: more than 30 days past due, more than 60 days suspended (电信条例 art. 34).
            models.CheckConstraint(
                condition=~Q(stage="SUSPENDED") | Q(days__gt=30), name="policy_suspends_late"
            ),
            models.CheckConstraint(
                condition=~Q(stage="DISCONNECTED") | Q(days__gt=60), name="policy_disconnects_late"
            ),
            models.CheckConstraint(condition=~Q(stage="NONE"), name="policy_stage_is_a_step"),
        ]
        triggers = [
            AppendOnly(name="policy_stage_append_only"),
            BeforeItRuns(name="policy_stage_before_it_runs"),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} {self.stage}"


class PolicyNotice(models.Model):
    """What is told while an account is in a stage, and which later stage waits for it."""

    policy = models.ForeignKey(
        Policy, verbose_name=_("欠费策略"), on_delete=models.PROTECT, related_name="notices"
    )
    stage = models.CharField(_("阶段"), max_length=20, choices=Stage.choices)  # in which it is told
    days = models.SmallIntegerField(_("天数"))  # told when the stage's own count of days is at least this
    template_code = models.CharField(_("模板代码"), max_length=60)
    needed_for = models.CharField(
        _("必须先于阶段"), max_length=20, choices=Stage.choices, blank=True, default=""
    )  # empty: nothing waits for it
    needed_proof = models.CharField(
        _("所需证明"), max_length=10, choices=Proof.choices, default=Proof.DELIVERED
    )  # on every live contact
    needed_days = models.PositiveSmallIntegerField(
        _("提前天数"), default=1
    )  # between that proof and the stage

    class Meta:
        verbose_name = _("欠费通知规则")
        verbose_name_plural = pgettext_lazy("plural", "欠费通知规则")
        constraints = [
            models.UniqueConstraint(fields=["policy", "stage", "days"], name="policy_notice_once"),
            models.CheckConstraint(
                condition=~Q(needed_for="DISCONNECTED") | Q(needed_proof="DELIVERED", needed_days__gte=7),
                name="policy_disconnects_only_the_told",
            ),
        ]
        triggers = [
            AppendOnly(name="policy_notice_append_only"),
            BeforeItRuns(name="policy_notice_before_it_runs"),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} {self.template_code}"
