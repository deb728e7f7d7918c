"""Disconnection for arrears: the plan that two people approve, and the warrant of each line that was cut."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Region
from arrears.disconnect_rules import MOST_APPROVAL_DAYS
from arrears.laws import ApprovedByTwo, LinesAsApproved, NotByItsMaker
from arrears.models.cases import ArrearsCase
from catalog.models import Subscription, Suspension
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine
from notices.models import Delivery


class PlanState(models.TextChoices):
    MADE = "MADE", _("待审批")
    APPROVED = "APPROVED", _("已批准")
    RUNNING = "RUNNING", _("执行中")
    DONE = "DONE", _("已完成")
    CANCELLED = "CANCELLED", _("已作废")


_P = PlanState
PLAN_MACHINE = Machine(
    name="disconnect_plan",
    initial=_P.MADE,
    transitions={
        _P.MADE: frozenset({_P.APPROVED, _P.CANCELLED}),
        _P.APPROVED: frozenset({_P.RUNNING, _P.CANCELLED}),
        _P.RUNNING: frozenset({_P.DONE, _P.CANCELLED}),
        _P.DONE: frozenset(),
        _P.CANCELLED: frozenset(),
    },
)


class DisconnectPlan(models.Model):
    """Which lines one batch would cut, as its dry run found them. Each line is judged again when its turn comes."""

    number = models.CharField(_("计划编号"), max_length=32, unique=True)
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: everywhere
    state = models.CharField(_("状态"), max_length=10, choices=_P.choices, default=_P.MADE)
    planned_on = models.DateField(_("判定日"))  # the local date for which the dry run judged
    digest = models.CharField(
        _("文件摘要"), max_length=64
    )  # SHA-256 of the plan's file: another file is refused
    lines_count = models.PositiveIntegerField(_("行数"))
    cap = models.PositiveIntegerField(_("最多拆机数"))  # lines that may be cut by it
    approval_days = models.PositiveSmallIntegerField(
        _("批准有效天数"), default=7
    )  # what was looked at longer ago is looked at again
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("制定人"),
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
    )  # null: made by the daily job
    created_at = models.DateTimeField(_("写入时间"))
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)  # null: not over

    class Meta:
        verbose_name = _("拆机计划")
        verbose_name_plural = pgettext_lazy("plural", "拆机计划")
        permissions = [("approve_disconnectplan", _("批准拆机计划"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(approval_days__range=(1, MOST_APPROVAL_DAYS)), name="plan_approvals_grow_old"
            )
        ]
        triggers = [
            NeverDelete(name="plan_never_deleted"),
            StartsAt(name="plan_starts_made", machine=PLAN_MACHINE),
            Transitions(name="plan_transitions", machine=PLAN_MACHINE),
            ApprovedByTwo(name="plan_two_approvals"),
            Fixed(
                name="plan_fixed",
                columns=(
                    "number",
                    "region_id",
                    "planned_on",
                    "digest",
                    "lines_count",
                    "cap",
                    "approval_days",
                    "made_by_id",
                ),  # fmt: skip
            ),
        ]

    def __str__(self) -> str:
        return self.number


class PlanApproval(models.Model):
    """One person's yes. A plan needs two of different people, neither of whom made it; each counts for some days."""

    plan = models.ForeignKey(
        DisconnectPlan, verbose_name=_("拆机计划"), on_delete=models.PROTECT, related_name="approvals"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("批准人"), on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(_("意见"), max_length=200)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("拆机计划批准")
        verbose_name_plural = pgettext_lazy("plural", "拆机计划批准")
        constraints = [models.UniqueConstraint(fields=["plan", "user", "at"], name="plan_approval_once")]
        triggers = [
            AppendOnly(name="plan_approval_append_only"),
            NotByItsMaker(
                name="plan_approval_not_by_maker", table="arrears_disconnectplan", column="plan_id"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} {self.user_id}"


class LineState(models.TextChoices):
    WAITING = "WAITING", _("待执行")
    DONE = "DONE", _("已拆机")
    REFUSED = "REFUSED", _("不符合条件")
    FAILED = "FAILED", _("执行出错")


_L = LineState
LINE_MACHINE = Machine(
    name="disconnect_line",
    initial=_L.WAITING,
    transitions={
        _L.WAITING: frozenset({_L.DONE, _L.REFUSED, _L.FAILED}),
        _L.DONE: frozenset(),
        _L.REFUSED: frozenset(),
        _L.FAILED: frozenset(),
    },
)


class PlanLine(models.Model):
    """One service in a plan: cut, or refused with every condition that is missing."""

    plan = models.ForeignKey(
        DisconnectPlan, verbose_name=_("拆机计划"), on_delete=models.PROTECT, related_name="lines"
    )
    subscription = models.ForeignKey(
        Subscription, verbose_name=_("订购关系"), on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(_("状态"), max_length=8, choices=_L.choices, default=_L.WAITING)
    refusals = models.JSONField(_("缺少的条件"), default=list, blank=True)  # codes of arrears.rules
    error = models.CharField(_("错误"), max_length=200, blank=True, default="")
    done_at = models.DateTimeField(_("处理时间"), null=True, blank=True)  # null: waits

    class Meta:
        verbose_name = _("拆机计划明细")
        verbose_name_plural = pgettext_lazy("plural", "拆机计划明细")
        constraints = [models.UniqueConstraint(fields=["plan", "subscription"], name="plan_line_once")]
        triggers = [
            NeverDelete(name="plan_line_never_deleted"),
            StartsAt(name="plan_line_starts", machine=LINE_MACHINE, also=(_L.REFUSED,)),
            Transitions(name="plan_line_transitions", machine=LINE_MACHINE),
            Fixed(name="plan_line_fixed", columns=("plan_id", "subscription_id")),
            LinesAsApproved(name="plan_lines_as_approved"),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} {self.subscription_id}"


class Warrant(models.Model):
    """Why a line may be cut for arrears: written just before its termination, which the database refuses without it."""

    subscription = models.OneToOneField(
        Subscription, verbose_name=_("订购关系"), on_delete=models.PROTECT, related_name="disconnect_warrant"
    )
    suspension = models.ForeignKey(
        Suspension, verbose_name=_("欠费停机"), on_delete=models.PROTECT, related_name="+"
    )
    case = models.ForeignKey(
        ArrearsCase, verbose_name=_("欠费案"), on_delete=models.PROTECT, related_name="warrants"
    )
    plan = models.ForeignKey(
        DisconnectPlan,
        verbose_name=_("拆机计划"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # null: a single line, approved by the two below
    first_approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("第一批准人"), on_delete=models.PROTECT, related_name="+"
    )
    second_approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("第二批准人"), on_delete=models.PROTECT, related_name="+"
    )
    judged_on = models.DateField(_("判定日"))
    owed_cents = models.BigIntegerField(_("欠费"))
    actor = models.CharField(_("操作人"), max_length=80)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("拆机依据")
        verbose_name_plural = pgettext_lazy("plural", "拆机依据")
        constraints = [
            models.CheckConstraint(
                condition=~Q(first_approver=F("second_approver")), name="warrant_two_people"
            ),
            models.CheckConstraint(condition=Q(owed_cents__gt=0), name="warrant_something_is_owed"),
        ]
        triggers = [AppendOnly(name="warrant_append_only")]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.judged_on}"


class WarrantProof(models.Model):
    """By which delivery a live contact knew of the disconnection, days before."""

    warrant = models.ForeignKey(
        Warrant, verbose_name=_("拆机依据"), on_delete=models.PROTECT, related_name="proofs"
    )
    contact_ref = models.CharField(_("联系方式"), max_length=40)  # as CaseNotice.contact_ref
    delivery = models.ForeignKey(Delivery, verbose_name=_("发送"), on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("送达证明")
        verbose_name_plural = pgettext_lazy("plural", "送达证明")
        constraints = [models.UniqueConstraint(fields=["warrant", "contact_ref"], name="warrant_proof_once")]
        triggers = [AppendOnly(name="warrant_proof_append_only")]

    def __str__(self) -> str:
        return f"{self.warrant_id} {self.contact_ref}"
