import json
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from billing.admin.columns import gateway_name
from billing.gateways import registry
from billing.gateways.base import RejectCode
from billing.models import CallbackState, GatewayCallback, Receipt
from billing.services.payments import callbacks, intake
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, WhenFilter, badge, known_values, moment
from core.reasoned import Reasoned

TONES = {
    str(CallbackState.NEW): "wait",
    str(CallbackState.APPLIED): "ok",
    str(CallbackState.REJECTED): "warn",
    str(CallbackState.DEAD): "bad",
}


def _verdicts() -> list[tuple[str, str]]:
    ours = [intake.OK, intake.UNKNOWN_REFERENCE, intake.WRONG_AMOUNT, intake.WRONG_GATEWAY]
    return [(code, code) for code in [*ours, *(str(code) for code in RejectCode)]]


def _apply_again(callback_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    callbacks.retry(callback_id=callback_id, actor=actor, reason=reason, as_of=as_of)
    return _("已重新排队，马上入账")


@admin.register(GatewayCallback)
class GatewayCallbackAdmin(ReadOnlyAdmin):
    region_path = "payment__account__region"
    list_display = ("id", "received", "channel", "reference", "verdict", "shown_state", "attempts", "error")
    list_filter = (
        "state",
        known_values("gateway", _("渠道"), registry.codes),
        known_values("verdict", _("核验结果"), _verdicts),
        ("received_at", WhenFilter),
    )
    search_fields = ("payment__reference", "reference")
    search_help_text = _("支付单号（完整）")
    ordering = ("-id",)
    fields = (
        "channel",
        "reference",
        "payment",
        "booked_as",
        "state",
        "verdict",
        "attempts",
        "error",
        "received",
        "next_attempt",
        "applied",
        "address",
        "shown_report",
        "headers",
        "shown_body",
    )
    channel = gateway_name
    shown_state = badge("state", _("状态"), TONES)
    received = moment("received_at", _("收到时间"))
    next_attempt = moment("next_attempt_at", _("下次处理"))
    applied = moment("applied_at", _("入账时间"))
    reasoned = (
        Reasoned(
            name="apply-again",
            title=_("重新入账"),
            explanation=_("已放弃的回调会重新排队入账；被拒绝的回调不会入账。"),
            permission="billing.change_gatewaycallback",
            applies=lambda callback: callback.state == CallbackState.DEAD,
            carry_out=_apply_again,
            service_audits=True,
        ),
    )

    def _matching(self, model: Any, lookup: str, term: str) -> Q:
        if lookup == "reference":  # the index is on (gateway, reference)
            return Q(gateway__in=[code for code, _name in registry.codes()], reference=term)
        return super()._matching(model, lookup, term)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("body", "headers", "report").select_related("payment")

    @admin.display(description=_("收款"))
    def booked_as(self, callback: GatewayCallback) -> SafeString | None:
        """Where the money is, also when no payment explains it."""
        trade_no = (callback.report or {}).get("trade_no", "")
        receipt = Receipt.objects.filter(gateway=callback.gateway, trade_no=trade_no).first()
        if receipt is None:
            return None
        address = reverse("admin:billing_receipt_change", args=[receipt.pk])
        return format_html('<a class="backoffice-link" href="{}">{}</a>', address, receipt.number)

    @admin.display(description=_("渠道报告"))
    def shown_report(self, callback: GatewayCallback) -> SafeString | None:
        if callback.report is None:
            return None
        return _block(json.dumps(callback.report, ensure_ascii=False, indent=2))

    @admin.display(description=_("原始报文"))
    def shown_body(self, callback: GatewayCallback) -> SafeString:
        return _block(bytes(callback.body).decode("gb18030", errors="replace"))


def _block(text: str) -> SafeString:
    return format_html('<pre class="backoffice-raw">{}</pre>', text)
