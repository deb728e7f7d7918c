"""Staff pages of acceptance slips: each attempt at each operation, refusals included."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin.region_filter import RegionFilter
from accounts.models import BillingAccount, Customer
from core.backoffice import ReadOnlyInline, WhenFilter, amount, badge, known_values, moment
from operations import registry
from operations.channel_page import WithChannels
from operations.models import Slip, SlipHistory, SlipState
from operations.serving import admin as serving_admin

__all__ = ["SlipAdmin", "serving_admin"]

TONES = {
    str(SlipState.DRAFT): "wait",
    str(SlipState.QUOTED): "wait",
    str(SlipState.CONFIRMED): "wait",
    str(SlipState.IN_PROGRESS): "wait",
    str(SlipState.DONE): "ok",
    str(SlipState.REFUSED): "warn",
    str(SlipState.FAILED): "bad",
    str(SlipState.CANCELLED): "warn",
}


def _operations() -> list[tuple[str, Any]]:
    return [(operation.code, operation.title) for operation in registry.everything()]


class SlipHistoryInline(ReadOnlyInline):
    model = SlipHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


@admin.register(Slip)
class SlipAdmin(WithChannels):
    region_path = "region"
    list_display = (
        "number",
        "title",
        "shown_state",
        "channel",
        "customer",
        "region",
        "price",
        "refusal_code",
        "started",
    )
    list_filter = (
        known_values("operation", _("业务"), _operations),
        "state",
        "channel",
        RegionFilter,
        ("started_at", WhenFilter),
    )
    list_select_related = ("customer", "region")
    search_fields = ("number", "customer__number", "subject_id")
    search_help_text = _("受理编号、客户编号、户号或支付单号（完整）")
    ordering = ("-id",)
    fields = (
        "number",
        "title",
        "operation_version",
        "state",
        "channel",
        "region",
        "customer",
        "actor",
        "on_behalf_of",
        "price",
        "subject_kind",
        "subject_id",
        "refusal_code",
        "refusal_text",
        "started",
        "quoted",
        "confirmed",
        "finished",
        "shown_data",
        "shown_quote",
        "shown_confirmation",
        "shown_result",
    )
    inlines = (SlipHistoryInline,)
    shown_state = badge("state", _("状态"), TONES)
    price = amount("price_cents", _("金额"))
    started = moment("started_at", _("开始时间"))
    quoted = moment("quoted_at", _("报价时间"))
    confirmed = moment("confirmed_at", _("确认时间"))
    finished = moment("finished_at", _("结束时间"))

    def rights(self) -> tuple[str, ...]:
        """ "add": to have business done for a customer, where the operation itself lets this member of staff."""
        return ("view", "add")

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "operations_slip_changelist":
            return rows.defer("data", "quote", "confirmation", "result")
        return rows.select_related("customer", "region", "actor", "on_behalf_of")

    def _matching(self, model: Any, lookup: str, term: str) -> Q:
        if lookup == "customer__number":  # a customer is named by his own number or by one of his accounts
            accounts = BillingAccount.objects.filter(number=term).values_list("customer_id", flat=True)
            customers = Customer.objects.filter(number=term).values_list("pk", flat=True)
            return Q(customer__in=[*customers, *accounts])
        return super()._matching(model, lookup, term)

    @admin.display(description=_("业务"), ordering="operation")
    def title(self, slip: Slip) -> Any:
        operation = registry.find(slip.operation)
        return operation.title if operation else slip.operation

    @admin.display(description=_("填写内容"))
    def shown_data(self, slip: Slip) -> SafeString:
        return _block(slip.data)

    @admin.display(description=_("报价"))
    def shown_quote(self, slip: Slip) -> SafeString:
        return _block(slip.quote)

    @admin.display(description=_("确认凭据"))
    def shown_confirmation(self, slip: Slip) -> SafeString:
        return _block(slip.confirmation)

    @admin.display(description=_("办理结果"))
    def shown_result(self, slip: Slip) -> SafeString:
        return _block(slip.result)


def _block(data: Any) -> SafeString:
    return format_html('<pre class="backoffice-raw">{}</pre>', json.dumps(data, ensure_ascii=False, indent=2))
