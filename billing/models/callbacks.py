from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.payments import Payment
from core.db import Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class CallbackState(models.TextChoices):
    NEW = "NEW", _("待处理")
    APPLIED = "APPLIED", _("已入账")
    REJECTED = "REJECTED", _("已拒绝")  # at intake: never credits
    DEAD = "DEAD", _("需人工")  # attempts used up


_C = CallbackState
CALLBACK_MACHINE = Machine(
    name="callback",
    initial=_C.NEW,  # a row that intake refuses is written as REJECTED at once
    transitions={
        _C.NEW: frozenset({_C.APPLIED, _C.DEAD, _C.REJECTED}),
        _C.DEAD: frozenset({_C.NEW}),
        _C.APPLIED: frozenset(),
        _C.REJECTED: frozenset(),
    },
)


class GatewayCallback(models.Model):
    """What a gateway told us, as received. Its own queue: a worker applies it by id; see core.queues."""

    gateway = models.CharField(_("渠道"), max_length=20)
    reference = models.CharField(
        _("支付单号"), max_length=64, blank=True, default=""
    )  # as claimed; empty when unreadable
    payment = models.ForeignKey(
        Payment,
        verbose_name=_("支付"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="callbacks",
    )  # null: rejected
    report = models.JSONField(
        _("渠道报告"), null=True
    )  # gateways.Report as JSON; null when it did not verify
    verdict = models.CharField(_("核验结果"), max_length=40)  # "OK" or the reject code
    headers = models.JSONField(_("请求头"), default=dict)
    body = models.BinaryField(_("原始报文"))
    address = models.GenericIPAddressField(_("来源地址"), null=True, blank=True)  # null: behind a socket
    state = models.CharField(
        _("状态"), max_length=10, choices=CallbackState.choices, default=CallbackState.NEW
    )
    attempts = models.PositiveSmallIntegerField(_("尝试次数"), default=0)
    error = models.TextField(_("错误"), blank=True, default="")
    received_at = models.DateTimeField(_("收到时间"))
    next_attempt_at = models.DateTimeField(_("下次处理"))  # also the end of a worker's lease
    applied_at = models.DateTimeField(_("入账时间"), null=True, blank=True)  # null unless APPLIED

    class Meta:
        verbose_name = _("支付回调")
        verbose_name_plural = pgettext_lazy("plural", "支付回调")
        indexes = [
            models.Index(fields=["next_attempt_at", "id"], name="callback_due", condition=Q(state="NEW")),
            models.Index(fields=["gateway", "reference"], name="callback_reference"),
            models.Index(fields=["id"], name="callback_dead", condition=Q(state="DEAD")),
            BrinIndex(fields=["received_at"], name="callback_received"),  # staff search by dates
            models.Index(
                fields=["received_at"], name="callback_unverified", condition=Q(report__isnull=True)
            ),  # how many strangers' messages were kept lately
        ]
        triggers = [
            NeverDelete(name="callback_never_deleted"),
            Fixed(
                name="callback_fixed",
                columns=(
                    "gateway",
                    "reference",
                    "payment_id",
                    "report",
                    "verdict",
                    "headers",
                    "body",
                    "address",
                    "received_at",
                ),
            ),
            StartsAt(name="callback_starts", machine=CALLBACK_MACHINE, also=(_C.REJECTED,)),
            Transitions(name="callback_transitions", machine=CALLBACK_MACHINE),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.reference} {self.verdict}"
