from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing.models import (
    DebitAgreement,
    DebitAgreementHistory,
    DebitAgreementState,
    DebitNotice,
    DebitTry,
    PaymentState,
)
from core import joined
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, amount, badge, moment

TONES = {
    str(DebitAgreementState.PENDING): "wait",
    str(DebitAgreementState.ACTIVE): "ok",
    str(DebitAgreementState.ENDED): "warn",
}


class DebitAgreementHistoryInline(ReadOnlyInline):
    model = DebitAgreementHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


class DebitNoticeInline(ReadOnlyInline):
    model = DebitNotice
    fields = ("bill", "shown_amount", "debit_on", "shown_at", "shown_tries")
    readonly_fields = ("shown_amount", "shown_at", "shown_tries")
    ordering = ("id",)
    shown_amount = amount("amount_cents", _("预告金额"))
    shown_at = moment("at", _("预告时间"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("bill").prefetch_related("tries__payment")

    @admin.display(description=_("扣款"))
    def shown_tries(self, notice: DebitNotice) -> str:
        """Each try with what became of it."""
        return joined.clauses(map(_told, sorted(notice.tries.all(), key=lambda one: one.number))) or "—"


def _told(one: DebitTry) -> str:
    return f"{one.number}. {one.payment.reference} {PaymentState(one.payment.state).label}"


@admin.register(DebitAgreement)
class DebitAgreementAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("reference", "account", "shown_max", "shown_state", "created", "signed")
    list_filter = ("state", ("created_at", WhenFilter))
    list_select_related = ("account",)
    search_fields = ("account__number", "reference", "agreement_no")
    search_help_text = _("户号、协议编号或银行协议号（完整）")
    ordering = ("-id",)
    fields = (
        "reference",
        "account",
        "user",
        "gateway",
        "agreement_no",
        "shown_max",
        "state",
        "consent",
        "created",
        "sign_until",
        "signed",
        "ended_there",
    )
    inlines = (DebitAgreementHistoryInline, DebitNoticeInline)
    shown_max = amount("max_cents", _("每笔上限"))
    shown_state = badge("state", _("状态"), TONES)
    created = moment("created_at", _("申请时间"))
    sign_until = moment("sign_by", _("签约期限"))
    signed = moment("signed_at", _("签约时间"))
    ended_there = moment("ended_there_at", _("银行已知终止"))
