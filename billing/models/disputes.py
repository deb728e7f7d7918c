from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts import rules
from accounts.rules import Action
from billing.models.bills import Bill
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class DisputeCause(models.TextChoices):
    """What the customer says is wrong with the bill."""

    AMOUNT = "AMOUNT", _("金额不对")
    NOT_ORDERED = "NOT_ORDERED", _("没有订购过这项业务")
    NOT_USED = "NOT_USED", _("停机或故障期间没有用上")
    PAID = "PAID", _("已经缴过费")
    OTHER = "OTHER", _("其他")


class DisputeState(models.TextChoices):
    OPEN = "OPEN", _("核查中")
    UPHELD = "UPHELD", _("异议成立")
    REJECTED = "REJECTED", _("异议不成立")
    WITHDRAWN = "WITHDRAWN", _("已撤回")


_D = DisputeState
DISPUTE_MACHINE = Machine(
    name="dispute",
    initial=_D.OPEN,
    transitions={
        _D.OPEN: frozenset({_D.UPHELD, _D.REJECTED, _D.WITHDRAWN}),
        _D.UPHELD: frozenset(),
        _D.REJECTED: frozenset(),
        _D.WITHDRAWN: frozenset(),
    },
)


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def for_user(self, user: Any, action: Action = Action.SEE_BILLS) -> Self:
        """Disputes of bills of the accounts on which the user may do that, whoever of their members raised them."""
        if not getattr(user, "is_authenticated", False):
            return self.none()
        return self.filter(
            bill__account__memberships__user_id=user.pk,
            bill__account__memberships__role__in=rules.roles_for(action),
        )

    def open(self) -> Self:
        return self.filter(state=DisputeState.OPEN)


class Dispute(models.Model):
    """A customer says that a bill is wrong, and why. Every one is answered; a bill has at most one open at a time."""

    number = models.CharField(_("异议单号"), max_length=32, unique=True)
    bill = models.ForeignKey(Bill, verbose_name=_("账单"), on_delete=models.PROTECT, related_name="disputes")
    cause = models.CharField(_("异议类型"), max_length=12, choices=DisputeCause.choices)
    text = models.CharField(_("客户说明"), max_length=500)
    raised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("提出人"),
        on_delete=models.PROTECT,
        related_name="+",
    )
    state = models.CharField(
        _("状态"), max_length=10, choices=DisputeState.choices, default=DisputeState.OPEN
    )
    created_at = models.DateTimeField(_("提出时间"))
    promised_on = models.DateField(_("最晚答复日"))  # last day on which the answer is in time
    answer = models.CharField(
        _("答复"), max_length=500, blank=True, default=""
    )  # what the customer reads; empty while open
    closed_at = models.DateTimeField(_("办结时间"), null=True, blank=True)  # null while open

    objects = DisputeQuerySet.as_manager()

    class Meta:
        verbose_name = _("账单异议")
        verbose_name_plural = pgettext_lazy("plural", "账单异议")
        constraints = [
            models.UniqueConstraint(
                fields=["bill"], condition=Q(state="OPEN"), name="dispute_one_open_per_bill"
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", closed_at__isnull=True)
                | (~Q(state="OPEN") & Q(closed_at__isnull=False)),
                name="dispute_closed_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["UPHELD", "REJECTED"]) | ~Q(answer=""), name="dispute_is_answered"
            ),
        ]
        indexes = [
            models.Index(fields=["promised_on", "id"], name="dispute_promised", condition=Q(state="OPEN")),
        ]
        triggers = [
            NeverDelete(name="dispute_never_deleted"),
            Fixed(
                name="dispute_fixed",
                columns=("number", "bill_id", "cause", "text", "raised_by_id", "created_at", "promised_on"),
            ),
            StartsAt(name="dispute_starts_open", machine=DISPUTE_MACHINE),
            Transitions(name="dispute_transitions", machine=DISPUTE_MACHINE),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_open(self) -> bool:
        return self.state == DisputeState.OPEN


class DisputeHistory(models.Model):
    """Each change of a dispute's state."""

    dispute = models.ForeignKey(
        Dispute, verbose_name=_("账单异议"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10, blank=True)
    to_state = models.CharField(_("新状态"), max_length=10)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=500, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("账单异议状态记录")
        verbose_name_plural = _("账单异议状态记录")
        triggers = [AppendOnly(name="dispute_history_append_only")]

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.to_state}"
