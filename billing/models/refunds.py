from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models.querysets import OfAccountQuerySet
from billing.models.receipts import Receipt, Refund
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class RefundState(models.TextChoices):
    REQUESTED = "REQUESTED", _("待审批")
    APPROVED = "APPROVED", _("待退出")
    ACCEPTED = "ACCEPTED", _("渠道处理中")  # accepted is not refunded
    ABNORMAL = "ABNORMAL", _("退款异常")  # the gateway cannot finish it: a person decides
    SUCCEEDED = "SUCCEEDED", _("已退款")
    FAILED = "FAILED", _("未退成")
    REJECTED = "REJECTED", _("未批准")
    CANCELLED = "CANCELLED", _("已撤回")


_R = RefundState
_ENDS = frozenset({_R.SUCCEEDED, _R.FAILED})
REFUND_MACHINE = Machine(
    name="refund",
    initial=_R.REQUESTED,
    transitions={
        _R.REQUESTED: frozenset({_R.APPROVED, _R.REJECTED, _R.CANCELLED}),
        _R.APPROVED: _ENDS | {_R.ACCEPTED, _R.ABNORMAL},
        _R.ACCEPTED: _ENDS | {_R.ABNORMAL},
        _R.ABNORMAL: _ENDS | {_R.APPROVED},  # sent again
        _R.SUCCEEDED: frozenset(),
        _R.FAILED: frozenset(),
        _R.REJECTED: frozenset(),
        _R.CANCELLED: frozenset(),
    },
)
ENDED = (_R.SUCCEEDED, _R.FAILED, _R.REJECTED, _R.CANCELLED)
GOING_BACK = (_R.APPROVED, _R.ACCEPTED, _R.ABNORMAL)  # decided, and not over


class RefundReason(models.TextChoices):
    """Why money goes back, as the customer reads it."""

    BALANCE = "BALANCE", _("退还余额")
    DUPLICATE = "DUPLICATE", _("重复缴费")
    LATE = "LATE", _("关闭后到账")
    OVERPAID = "OVERPAID", _("多缴")
    MISTAKE = "MISTAKE", _("缴错")
    COUNTER = "COUNTER", _("柜台收款更正")


class RefundWay(models.TextChoices):
    SOURCE = "SOURCE", _("原路退回")
    BY_HAND = "BY_HAND", _("人工退款")  # by bank transfer or in cash: no gateway can


