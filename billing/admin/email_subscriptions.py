from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing.models import (
    BillMail,
    EmailSubscription,
    EmailSubscriptionHistory,
    EmailSubscriptionState,
)
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, badge, masked, moment

TONES = {
    str(EmailSubscriptionState.PENDING): "wait",
    str(EmailSubscriptionState.ACTIVE): "ok",
    str(EmailSubscriptionState.ENDED): "warn",
    str(EmailSubscriptionState.BOUNCED): "bad",
}


class EmailSubscriptionHistoryInline(ReadOnlyInline):
    model = EmailSubscriptionHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


class BillMailInline(ReadOnlyInline):
    model = BillMail
    fields = ("bill", "shown_at")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("bill")


@admin.register(EmailSubscription)
class EmailSubscriptionAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("reference", "account", "shown_address", "shown_state", "created", "confirmed")
    list_filter = ("state", ("created_at", WhenFilter))
    list_select_related = ("account",)
    search_fields = ("account__number", "address", "reference")
    search_help_text = _("户号、邮箱或订阅编号（完整）")
    ordering = ("-id",)
    fields = (
        "reference",
        "account",
        "user",
        "shown_address",
        "language",
        "state",
        "consent",
        "created",
        "confirm_until",
        "confirmed",
    )
    inlines = (EmailSubscriptionHistoryInline, BillMailInline)
    shown_address = masked("address", _("邮箱"))
    shown_state = badge("state", _("状态"), TONES)
    created = moment("created_at", _("申请时间"))
    confirm_until = moment("confirm_by", _("确认期限"))
    confirmed = moment("confirmed_at", _("确认时间"))

    def search_term(self, text: str) -> str:
        return text.lower() if "@" in text else text
