"""Staff pages of the bill runs: how far each is, what was charged, what waits to be put right. To look at."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from catalog.charging.models import BillRun, BillRunFailure, CarriedForward, ChargedMonth, Recharge
from core.backoffice import ReadOnlyAdmin, WhenFilter, amount, moment

_ACCOUNT = _("户号（完整）")


class IsOpenFilter(admin.SimpleListFilter):
    """Rows on which something is still to be done: `column` is empty on them."""

    title = _("状态")
    parameter_name = "open"
    column = ""
    empty: Any = None

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("待处理")), ("0", _("已处理"))]

    def queryset(self, request: Any, queryset: Any) -> Any:
        if self.value() == "1":
            return queryset.filter(**{self.column: self.empty})
        return queryset.exclude(**{self.column: self.empty}) if self.value() == "0" else queryset


class NotDone(IsOpenFilter):
    column = "done_at"


class NotResolved(IsOpenFilter):
    column = "resolved_at"


class NotTaken(IsOpenFilter):
    column = "taken_in"
    empty = ""


@admin.register(BillRun)
class BillRunAdmin(ReadOnlyAdmin):
    region_path = None
    list_display = ("period", "started", "worked", "completed", "accounts", "bills", "shown_total")
    ordering = ("-period",)
    fields = ("period", "started", "worked", "completed", "accounts", "bills", "shown_total")
    started = moment("started_at", _("首次开始"))
    worked = moment("worked_at", _("最近处理"))
    completed = moment("completed_at", _("完成时间"))
    shown_total = amount("total_cents", _("账单合计"))


@admin.register(BillRunFailure)
class BillRunFailureAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("account", "period", "error", "failed", "resolved")
    list_filter = (NotResolved, ("failed_at", WhenFilter))
    list_select_related = ("account",)
    search_fields = ("account__number",)
    search_help_text = _ACCOUNT
    ordering = ("-id",)
    fields = ("account", "period", "error", "failed", "resolved")
    failed = moment("failed_at", _("最近失败时间"))
    resolved = moment("resolved_at", _("补出账时间"))


@admin.register(ChargedMonth)
class ChargedMonthAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("account", "period", "revision", "shown_total", "bill", "created")
    list_filter = (("created_at", WhenFilter),)
    list_select_related = ("account", "bill")
    search_fields = ("account__number", "bill__number")
    search_help_text = _("户号或账单号（完整）")
    ordering = ("-id",)
    fields = (
        "account",
        "period",
        "revision",
        "shown_total",
        "bill",
        "region",
        "customer_kind",
        "digest",
        "lines",
        "created",
    )
    shown_total = amount("total_cents", _("合计"))
    created = moment("created_at", _("写入时间"))


@admin.register(Recharge)
class RechargeAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("account", "period", "reason", "requested", "done")
    list_filter = (NotDone, ("requested_at", WhenFilter))
    list_select_related = ("account",)
    search_fields = ("account__number",)
    search_help_text = _ACCOUNT
    ordering = ("-id",)
    fields = ("account", "period", "reason", "requested", "done")
    requested = moment("requested_at", _("登记时间"))
    done = moment("done_at", _("重算时间"))


@admin.register(CarriedForward)
class CarriedForwardAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("account", "from_period", "shown_amount", "taken_in", "created")
    list_filter = (NotTaken, ("created_at", WhenFilter))
    list_select_related = ("account",)
    search_fields = ("account__number",)
    search_help_text = _ACCOUNT
    ordering = ("-id",)
    fields = ("account", "from_period", "shown_amount", "taken_in", "created")
    shown_amount = amount("amount_cents", _("金额"))
    created = moment("created_at", _("写入时间"))
