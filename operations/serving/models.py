"""When which member of staff served which customer, why, and how it ended."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class ServingState(models.TextChoices):
    OPEN = "OPEN", _("办理中")
    ENDED = "ENDED", _("已结束")
    IDLE = "IDLE", _("超时结束")  # nothing was done for too long
    LOGGED_OUT = "LOGGED_OUT", _("退出登录")
    STOPPED = "STOPPED", _("被终止")  # the clerk may not serve this customer any more


_S = ServingState
SERVING_MACHINE = Machine(
    name="serving",
    initial=_S.OPEN,
    transitions={
        _S.OPEN: frozenset({_S.ENDED, _S.IDLE, _S.LOGGED_OUT, _S.STOPPED}),
        _S.ENDED: frozenset(),
        _S.IDLE: frozenset(),
        _S.LOGGED_OUT: frozenset(),
        _S.STOPPED: frozenset(),
    },
)


class ServingSession(models.Model):
    """One clerk with one customer. `served` is his user; for who never logged in, the stand-in of his account."""

    clerk = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("工作人员"), on_delete=models.PROTECT, related_name="+"
    )
    served = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("客户用户"), on_delete=models.PROTECT, related_name="+"
    )
    account = models.ForeignKey(
        "accounts.BillingAccount", verbose_name=_("户号"), on_delete=models.PROTECT, related_name="+"
    )  # by which the customer was found
    reason = models.CharField(_("事由"), max_length=300)
    state = models.CharField(
        _("状态"), max_length=10, choices=ServingState.choices, default=ServingState.OPEN
    )
    began_at = models.DateTimeField(_("开始时间"))
    last_seen_at = models.DateTimeField(_("最近操作"))  # a page's own polling does not count
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)  # null while open
    address = models.GenericIPAddressField(_("来源地址"), null=True, blank=True)  # null: unknown

    class Meta:
        verbose_name = _("代客办理")
        verbose_name_plural = pgettext_lazy("plural", "代客办理")
        constraints = [
            models.UniqueConstraint(
                fields=["clerk"], condition=Q(state="OPEN"), name="serving_one_customer_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", ended_at__isnull=True)
                | (~Q(state="OPEN") & Q(ended_at__isnull=False)),
                name="serving_ended_has_time",
            ),
            models.CheckConstraint(condition=~Q(clerk=F("served")), name="serving_somebody_else"),
        ]
        indexes = [
            models.Index(fields=["served", "-began_at"], name="serving_served"),
            models.Index(fields=["clerk", "-began_at"], name="serving_clerk"),
            models.Index(fields=["last_seen_at"], name="serving_open", condition=Q(state="OPEN")),
        ]
        triggers = [
            NeverDelete(name="serving_never_deleted"),
            StartsAt(name="serving_starts_open", machine=SERVING_MACHINE),
            Transitions(name="serving_transitions", machine=SERVING_MACHINE),
            Fixed(
                name="serving_fixed",
                columns=("clerk_id", "served_id", "account_id", "reason", "began_at", "address"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.clerk_id} → {self.served_id}"


class ServingHistory(models.Model):
    """Each change of a serving session's state."""

    session = models.ForeignKey(
        ServingSession, verbose_name=_("代客办理"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10, blank=True)
    to_state = models.CharField(_("新状态"), max_length=10)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=300, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("代客办理状态记录")
        verbose_name_plural = _("代客办理状态记录")
        triggers = [AppendOnly(name="serving_history_append_only")]

    def __str__(self) -> str:
        return f"{self.session_id} {self.to_state}"
