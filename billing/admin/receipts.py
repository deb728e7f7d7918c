from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import BillingAccount
from accounts.services.accounts import BadAccountNumber, clean_number
from billing import approvals
from billing.admin.channel_months import WithChannelMonths
from billing.admin.columns import gateway_name
from billing.forms import YuanField
from billing.gateways import registry
from billing.models import Allocation, Receipt, ReceiptTransfer, Refund, RefundReason, ReviewReason
from billing.selectors import unallocated
from core import clock
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, amount, known_values, moment
from core.money import display as yuan
from core.money import yuan as plain_yuan
from core.reasoned import Reasoned, ReasonOnlyForm, Submit


class UnusedFilter(admin.SimpleListFilter):
    """Money without an explanation, by what is the matter with it and by age."""

    title = _("未销账款项")
    parameter_name = "unused"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("yes", _("有余额")),
            ("review", _("待核查")),
            ("suspense", _("过渡账户")),
            ("missing", _("退款多于余额")),
            *((str(days), _("已过 %(days)s 天") % {"days": days}) for days in unallocated.AGES),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        if value.isdecimal() and int(value) in unallocated.AGES:
            return queryset.filter(unallocated.UNUSED, booked_at__lt=clock.now() - timedelta(days=int(value)))
        how = {
            "yes": unallocated.UNUSED,
            "review": unallocated.UNUSED & unallocated.UNDER_REVIEW,
            "suspense": unallocated.UNUSED & unallocated.IN_SUSPENSE,
            "missing": unallocated.MISSING,
        }
        return queryset.filter(how[value]) if value in how else queryset


class TransferForm(ReasonOnlyForm):
    to_number = forms.CharField(
        label=_("转到户号"), max_length=40, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    )

    def clean_to_number(self) -> str:
        try:
            number = clean_number(self.cleaned_data["to_number"])
        except BadAccountNumber as error:
            raise forms.ValidationError(error.text, code=error.code) from error
        if not BillingAccount.objects.filter(number=number).exists():
            raise forms.ValidationError(_("没有这个户号，请核对后再试"), code="NO_SUCH_ACCOUNT")
        return number


class RefundForm(ReasonOnlyForm):
    amount = YuanField(label=_("退款金额（元）"))
    reason_code = forms.ChoiceField(
        label=_("退款类别"), choices=RefundReason.choices, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})


_REFUND_REASONS = {
    ReviewReason.DUPLICATE: RefundReason.DUPLICATE,
    ReviewReason.LATE: RefundReason.LATE,
    ReviewReason.UNKNOWN_ORDER: RefundReason.MISTAKE,
    ReviewReason.AMOUNT: RefundReason.MISTAKE,
}


def _refund_at_first(receipt: Receipt) -> dict[str, Any]:
    reason = _REFUND_REASONS.get(ReviewReason(receipt.review_reason), RefundReason.BALANCE)
    return {"amount": plain_yuan(max(receipt.free_cents, 0)), "reason_code": reason}


def _is_whole(receipt: Receipt) -> bool:
    return not (receipt.allocated_cents or receipt.refunded_cents or receipt.refunding_cents)


