"""What holds arrears back for a time: a promise to pay, an exemption. (Disputes are billing's.)"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import BillingAccount
from core import periods
from core.db import Fixed, NeverDelete, StartsAt, Transitions
from core.models import Approval
from core.statemachine import Machine
from operations.models import Slip


class PromiseState(models.TextChoices):
    OPEN = "OPEN", _("延期中")
    KEPT = "KEPT", _("已按期缴清")
    BROKEN = "BROKEN", _("逾期未缴")


_P = PromiseState
PROMISE_MACHINE = Machine(
    name="promise",
    initial=_P.OPEN,
    transitions={_P.OPEN: frozenset({_P.KEPT, _P.BROKEN}), _P.KEPT: frozenset(), _P.BROKEN: frozenset()},
)


class Promise(models.Model):
    """自助延期: the customer says until when he pays; until then nothing gets worse."""

    number = models.CharField(_("延期编号"), max_length=32, unique=True)
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="promises"
    )
    slip = models.OneToOneField(Slip, verbose_name=_("受理单"), on_delete=models.PROTECT, related_name="+")
    state = models.CharField(_("状态"), max_length=8, choices=_P.choices, default=_P.OPEN)
    promised_on = models.DateField(_("承诺日"))
    until = models.DateField(_("延期至"))  # last day on which paying keeps it
    owed_cents = models.BigIntegerField(_("承诺时欠费"))
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)  # null: open

    class Meta:
        verbose_name = _("延期缴费")
        verbose_name_plural = pgettext_lazy("plural", "延期缴费")
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=Q(state="OPEN"), name="promise_open_once"),
            models.CheckConstraint(condition=Q(until__gt=F("promised_on")), name="promise_is_ahead"),
        ]
        triggers = [
            NeverDelete(name="promise_never_deleted"),
            StartsAt(name="promise_starts_open", machine=PROMISE_MACHINE),
            Transitions(name="promise_transitions", machine=PROMISE_MACHINE),
            Fixed(
                name="promise_fixed",
                columns=("number", "account_id", "slip_id", "promised_on", "until", "owed_cents"),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class ExemptionReason(models.TextChoices):
    HARDSHIP = "HARDSHIP", _("困难帮扶")
    DISASTER = "DISASTER", _("灾害应急")
    PUBLIC_SERVICE = "PUBLIC_SERVICE", _("公共服务单位")
    COMPLAINT = "COMPLAINT", _("投诉处理中")
    OTHER = "OTHER", _("其他")


class Exemption(models.Model):
    """An account that is neither suspended nor disconnected for arrears, from day to day. It is reminded as ever."""

    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="arrears_exemptions"
    )
    reason = models.CharField(_("原因"), max_length=16, choices=ExemptionReason.choices)
    note = models.CharField(_("说明"), max_length=300)
    active_from = models.DateField(_("生效日"))
    active_to = models.DateField(_("失效日"))  # first day without it: none is for ever
    approval = models.ForeignKey(
        Approval, verbose_name=_("审批"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: within what one person may grant alone
    created_by = models.CharField(_("操作人"), max_length=80)
    created_at = models.DateTimeField(_("写入时间"))

    class Meta:
        verbose_name = _("欠费豁免")
        verbose_name_plural = pgettext_lazy("plural", "欠费豁免")
        permissions = [("approve_exemption", _("批准欠费豁免"))]
        constraints = [periods.in_order(name="exemption_period")]
        indexes = [models.Index(fields=["account", "active_to"], name="exemption_of_account")]
        triggers = [
            NeverDelete(name="exemption_never_deleted"),
            Fixed(
                name="exemption_fixed", columns=("account_id", "reason", "note", "active_from", "created_by")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.reason}"
