from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from billing import approvals
from billing.models import RefundHistory, RefundReason, RefundRequest, RefundState, RefundWay
from billing.services.refunds import refund_sending, refunds
from core import clock
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, amount, badge, known_values, moment
from core.reasoned import Reasoned, ReasonOnlyForm, Submit

TONES = {
    RefundState.REQUESTED: "wait",
    RefundState.APPROVED: "wait",
    RefundState.ACCEPTED: "wait",
    RefundState.ABNORMAL: "bad",
    RefundState.SUCCEEDED: "ok",
    RefundState.FAILED: "bad",
    RefundState.REJECTED: "warn",
    RefundState.CANCELLED: "warn",
}
CHANGE = "billing.change_refundrequest"
_SENT = (RefundState.APPROVED, RefundState.ACCEPTED)


class OpenFilter(admin.SimpleListFilter):
    """Refunds that have not ended, and of these the ones whose day has passed."""

    title = _("办理情况")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("未办结")), ("overdue", _("已过最迟退款日"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "yes":
            return queryset.filter(ended_at__isnull=True)
        if self.value() == "overdue":
            return queryset.filter(ended_at__isnull=True, due_on__lt=clock.local_date(clock.now()))
        return queryset


class EvidenceForm(ReasonOnlyForm):
    evidence = forms.CharField(
        label=_("付款凭证号"),
        max_length=64,
        help_text=_("银行转账流水号，或客户签收的现金支付凭单号"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )


def _can_go_by_hand(row: RefundRequest) -> bool:
    return row.state == RefundState.ABNORMAL or (row.state == RefundState.APPROVED and not row.is_at_gateway)


def _reject(row_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    refunds.reject(request_id=row_id, actor=actor, reason=reason, as_of=as_of)
    return _("已拒绝，已通知客户")


def _send_again(row_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    refunds.send_again(request_id=row_id, actor=actor, reason=reason, as_of=as_of)
    return _("已重新排队提交渠道")


def _give_up(row_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    refunds.give_up(request_id=row_id, actor=actor, reason=reason, as_of=as_of)
    return _("已按未退成办结，钱留在账户余额，已通知客户")


def _ask_now(row_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    return refund_sending.ask_now(request_id=row_id, actor=actor, as_of=as_of).label


ACTIONS = (
    Reasoned(
        name="approve",
        title=_("批准退款"),
        explanation=_("批准后马上提交支付渠道原路退回，不能再撤回；超过个人限额的须由另一人批准。"),
        permission=CHANGE,
        applies=lambda row: row.state == RefundState.REQUESTED,
        carry_out=Submit(kind=approvals.APPROVE_REFUND, amount=lambda row, data: int(row.amount_cents)),
        icon="task_alt",
    ),
    Reasoned(
        name="reject",
        title=_("拒绝退款"),
        explanation=_("钱留在账户余额，客户会收到通知。"),
        permission=CHANGE,
        applies=lambda row: row.state == RefundState.REQUESTED,
        carry_out=_reject,
        icon="block",
    ),
    Reasoned(
        name="ask-now",
        title=_("立即向渠道查询"),
        explanation=_("马上向支付渠道查询这笔退款；渠道没有收到过的，用同一退款单号提交。"),
        permission=CHANGE,
        applies=lambda row: row.state in _SENT and row.way == RefundWay.SOURCE,
        carry_out=_ask_now,
        icon="sync",
        asks_outside=True,
    ),
    Reasoned(
        name="send-again",
        title=_("重新提交渠道"),
        explanation=_("渠道未能完成的退款，用同一退款单号再提交一次，不会重复退款。"),
        permission=CHANGE,
        applies=lambda row: row.state == RefundState.ABNORMAL,
        carry_out=_send_again,
    ),
    Reasoned(
        name="paid-by-hand",
        title=_("已人工退款"),
        explanation=_(
            "钱已通过银行转账或现金付给客户。渠道异常的，请先确认渠道不会再退；超过个人限额的须由另一人批准。"
        ),
        permission=CHANGE,
        applies=_can_go_by_hand,
        carry_out=Submit(
            kind=approvals.REFUND_BY_HAND,
            amount=lambda row, data: int(row.amount_cents),
            data=lambda row, data: {"evidence": data["evidence"]},
        ),
        icon="payments",
        form_class=EvidenceForm,
    ),
    Reasoned(
        name="give-up",
        title=_("按未退成办结"),
        explanation=_(
            "没有退钱，也不再退：钱留在账户余额，客户会收到通知。渠道异常的，请先确认渠道不会再退。"
        ),
        permission=CHANGE,
        applies=_can_go_by_hand,
        carry_out=_give_up,
        icon="cancel",
    ),
)


class RefundHistoryInline(ReadOnlyInline):
    model = RefundHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


@admin.register(RefundRequest)
class RefundRequestAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = (
        "number",
        "account",
        "shown_amount",
        "reason_code",
        "way",
        "shown_state",
        "due_on",
        "created",
        "error",
    )
    list_filter = (
        OpenFilter,
        "state",
        "way",
        known_values("reason_code", _("退款原因"), lambda: RefundReason.choices),
        ("created_at", WhenFilter),
    )
    list_select_related = ("account",)
    search_fields = ("number__startswith", "account__number", "receipt__number")
    search_help_text = _("退款单号、户号或收据号")
    ordering = ("-id",)
    fields = (
        "number",
        "state",
        "account",
        "receipt",
        "reference",
        "shown_amount",
        "reason_code",
        "reason",
        "way",
        "evidence",
        "requested_by",
        "user",
        "due_on",
        "refund",
        "answer",
        "attempts",
        "error",
        "created",
        "approved",
        "sent",
        "accepted",
        "next_attempt",
        "ended",
    )
    inlines = (RefundHistoryInline,)
    reasoned = ACTIONS
    shown_amount = amount("amount_cents", _("退款金额"))
    shown_state = badge("state", _("状态"), {str(state): tone for state, tone in TONES.items()})
    created = moment("created_at", _("申请时间"))
    approved = moment("approved_at", _("批准时间"))
    sent = moment("sent_at", _("提交渠道时间"))
    accepted = moment("accepted_at", _("渠道受理时间"))
    next_attempt = moment("next_attempt_at", _("下次处理"))
    ended = moment("ended_at", _("结束时间"))

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        details = request.resolver_match and str(request.resolver_match.url_name).endswith("_change")
        return rows.select_related("account", "receipt", "refund", "user") if details else rows