ACTIONS = (
    Reasoned(
        name="use-for-bills",
        title=_("用于本户账单"),
        explanation=_("核查无误：用这笔款项的余额缴清本户号未缴的账单，按款项到账日计算；多余部分留作余额。"),
        permission=approvals.ASK,
        applies=lambda receipt: (
            receipt.free_cents > 0 and receipt.account.purpose == BillingAccount.Purpose.CUSTOMER
        ),
        carry_out=Submit(
            kind=approvals.USE,
            amount=lambda receipt, data: int(receipt.free_cents),
            data=lambda receipt, data: {"account": receipt.account_id},
        ),
        icon="task_alt",
    ),
    Reasoned(
        name="transfer",
        title=_("转到别的户号"),
        explanation=_("整笔款项转到客户的户号，并视为已核查；已销账、已退款或正在退款的款项不能转。"),
        permission=approvals.ASK,
        applies=_is_whole,
        carry_out=Submit(kind=approvals.TRANSFER, amount=lambda receipt, data: int(receipt.amount_cents)),
        icon="move_up",
        form_class=TransferForm,
    ),
    Reasoned(
        name="refund",
        title=_("退款"),
        explanation=_("款项原路退回付款人；渠道已不能退的转人工付款。只能退还没有销账的部分。"),
        permission="billing.change_refundrequest",
        applies=lambda receipt: receipt.free_cents > 0,
        carry_out=Submit(
            kind=approvals.REFUND,
            amount=lambda receipt, data: int(data["amount"]),
            data=lambda receipt, data: {"reason_code": data["reason_code"]},
        ),
        icon="undo",
        form_class=RefundForm,
        initial=_refund_at_first,
    ),
    Reasoned(
        name="reopen-bill",
        title=_("恢复账单欠费"),
        explanation=_("渠道已退回的款项曾用于账单：相应账单自退款日起恢复欠费。"),
        permission=approvals.ASK,
        applies=lambda receipt: receipt.unallocated_cents < 0,
        carry_out=Submit(kind=approvals.REOPEN, amount=lambda receipt, data: -receipt.unallocated_cents),
        icon="restart_alt",
    ),
    Reasoned(
        name="waive",
        title=_("减免账单"),
        explanation=_("渠道已退回的款项曾用于账单：相应账单按退回的金额减免，客户不再欠费。"),
        permission=approvals.ASK,
        applies=lambda receipt: receipt.unallocated_cents < 0,
        carry_out=Submit(kind=approvals.WAIVE, amount=lambda receipt, data: -receipt.unallocated_cents),
        icon="money_off",
    ),
)


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


class TransferOfReceiptInline(ReadOnlyInline):
    model = ReceiptTransfer
    fields = ("from_account", "to_account", "reason", "actor", "shown_at")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("from_account", "to_account")


@admin.register(Receipt)
class ReceiptAdmin(WithChannelMonths):
    region_path = "account__region"
    list_display = (
        "number",
        "account",
        "shown_amount",
        "unused",
        "review_reason",
        "is_reviewed",
        "channel",
        "trade_no",
        "paid",
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
        "refunding",
        "unused",
        "review_reason",
        "reviewed",
        "paid",
        "booked",
    )
    inlines = (AllocationOfReceiptInline, RefundInline, TransferOfReceiptInline)
    reasoned = ACTIONS
    channel = gateway_name
    shown_amount = amount("amount_cents", _("金额"))
    allocated = amount("allocated_cents", _("已销账"))
    refunded = amount("refunded_cents", _("已退款"))
    refunding = amount("refunding_cents", _("退款中"))
    reviewed = moment("reviewed_at", _("核查时间"))
    paid = moment("paid_at", _("支付时间"))
    booked = moment("booked_at", _("入账时间"))

    @admin.display(description=_("未销账"))
    def unused(self, receipt: Receipt) -> str:
        return yuan(receipt.unallocated_cents)

    @admin.display(description=_("已核查"), boolean=True)
    def is_reviewed(self, receipt: Receipt) -> bool | None:
        return receipt.reviewed_at is not None if receipt.review_reason else None


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    region_path = "receipt__account__region"
    list_display = ("request_no", "receipt", "shown_amount", "refunded", "booked")
    list_select_related = ("receipt",)
    search_fields = ("receipt__number", "request_no")
    search_help_text = _("收据号或退款请求号（完整）")
    ordering = ("-id",)
    fields = ("request_no", "receipt", "shown_amount", "refunded", "booked")
    shown_amount = amount("amount_cents", _("退款金额"))
    refunded = moment("refunded_at", _("退款时间"))
    booked = moment("booked_at", _("入账时间"))


@admin.register(ReceiptTransfer)
class ReceiptTransferAdmin(ReadOnlyAdmin):
    region_path = ("from_account__region", "to_account__region")
    list_display = ("id", "receipt", "shown_amount", "from_account", "to_account", "actor", "shown_at")
    list_filter = (("at", WhenFilter),)
    list_select_related = ("receipt", "from_account", "to_account")
    search_fields = ("receipt__number", "from_account__number", "to_account__number")
    search_help_text = _("收据号或户号（完整）")
    ordering = ("-id",)
    fields = ("receipt", "shown_amount", "from_account", "to_account", "reason", "actor", "shown_at")
    shown_amount = amount("amount_cents", _("金额"))
    shown_at = moment("at", _("时间"))