class RefundRequest(models.Model):
    """Money of a receipt that shall go back to the payer. Until it ends its amount is reserved on the receipt.

    It is its own queue (core.queues): APPROVED ones are sent to the gateway, ACCEPTED ones are asked about, always
    under the same number. The money itself is the Refund, written in the moment of success.
    """

    number = models.CharField(
        _("退款单号"), max_length=32, unique=True
    )  # [0-9A-Za-z]: out_request_no, out_refund_no
    key = models.CharField(
        _("请求键"), max_length=80, null=True, blank=True, unique=True
    )  # null: the caller sees to it that he asks once
    receipt = models.ForeignKey(
        Receipt, verbose_name=_("收款"), on_delete=models.PROTECT, related_name="refund_requests"
    )
    account = models.ForeignKey(
        "accounts.BillingAccount",
        verbose_name=_("户号"),
        on_delete=models.PROTECT,
        related_name="refund_requests",
        db_index=False,  # refund_request_account begins with it
    )  # the receipt's in the moment of asking
    reference = models.CharField(
        _("支付单号"), max_length=64, blank=True, default=""
    )  # the order at the gateway; empty: not by a gateway
    amount_cents = models.BigIntegerField(_("退款金额"))
    reason_code = models.CharField(_("退款原因"), max_length=10, choices=RefundReason.choices)
    reason = models.CharField(
        _("说明"), max_length=300, blank=True, default=""
    )  # staff's words, not for customers
    way = models.CharField(_("退款方式"), max_length=8, choices=RefundWay.choices, default=RefundWay.SOURCE)
    evidence = models.CharField(
        _("付款凭证号"), max_length=64, blank=True, default=""
    )  # of the transfer or pay-out by hand; empty until then
    requested_by = models.CharField(_("申请人"), max_length=80)  # core.actor ref
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("客户"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # null: not asked for by a customer
    state = models.CharField(
        _("状态"), max_length=10, choices=RefundState.choices, default=RefundState.REQUESTED
    )
    due_on = models.DateField(_("最迟退款日"))  # the money has arrived by the end of this day
    created_at = models.DateTimeField(_("申请时间"))
    approved_at = models.DateTimeField(_("批准时间"), null=True, blank=True)  # null: not approved
    sent_at = models.DateTimeField(
        _("提交渠道时间"), null=True, blank=True
    )  # last; from the first on the gateway may have paid; null: never sent
    accepted_at = models.DateTimeField(
        _("渠道受理时间"), null=True, blank=True
    )  # null: not, or refunded at once
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)  # null: under way
    answer = models.JSONField(_("渠道答复"), null=True, blank=True)  # the last one; null: none yet
    refund = models.OneToOneField(
        Refund,
        verbose_name=_("退款"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="request",
    )  # null: no money went back for it
    attempts = models.PositiveSmallIntegerField(_("尝试次数"), default=0)  # in the present state
    next_attempt_at = models.DateTimeField(
        _("下次处理"), null=True, blank=True
    )  # also the end of a worker's lease; null: nothing for a worker to do
    error = models.TextField(_("错误"), blank=True, default="")

    objects = OfAccountQuerySet["RefundRequest"].as_manager()

    class Meta:
        verbose_name = _("退款申请")
        verbose_name_plural = pgettext_lazy("plural", "退款申请")
        permissions = [("approve_refund", _("批准退款"))]
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="refund_request_amount_positive"),
            models.CheckConstraint(
                condition=Q(number__regex=r"^[0-9A-Za-z]{6,32}$"), name="refund_request_number_form"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ENDED, ended_at__isnull=False)
                | (~Q(state__in=ENDED) & Q(ended_at__isnull=True)),
                name="refund_request_ended_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="SUCCEEDED") | Q(refund__isnull=False),
                name="refund_request_success_is_booked",
            ),
            models.CheckConstraint(
                condition=~Q(state="SUCCEEDED", way="BY_HAND") | ~Q(evidence=""),
                name="refund_request_by_hand_has_evidence",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-created_at"], name="refund_request_account"),
            models.Index(
                fields=["next_attempt_at", "id"], name="refund_request_to_send", condition=Q(state="APPROVED")
            ),
            models.Index(
                fields=["next_attempt_at", "id"], name="refund_request_to_ask", condition=Q(state="ACCEPTED")
            ),
            models.Index(fields=["id"], name="refund_request_abnormal", condition=Q(state="ABNORMAL")),
            models.Index(
                fields=["due_on", "id"], name="refund_request_open", condition=Q(ended_at__isnull=True)
            ),
        ]
        triggers = [
            NeverDelete(name="refund_request_never_deleted"),
            StartsAt(name="refund_request_starts", machine=REFUND_MACHINE),
            Transitions(name="refund_request_transitions", machine=REFUND_MACHINE),
            Fixed(
                name="refund_request_fixed",
                columns=(
                    "number",
                    "key",
                    "receipt_id",
                    "account_id",
                    "reference",
                    "amount_cents",
                    "reason_code",
                    "reason",
                    "requested_by",
                    "user_id",
                    "due_on",
                    "created_at",
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_ended(self) -> bool:
        return self.state in ENDED

    @property
    def is_at_gateway(self) -> bool:
        """The gateway may have paid it, or may do so yet."""
        return self.sent_at is not None and self.state in GOING_BACK and self.way == RefundWay.SOURCE


class RefundHistory(models.Model):
    """Each change of a refund request's state."""

    request = models.ForeignKey(
        RefundRequest, verbose_name=_("退款申请"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10, blank=True)
    to_state = models.CharField(_("新状态"), max_length=10)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=300, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("退款状态记录")
        verbose_name_plural = _("退款状态记录")
        triggers = [AppendOnly(name="refund_history_append_only")]

    def __str__(self) -> str:
        return f"{self.request_id} {self.to_state}"
