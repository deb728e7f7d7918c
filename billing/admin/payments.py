from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from billing.admin.columns import gateway_name
from billing.gateways import registry
from billing.models import GatewayCallback, Payment, PaymentHistory, PaymentState, Receipt
from billing.services.payments import settling
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, amount, badge, known_values, moment
from core.reasoned import Reasoned

TONES = {
    PaymentState.CREATED: "wait",
    PaymentState.PENDING: "wait",
    PaymentState.UNKNOWN: "warn",
    PaymentState.SUCCEEDED: "ok",
    PaymentState.FAILED: "bad",
    PaymentState.EXPIRED: "bad",
}


def _query_now(payment_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    return PaymentState(settling.query_now(payment_id=payment_id, actor=actor, as_of=as_of)).label


class PaymentHistoryInline(ReadOnlyInline):
    model = PaymentHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


class ReceiptOfPaymentInline(ReadOnlyInline):
    model = Receipt
    fields = ("number", "trade_no", "shown_amount", "paid", "review_reason")
    readonly_fields = ("shown_amount", "paid")
    show_change_link = True
    ordering = ("id",)
    shown_amount = amount("amount_cents", _("金额"))
    paid = moment("paid_at", _("支付时间"))


class CallbackOfPaymentInline(ReadOnlyInline):
    model = GatewayCallback
    fields = ("received", "verdict", "state", "attempts", "error")
    readonly_fields = ("received",)
    show_change_link = True
    ordering = ("id",)
    received = moment("received_at", _("收到时间"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("body", "headers", "report")


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("reference", "account", "channel", "shown_amount", "shown_state", "created", "succeeded")
    list_filter = ("state", known_values("gateway", _("渠道"), registry.codes), ("created_at", WhenFilter))
    list_select_related = ("account",)
    search_fields = ("reference__startswith", "account__number", "receipts__trade_no")
    search_help_text = _("支付单号、户号或渠道交易号")
    ordering = ("-id",)
    fields = (
        "reference",
        "channel",
        "state",
        "account",
        "bill",
        "payer",
        "shown_amount",
        "queries",
        "created",
        "expires",
        "next_query",
        "succeeded",
        "slips",
    )
    inlines = (PaymentHistoryInline, ReceiptOfPaymentInline, CallbackOfPaymentInline)
    shown_amount = amount("amount_cents", _("金额"))
    channel = gateway_name
    shown_state = badge("state", _("状态"), {str(state): tone for state, tone in TONES.items()})
    created = moment("created_at", _("创建时间"))
    expires = moment("expires_at", _("关闭时间"))
    next_query = moment("next_query_at", _("下次查询"))
    succeeded = moment("succeeded_at", _("支付成功"))
    reasoned = (
        Reasoned(
            name="query-now",
            title=_("立即向渠道查询"),
            explanation=_("马上向支付渠道查询这笔支付的结果，并按结果入账或关闭。"),
            permission="billing.change_payment",
            applies=lambda payment: payment.is_undecided,
            carry_out=_query_now,
            icon="sync",
            asks_outside=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        details = request.resolver_match and str(request.resolver_match.url_name).endswith("_change")
        return rows.select_related("account", "bill", "payer") if details else rows

    @admin.display(description=_("受理单"))
    def slips(self, payment: Payment) -> SafeString:
        address = reverse("admin:operations_slip_changelist")
        return format_html(
            '<a class="backoffice-link" href="{}?subject_id={}">{}</a>',
            address,
            payment.reference,
            _("查看这笔支付的受理单"),
        )
