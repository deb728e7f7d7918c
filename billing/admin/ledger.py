from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.models import AccountBalance, LedgerEntry
from core.backoffice import ReadOnlyAdmin, amount, moment


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("id", "account", "kind", "shown_amount", "cause", "shown_at")
    list_filter = ("kind",)
    list_select_related = ("account", "bill", "receipt", "refund")
    search_fields = ("account__number", "bill__number", "receipt__number")
    search_help_text = _("户号、账单号或收据号（完整）")
    ordering = ("-id",)
    fields = ("account", "kind", "shown_amount", "bill", "receipt", "refund", "shown_at")
    shown_amount = amount("amount_cents", _("金额"))
    shown_at = moment("at", _("时间"))

    @admin.display(description=_("依据"))
    def cause(self, entry: LedgerEntry) -> Any:
        return entry.bill or entry.receipt or entry.refund


@admin.register(AccountBalance)
class AccountBalanceAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("account", "balance")
    list_select_related = ("account",)
    search_fields = ("account__number",)
    search_help_text = _("户号（完整）")
    ordering = ("-account_id",)
    fields = ("account", "balance")
    balance = amount("balance_cents", _("余额（负数为欠费）"))
