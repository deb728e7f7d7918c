from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from billing.models import (
    CashDeposit,
    CashDepositLine,
    CounterMethod,
    CounterMoney,
    CounterReversal,
    PayLink,
    PayLinkHistory,
    PayLinkState,
    Receipt,
)
from billing.services import counter
from billing.services.payments import pay_links
from billing.views import counter as pages
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, amount, badge, moment
from core.money import display as yuan
from core.reasoned import Reasoned, Submit
from core.scopes import Scope, Where

LINK_TONES = {PayLinkState.OPEN: "wait", PayLinkState.USED: "ok", PayLinkState.WITHDRAWN: "warn"}


class WhereFilter(admin.SimpleListFilter):
    """Where the money is now."""

    title = _("款项去向")
    parameter_name = "where"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("till", _("未解款现金")), ("bank", _("已解款")), ("reversed", _("已冲正"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        how: dict[str, dict[str, Any]] = {
            "till": {"method": CounterMethod.CASH, "deposit_line__isnull": True, "reversal__isnull": True},
            "bank": {"deposit_line__isnull": False},
            "reversed": {"reversal__isnull": False},
        }
        return queryset.filter(**how.get(self.value() or "", {}))


@admin.register(CounterMoney)
class CounterMoneyAdmin(ReadOnlyAdmin):
    region_path = "receipt__account__region"
    list_display = ("number", "paper_no", "method", "shown_amount", "account", "taken_by", "taken", "where")
    list_filter = (WhereFilter, "method", ("taken_at", WhenFilter))
    list_select_related = ("receipt__account", "taken_by", "reversal", "deposit_line__deposit")
    search_fields = ("receipt__number", "receipt__trade_no", "taken_by__username")
    search_help_text = _("收据号、单据号或收款人用户名（完整）")
    ordering = ("-id",)
    fields = (
        "receipt",
        "paper_no",
        "method",
        "shown_amount",
        "account",
        "first_bill",
        "taken_by",
        "taken",
        "where",
    )
    taken = moment("taken_at", _("收款时间"))
    reasoned = (
        Reasoned(
            name="reverse",
            title=_("冲正退款"),
            explanation=_(
                "录错的收款整笔冲正：款项当场退还客户，已销的账单恢复欠费，并短信告知客户。"
                "超过个人限额的，以及不是本人当天所收的，须由有批准权限的另一人办理或批准。"
            ),
            permission=counter.PERMISSION,
            applies=lambda money: not money.receipt.refunded_cents and not hasattr(money, "deposit_line"),
            carry_out=Submit(
                kind=counter.REVERSAL, amount=lambda money, data: int(money.receipt.amount_cents)
            ),
            icon="undo",
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("desk/", view(self.desk_view), name="billing_counter_desk"),
            path("desk/link/", view(self.link_view), name="billing_counter_link"),
            path("till/", view(self.till_view), name="billing_counter_till"),
            path("print/<str:number>/", view(self.receipt_view), name="billing_counter_receipt"),
        ]
        return [*own, *super().get_urls()]

    def desk_view(self, request: HttpRequest) -> HttpResponse:
        return pages.desk(self, request)

    def link_view(self, request: HttpRequest) -> HttpResponse:
        return pages.link(self, request)

    def till_view(self, request: HttpRequest) -> HttpResponse:
        return pages.till(self, request)

    def receipt_view(self, request: HttpRequest, number: str) -> HttpResponse:
        return pages.receipt(self, request, number)

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.select_related(
            "receipt__account", "taken_by", "first_bill", "reversal", "deposit_line__deposit"
        )

    def _matching(self, model: Any, lookup: str, term: str) -> Q:
        if lookup == "receipt__trade_no":  # with its gateway: the index begins with that
            papers = Receipt.objects.filter(gateway__in=counter.GATEWAYS.values(), trade_no=term.upper())
            return Q(receipt__in=list(papers.values_list("pk", flat=True)))
        return super()._matching(model, lookup, term)

    @admin.display(description=_("收据号"))
    def number(self, money: CounterMoney) -> str:
        return money.receipt.number

    @admin.display(description=_("单据号"))
    def paper_no(self, money: CounterMoney) -> str:
        return money.receipt.trade_no

    @admin.display(description=_("户号"))
    def account(self, money: CounterMoney) -> str:
        return money.receipt.account.number

    @admin.display(description=_("金额"))
    def shown_amount(self, money: CounterMoney) -> str:
        return yuan(money.receipt.amount_cents)

    @admin.display(description=_("款项去向"))
    def where(self, money: CounterMoney) -> Any:
        if hasattr(money, "reversal"):
            return _("已冲正")
        if hasattr(money, "deposit_line"):
            return money.deposit_line.deposit.number
        return _("未解款现金") if money.method == CounterMethod.CASH else _("POS 清算")


@admin.register(CounterReversal)
class CounterReversalAdmin(ReadOnlyAdmin):
    region_path = "money__receipt__account__region"
    list_display = ("number", "shown_amount", "reason", "actor", "shown_at")
    list_select_related = ("money__receipt", "refund")
    search_fields = ("refund__request_no",)
    search_help_text = _("退款请求号（完整）")
    ordering = ("-id",)
    fields = ("money", "number", "refund", "shown_amount", "reason", "actor", "shown_at")
    shown_at = moment("at", _("时间"))

    @admin.display(description=_("收据号"))
    def number(self, reversal: CounterReversal) -> str:
        return reversal.money.receipt.number

    @admin.display(description=_("退款金额"))
    def shown_amount(self, reversal: CounterReversal) -> str:
        return yuan(reversal.refund.amount_cents)


class DepositLineInline(ReadOnlyInline):
    model = CashDepositLine
    fields = ("number", "paper_no", "shown_amount")
    readonly_fields = ("number", "paper_no", "shown_amount")
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("money__receipt")

    @admin.display(description=_("收据号"))
    def number(self, line: CashDepositLine) -> str:
        return line.money.receipt.number

    @admin.display(description=_("单据号"))
    def paper_no(self, line: CashDepositLine) -> str:
        return line.money.receipt.trade_no

    @admin.display(description=_("金额"))
    def shown_amount(self, line: CashDepositLine) -> str:
        return yuan(line.money.receipt.amount_cents)


def _all_inside(scope: Scope) -> Q:
    """A deposit lies where all of its cash does."""
    inside = Q(money__receipt__account__region__in=scope.region_ids)
    return Q(~Exists(CashDepositLine.objects.filter(~inside, deposit=OuterRef("pk"))))


@admin.register(CashDeposit)
class CashDepositAdmin(ReadOnlyAdmin):
    region_path = Where(_all_inside)
    list_display = ("number", "bank_slip_no", "shown_amount", "deposited_by", "deposited_on", "created")
    list_filter = (("created_at", WhenFilter),)
    list_select_related = ("deposited_by",)
    search_fields = ("number", "bank_slip_no", "deposited_by__username")
    search_help_text = _("解款单号、银行回单号或解款人用户名（完整）")
    ordering = ("-id",)
    fields = ("number", "bank_slip_no", "shown_amount", "deposited_by", "deposited_on", "created")
    inlines = (DepositLineInline,)
    shown_amount = amount("amount_cents", _("金额"))
    created = moment("created_at", _("登记时间"))


class PayLinkHistoryInline(ReadOnlyInline):
    model = PayLinkHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


def _withdraw(link_id: Any, *, actor: Actor, reason: str, as_of: Any) -> Any:
    return pay_links.withdraw(link_id=link_id, actor=actor, reason=reason, as_of=as_of).get_state_display()


@admin.register(PayLink)
class PayLinkAdmin(ReadOnlyAdmin):
    """Everything but the token: its digest is not shown either."""

    region_path = "account__region"
    list_display = ("account", "shown_amount", "shown_state", "sent_to", "created_by", "created", "expires")
    list_filter = ("state", ("created_at", WhenFilter))
    list_select_related = ("account",)
    search_fields = ("account__number", "payment__reference")
    search_help_text = _("户号或支付单号（完整）")
    ordering = ("-id",)
    fields = (
        "account", "bill", "shown_amount", "state", "payment", "sent_to", "created_by", "created", "expires",
    )  # fmt: skip
    inlines = (PayLinkHistoryInline,)
    shown_amount = amount("amount_cents", _("金额"))  # none: whatever is owed
    shown_state = badge("state", _("状态"), {str(state): tone for state, tone in LINK_TONES.items()})
    created = moment("created_at", _("发起时间"))
    expires = moment("expires_at", _("失效时间"))
    reasoned = (
        Reasoned(
            name="withdraw",
            title=_("撤回链接"),
            explanation=_("链接立即失效，不能再用它付款；已经在途的付款到账后照常入账。"),
            permission="billing.change_paylink",
            applies=lambda link: link.state == PayLinkState.OPEN,
            carry_out=_withdraw,
            icon="link_off",
        ),
    )
