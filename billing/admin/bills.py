from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.models import Allocation, Bill, BillLine
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, amount, moment
from core.money import display as yuan


class BillLineInline(ReadOnlyInline):
    model = BillLine
    fields = ("position", "code", "text", "shown_amount")
    readonly_fields = ("shown_amount",)
    ordering = ("position",)
    shown_amount = amount("amount_cents", _("金额"))


class AllocationOfBillInline(ReadOnlyInline):
    model = Allocation
    fields = ("receipt", "shown_amount", "shown_at")
    readonly_fields = ("shown_amount", "shown_at")
    ordering = ("id",)
    shown_amount = amount("amount_cents", _("销账金额"))
    shown_at = moment("at", _("时间"))

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("receipt")


@admin.register(Bill)
class BillAdmin(ReadOnlyAdmin):
    list_display = ("number", "account", "kind", "period", "due_on", "total", "paid", "open_amount")
    list_filter = ("kind",)
    list_select_related = ("account",)
    search_fields = ("number__startswith", "source_number", "account__number")
    search_help_text = _("账单号、来源编号或户号")
    ordering = ("-id",)
    fields = (
        "number",
        "kind",
        "period",
        "account",
        "issued_on",
        "due_on",
        "total",
        "paid",
        "open_amount",
        "source",
        "source_number",
        "created",
    )
    inlines = (BillLineInline, AllocationOfBillInline)
    total = amount("total_cents", _("应缴"))
    paid = amount("paid_cents", _("已缴"))
    created = moment("created_at", _("写入时间"))

    @admin.display(description=_("未缴"))
    def open_amount(self, bill: Bill) -> str:
        return yuan(bill.open_cents)


@admin.register(Allocation)
class AllocationAdmin(ReadOnlyAdmin):
    list_display = ("id", "receipt", "bill", "shown_amount", "shown_at")
    list_select_related = ("receipt", "bill")
    search_fields = ("receipt__number", "bill__number")
    search_help_text = _("收据号或账单号（完整）")
    ordering = ("-id",)
    fields = ("receipt", "bill", "shown_amount", "shown_at")
    shown_amount = amount("amount_cents", _("销账金额"))
    shown_at = moment("at", _("时间"))
