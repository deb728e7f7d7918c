"""退还余额: an account's credit goes back to where it came from.

The formula is the quote: what is usable, less what is owed, is what can be had back. Each part goes back the way it
came, the latest money first; nothing else moves, and what is asked for is kept back until it has arrived.
"""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount, User
from billing import rules
from billing.forms import YuanField
from billing.models import Receipt, RefundReason, RefundWay
from billing.selectors import credits as credit_reads
from billing.selectors import payable
from billing.selectors.credits import Credit
from billing.services.refunds import refunds
from billing.texts import channel_name_lazy
from core import clock, money
from core.errors import Conflict
from operations.context import Confirmation, Context
from operations.forms import OperationForm
from operations.quotes import Done, Pending, Quote, QuoteLine
from operations.registry import Operation, register


class AboveRefundable(Conflict):
    code = "ABOVE_REFUNDABLE"
    message = _("现在可退 %(refundable)s，请修改金额")


class RefundBalanceForm(OperationForm):
    account = forms.ModelChoiceField(
        label=_("户号"), queryset=BillingAccount.objects.none(), to_field_name="number", empty_label=None
    )
    amount = YuanField(label=_("退款金额（元）"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.fields["account"]
        assert isinstance(account, forms.ModelChoiceField)
        account.queryset = payable.refunded_to(self.ctx.served)

    def clean_amount(self) -> int:
        cents: int = self.cleaned_data["amount"]
        if cents <= 0:
            raise forms.ValidationError(_("退款金额须大于零"), code="AMOUNT_OUT_OF_RANGE")
        return cents


@register
class RefundBalance(Operation):
    code = "balance.refund"
    title = _("退还余额")
    summary = _("把用不上的余额退回原来的支付账户")
    icon = "refund"
    order = 70
    form_class = RefundBalanceForm
    confirmation = Confirmation.SMS_CODE

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated)

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data.get("account")

    def confirmation_address(self, ctx: Context, data: dict[str, Any]) -> str:
        return getattr(ctx.served, "proven_phone", None) or ""

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.account(data["account"].pk)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        today = clock.local_date(ctx.as_of)
        found = credit_reads.of_account(data["account"], today=today)
        if data["amount"] > found.refundable_cents:
            raise AboveRefundable(refundable=money.display(found.refundable_cents))
        parts = list(_parts(data["account"], data["amount"]))
        lines = (*_formula(found), QuoteLine(_("本次退款"), data["amount"]))
        lines += tuple(QuoteLine(_way(receipt, ctx), cents) for receipt, cents in parts)
        return Quote(
            price_cents=0,
            effective_on=today,
            lines=lines,
            warnings=(_("退款期间这笔钱为您保留，不会用来缴费；最迟 15 天到账。"),),
            outcome=_("受理后可以在“我的退款”看到每一步，退款完成会短信告知。"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        customer = ctx.served if isinstance(ctx.served, User) else None
        numbers = [
            refunds.request(
                receipt_id=receipt.pk,
                amount_cents=cents,
                reason=str(_("客户申请退还余额")),
                reason_code=RefundReason.BALANCE,
                user=customer,
                actor=ctx.actor,
                as_of=ctx.as_of,
            ).number
            for receipt, cents in _parts(data["account"], data["amount"])
        ]
        return Done(text=_("退款申请已受理"), url=reverse("billing:refunds"), data={"refunds": numbers})


def _parts(account: BillingAccount, cents: int) -> Iterator[tuple[Receipt, int]]:
    """Which receipts go back, and how much of each."""
    found = {receipt.pk: receipt for receipt in credit_reads.refundable(account)}
    free = [rules.Share(key, receipt.free_cents) for key, receipt in found.items()]
    for share in rules.take_from(cents, free):
        yield found[share.bill_id], share.cents


def _formula(found: Credit) -> Iterator[QuoteLine]:
    yield QuoteLine(_("可用余额"), found.usable_cents)
    yield QuoteLine(_("减：未缴账单"), -found.overview.owed_cents)
    yield QuoteLine(_("减：未出账的违约金"), -found.overview.penalty_cents)
    yield QuoteLine(_("可退金额"), found.refundable_cents)
    if found.reserved_cents:
        yield QuoteLine(_("另有退款中（不在可用余额内）"), found.reserved_cents)
    if found.held_cents:
        yield QuoteLine(_("另有待核查款项（核查后才能退）"), found.held_cents)


def _way(receipt: Receipt, ctx: Context) -> Any:
    by_hand = refunds.way_of(receipt, ctx.as_of) == RefundWay.BY_HAND
    text = (
        _("收据 {number}（{channel}）：联系您后人工退款")
        if by_hand
        else _("收据 {number}：原路退回{channel}")
    )
    return format_lazy(text, number=receipt.number, channel=channel_name_lazy(receipt.gateway))
