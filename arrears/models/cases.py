"""An account in arrears: its stage, how it came there, and what it was told."""

from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts import rules
from accounts.models import BillingAccount, Contact
from accounts.rules import Action
from arrears.case_laws import EndedStays
from arrears.choices import CloseReason, Stage
from arrears.models.policies import STAGE_MACHINE, Policy, PolicyNotice
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from notices.models import Message


class CaseQuerySet(models.QuerySet["ArrearsCase"]):
    def for_user(self, user: Any, action: Action = Action.SEE_BILLS) -> Self:
        """Cases of the accounts on which the user may do that."""
        if not getattr(user, "is_authenticated", False):
            return self.none()
        return self.filter(
            account__memberships__user_id=user.pk, account__memberships__role__in=rules.roles_for(action)
        )

    def open(self) -> Self:
        return self.filter(closed_at=None)


class ArrearsCase(models.Model):
    """One time in arrears, from the first reminder until nothing is owed. An account has at most one open."""

    number = models.CharField(_("欠费编号"), max_length=32, unique=True)
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="arrears_cases"
    )
    stage = models.CharField(_("阶段"), max_length=20, choices=Stage.choices, default=Stage.NONE)
    stage_since = models.DateField(_("进入阶段日"))
    policy = models.ForeignKey(
        Policy, verbose_name=_("欠费策略"), on_delete=models.PROTECT, related_name="+"
    )  # by which it came into its stage
    opened_at = models.DateTimeField(_("开始时间"))
    closed_at = models.DateTimeField(_("结束时间"), null=True, blank=True)  # null: still in arrears
    close_reason = models.CharField(
        _("结束原因"), max_length=14, choices=CloseReason.choices, blank=True, default=""
    )  # empty: still in arrears
    highest_stage = models.CharField(
        _("最高阶段"), max_length=20, choices=Stage.choices, default=Stage.NONE
    )  # kept when it ends: what had to happen until it was paid
    owed_cents = models.BigIntegerField(
        _("进入阶段时欠费"), default=0
    )  # for lists; never decided on: what is owed is read from the bills

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("欠费案")
        verbose_name_plural = pgettext_lazy("plural", "欠费案")
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(closed_at__isnull=True), name="arrears_case_open_once"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, close_reason="")
                | (Q(closed_at__isnull=False) & ~Q(close_reason="")),
                name="arrears_case_ends_for_a_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["stage", "stage_since"], name="arrears_case_board", condition=Q(closed_at=None)
            ),
            models.Index(fields=["account", "-opened_at"], name="arrears_case_of_account"),
        ]
        triggers = [
            NeverDelete(name="arrears_case_never_deleted"),
            StartsAt(
                name="arrears_case_starts", machine=STAGE_MACHINE, column="stage", also=(Stage.REMINDED,)
            ),
            Transitions(name="arrears_case_steps", machine=STAGE_MACHINE, column="stage"),
            Fixed(name="arrears_case_fixed", columns=("number", "account_id", "opened_at")),
            EndedStays(name="arrears_case_ended_stays"),
        ]

    def __str__(self) -> str:
        return self.number


class StageChange(models.Model):
    """One step of a case, with what it was decided on."""

    case = models.ForeignKey(
        ArrearsCase, verbose_name=_("欠费案"), on_delete=models.PROTECT, related_name="changes"
    )
    from_stage = models.CharField(_("原阶段"), max_length=20, choices=Stage.choices)
    to_stage = models.CharField(_("新阶段"), max_length=20, choices=Stage.choices)
    on = models.DateField(_("日期"))  # local date that was decided for
    at = models.DateTimeField(_("时间"))
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=60)  # a code of arrears.rules
    owed_cents = models.BigIntegerField(_("欠费"))
    earliest_due_on = models.DateField(_("最早未缴截止日"), null=True, blank=True)  # null: nothing is owed
    policy = models.ForeignKey(Policy, verbose_name=_("欠费策略"), on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("欠费阶段记录")
        verbose_name_plural = pgettext_lazy("plural", "欠费阶段记录")
        triggers = [AppendOnly(name="stage_change_append_only")]

    def __str__(self) -> str:
        return f"{self.case_id} {self.from_stage} → {self.to_stage}"


class CaseNotice(models.Model):
    """One contact was told one thing in a case. Whether it arrived is on the message's deliveries."""

    case = models.ForeignKey(
        ArrearsCase, verbose_name=_("欠费案"), on_delete=models.PROTECT, related_name="notices"
    )
    rule = models.ForeignKey(
        PolicyNotice,
        verbose_name=_("欠费通知规则"),
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    stage = models.CharField(_("阶段"), max_length=20, choices=Stage.choices)
    contact_ref = models.CharField(
        _("联系方式"), max_length=40
    )  # "contact:17", "service:<number>", "post": the contact may be gone later
    contact = models.ForeignKey(
        Contact,
        verbose_name=_("联系方式"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )  # null: it was removed since, or it is no contact
    message = models.OneToOneField(
        Message, verbose_name=_("通知"), on_delete=models.PROTECT, related_name="+"
    )
    told_on = models.DateField(_("通知日"))
    created_at = models.DateTimeField(_("写入时间"))

    class Meta:
        verbose_name = _("欠费通知")
        verbose_name_plural = pgettext_lazy("plural", "欠费通知")
        constraints = [
            models.UniqueConstraint(fields=["case", "rule", "contact_ref"], name="case_notice_once")
        ]
        triggers = [
            NeverDelete(name="case_notice_never_deleted"),
            Fixed(
                name="case_notice_fixed",
                columns=("case_id", "rule_id", "stage", "contact_ref", "message_id", "told_on", "created_at"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.stage} {self.contact_ref}"
