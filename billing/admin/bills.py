from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from billing import approvals
from billing.forms import YuanField
from billing.models import Adjustment, Allocation, Bill, BillKind, BillLine, PenaltyWaiver
from billing.selectors import penalties
from core import clock
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, amount, moment
from core.money import display as yuan
from core.money import yuan as plain_yuan
from core.reasoned import Reasoned, ReasonOnlyForm, Submit


class AmountForm(ReasonOnlyForm):
    amount = YuanField(label=_("减免金额（元）"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})


def _accrued_cents(bill: Bill) -> int:
    """The penalty that has accrued by today and is not billed."""
    if not bill.open_cents or bill.kind == BillKind.PENALTY:
        return 0
    found = penalties.accrued([bill.pk], on=clock.local_date(clock.now())).get(bill.pk)
    return found.cents if found else 0


ACTIONS = (
    Reasoned(
        name="adjust",
        title=_("调账减免"),
        explanation=_("减免未缴的部分，视同出账时就没有这笔费用；客户已缴的钱不受影响。"),
        permission=approvals.ASK_BILL,
        applies=lambda bill: bill.open_cents > 0,
        carry_out=Submit(kind=approvals.ADJUSTMENT, amount=lambda bill, data: int(data["amount"])),
        icon="money_off",
        form_class=AmountForm,
        initial=lambda bill: {"amount": plain_yuan(bill.open_cents)},
    ),
    Reasoned(
        name="waive-penalty",
        title=_("减免违约金"),
        explanation=_("减免截至今天还没有出账的违约金；已经出账的违约金在违约金账单上调账减免。"),
        permission=approvals.ASK_BILL,
        applies=lambda bill: _accrued_cents(bill) > 0,
        carry_out=Submit(kind=approvals.PENALTY_WAIVER, amount=lambda bill, data: int(data["amount"])),
        icon="percent",
        form_class=AmountForm,
        initial=lambda bill: {"amount": plain_yuan(_accrued_cents(bill))},
    ),
)


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


class AdjustmentInline(ReadOnlyInline):
    model = Adjustment
    fields = ("number", "shown_amount", "reason", "actor", "shown_at")
    readonly_fields = ("shown_amount", "shown_at")
    ordering = ("id",)
    shown_amount = amount("amount_cents", _("减免金额"))
    shown_at = moment("at", _("时间"))


class PenaltyWaiverInline(ReadOnlyInline):
    model = PenaltyWaiver
    fields = ("shown_amount", "reason", "actor", "shown_at")
    readonly_fields = ("shown_amount", "shown_at")
    ordering = ("id",)
    shown_amount = amount("amount_cents", _("减免金额"))
    shown_at = moment("at", _("时间"))


@admin.register(Bill)
class BillAdmin(ReadOnlyAdmin):
    region_path = "account__region"
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
        "adjusted",
        "open_amount",
        "accrued",
        "penalty_of",
        "source",
        "source_number",
        "created",
    )
    inlines = (BillLineInline, AllocationOfBillInline, AdjustmentInline, PenaltyWaiverInline)
    reasoned = ACTIONS
    total = amount("total_cents", _("应缴"))
    paid = amount("paid_cents", _("已缴"))
    adjusted = amount("adjusted_cents", _("已减免"))
    created = moment("created_at", _("写入时间"))

    @admin.display(description=_("截至今天未出账的违约金"))
    def accrued(self, bill: Bill) -> str:
        return yuan(_accrued_cents(bill))

    @admin.display(description=_("未缴"))
    def open_amount(self, bill: Bill) -> str:
        return yuan(bill.open_cents)


@admin.register(Allocation)
class AllocationAdmin(ReadOnlyAdmin):
    region_path = ("bill__account__region", "receipt__account__region")
    list_display = ("id", "receipt", "bill", "shown_amount", "shown_at")
    list_select_related = ("receipt", "bill")
    search_fields = ("receipt__number", "bill__number")
    search_help_text = _("收据号或账单号（完整）")
    ordering = ("-id",)
    fields = ("receipt", "bill", "shown_amount", "shown_at")
    shown_amount = amount("amount_cents", _("销账金额"))
    shown_at = moment("at", _("时间"))


@admin.register(Adjustment)
class AdjustmentAdmin(ReadOnlyAdmin):
    region_path = "bill__account__region"
    list_display = ("number", "bill", "shown_amount", "reason", "actor", "shown_at")
    list_filter = (("at", WhenFilter),)
    list_select_related = ("bill",)
    search_fields = ("number", "bill__number")
    search_help_text = _("调账单号或账单号（完整）")
    ordering = ("-id",)
    fields = ("number", "bill", "shown_amount", "reason", "actor", "shown_at")
    shown_amount = amount("amount_cents", _("减免金额"))
    shown_at = moment("at", _("时间"))
