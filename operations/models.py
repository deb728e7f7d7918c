"""The acceptance slip (受理单) that each attempt at a business operation leaves, refusals included."""

from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine
from operations.laws import ConfirmedForGood
from operations.serving.models import ServingHistory as ServingHistory
from operations.serving.models import ServingSession as ServingSession


class Channel(models.TextChoices):
    """The managed list of channels; each record has exactly one."""

    WEB = "WEB", _("网上营业厅")
    API = "API", _("开放接口")
    COUNTER = "COUNTER", _("营业厅柜台")
    HOTLINE = "HOTLINE", _("客服热线")
    SMS = "SMS", _("短信营业厅")
    KIOSK = "KIOSK", _("自助终端")
    BATCH = "BATCH", _("批量")


class SlipState(models.TextChoices):
    DRAFT = "DRAFT", _("草稿")
    QUOTED = "QUOTED", _("已报价")
    CONFIRMED = "CONFIRMED", _("已确认")
    IN_PROGRESS = "IN_PROGRESS", _("办理中")
    DONE = "DONE", _("已完成")
    REFUSED = "REFUSED", _("未受理")
    FAILED = "FAILED", _("未成功")
    CANCELLED = "CANCELLED", _("已取消")


_S = SlipState
SLIP_MACHINE = Machine(
    name="slip",
    initial=_S.DRAFT,
    transitions={
        _S.DRAFT: frozenset({_S.QUOTED, _S.REFUSED, _S.FAILED, _S.CANCELLED}),
        _S.QUOTED: frozenset({_S.CONFIRMED, _S.REFUSED, _S.FAILED, _S.CANCELLED}),
        _S.CONFIRMED: frozenset({_S.IN_PROGRESS, _S.DONE, _S.REFUSED, _S.FAILED}),
        _S.IN_PROGRESS: frozenset({_S.DONE, _S.FAILED, _S.CANCELLED}),
        _S.DONE: frozenset(),
        _S.REFUSED: frozenset(),
        _S.FAILED: frozenset(),
        _S.CANCELLED: frozenset(),
    },
)


class SlipQuerySet(models.QuerySet["Slip"]):
    def for_user(self, user: Any) -> Self:
        """His own matters: what he did for himself, and what was done on his behalf; not what he did for customers."""
        if not getattr(user, "is_authenticated", False):
            return self.none()
        for_himself = models.Q(actor_id=user.pk, on_behalf_of__isnull=True) & ~models.Q(
            channel=Channel.COUNTER
        )
        return self.filter(for_himself | models.Q(on_behalf_of_id=user.pk))


class Slip(models.Model):
    """One attempt at one operation: what was asked, what was quoted, how it was confirmed, how it ended and when."""

    number = models.CharField(_("受理编号"), max_length=32, unique=True)
    operation = models.CharField(_("业务"), max_length=60)  # code, e.g. "bill.pay"
    operation_version = models.PositiveSmallIntegerField(_("业务版本"))
    state = models.CharField(_("状态"), max_length=12, choices=SlipState.choices, default=SlipState.DRAFT)
    channel = models.CharField(_("渠道"), max_length=10, choices=Channel.choices)
    region = models.ForeignKey(
        "accounts.Region", verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True
    )  # null: unknown
    customer = models.ForeignKey(
        "accounts.Customer", verbose_name=_("客户"), on_delete=models.PROTECT, null=True, blank=True
    )  # null: not bound yet
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("办理人"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="slips",
    )  # null: a job
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("被代办人"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # null: acted for himself
    data = models.JSONField(_("填写内容"), default=dict)  # the form's data, secrets removed
    quote = models.JSONField(_("报价"), default=dict)
    quote_digest = models.CharField(max_length=64, blank=True, default="")
    price_cents = models.BigIntegerField(
        _("金额"), null=True, blank=True
    )  # null: never got as far as a quote
    confirmation = models.JSONField(
        _("确认凭据"), default=dict
    )  # evidence: kind, when, address masked, code row id
    idempotency_key = models.CharField(max_length=80)
    input_hash = models.CharField(max_length=64)  # same key, other input → refused
    subject_kind = models.CharField(_("对象类型"), max_length=40, blank=True, default="")  # e.g. "payment"
    subject_id = models.CharField(_("对象编号"), max_length=40, blank=True, default="")  # its public number
    result = models.JSONField(_("办理结果"), default=dict)  # what the customer is told and where to go
    refusal_code = models.CharField(_("未受理代码"), max_length=60, blank=True, default="")
    refusal_text = models.TextField(_("未受理原因"), blank=True, default="")
    started_at = models.DateTimeField(_("开始时间"))
    quoted_at = models.DateTimeField(_("报价时间"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("确认时间"), null=True, blank=True)
    finished_at = models.DateTimeField(_("结束时间"), null=True, blank=True)  # null while open

    objects = SlipQuerySet.as_manager()

    class Meta:
        verbose_name = _("受理单")
        verbose_name_plural = pgettext_lazy("plural", "受理单")
        constraints = [
            models.UniqueConstraint(
                fields=["actor", "operation", "idempotency_key"],
                name="slip_idempotency",
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(fields=["actor", "-started_at"], name="slip_actor"),
            models.Index(fields=["subject_kind", "subject_id"], name="slip_subject"),
            models.Index(fields=["operation", "channel", "-started_at"], name="slip_operation"),
            BrinIndex(fields=["started_at"], name="slip_started"),  # staff search by dates
        ]
        triggers = [
            NeverDelete(name="slip_never_deleted"),
            StartsAt(name="slip_starts_as_draft", machine=SLIP_MACHINE),
            Transitions(name="slip_transitions", machine=SLIP_MACHINE),
            Fixed(name="slip_fixed", columns=("number", "operation", "channel", "started_at")),
            ConfirmedForGood(name="slip_confirmed_for_good"),
        ]

    def __str__(self) -> str:
        return self.number


class SlipHistory(models.Model):
    """Each change of a slip's state."""

    slip = models.ForeignKey(Slip, verbose_name=_("受理单"), on_delete=models.PROTECT, related_name="history")
    from_state = models.CharField(_("原状态"), max_length=12, blank=True)
    to_state = models.CharField(_("新状态"), max_length=12)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=200, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("受理单状态记录")
        verbose_name_plural = _("受理单状态记录")
        triggers = [AppendOnly(name="slip_history_append_only")]

    def __str__(self) -> str:
        return f"{self.slip_id} {self.to_state}"
