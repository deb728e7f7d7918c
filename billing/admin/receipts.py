from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing.admin.columns import gateway_name
from billing.gateways import registry
from billing.models import Allocation, Receipt, Refund
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, amount, known_values, moment
from core.money import display as yuan


class UnusedFilter(admin.SimpleListFilter):
    """Money that is neither allocated to a bill nor refunded (a partial index holds exactly these)."""

    title = _("未销账余额")
    parameter_name = "unused"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("有余额"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "yes":
            return queryset.filter(amount_cents__gt=F("allocated_cents") + F("refunded_cents"))
        return queryset


class AllocationOfReceiptInline(ReadOnlyInline):
    model = Allocation
    fields = ("bill", "shown_amount", "shown_at")
    readonly_fields = ("shown_amount", "shown_at")
    ordering = ("id",)
    shown_amount = amount("amount_cents", _("销账金额"))
    shown_at = moment("at", _("时间"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("bill")


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = ("request_no", "shown_amount", "refunded", "booked")
    readonly_fields = ("shown_amount", "refunded", "booked")
    ordering = ("id",)
    shown_amount = amount("amount_cents", _("退款金额"))
    refunded = moment("refunded_at", _("退款时间"))
    booked = moment("booked_at", _("入账时间"))


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    list_display = (
        "number",
        "account",
        "channel",
        "trade_no",
        "shown_amount",
        "unused",
        "paid",
        "review_reason",
    )
    list_filter = (
        UnusedFilter,
        "review_reason",
        known_values("gateway", _("渠道"), registry.codes),
        ("booked_at", WhenFilter),
    )
    list_select_related = ("account",)
    search_fields = ("number__startswith", "trade_no", "account__number")
    search_help_text = _("收据号、渠道交易号或户号")
    ordering = ("-id",)
    fields = (
        "number",
        "channel",
        "trade_no",
        "account",
        "payment",
        "shown_amount",
        "allocated",
        "refunded",
        "unused",
        "review_reason",
        "paid",
        "booked",
    )
    inlines = (AllocationOfReceiptInline, RefundInline)
    channel = gateway_name
    shown_amount = amount("amount_cents", _("金额"))
    allocated = amount("allocated_cents", _("已销账"))
    refunded = amount("refunded_cents", _("已退款"))
    paid = moment("paid_at", _("支付时间"))
    booked = moment("booked_at", _("入账时间"))

    @admin.display(description=_("未销账"))
    def unused(self, receipt: Receipt) -> str:
        return yuan(receipt.unallocated_cents)


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ("request_no", "receipt", "shown_amount", "refunded", "booked")
    list_select_related = ("receipt",)
    search_fields = ("receipt__number", "request_no")
    search_help_text = _("收据号或退款请求号（完整）")
    ordering = ("-id",)
    fields = ("request_no", "receipt", "shown_amount", "refunded", "booked")
    shown_amount = amount("amount_cents", _("退款金额"))
    refunded = moment("refunded_at", _("退款时间"))
    booked = moment("booked_at", _("入账时间"))
