"""缴费: paying what an account owes."""

from datetime import date
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from accounts.services.accounts import AccountClosed
from billing import quotes
from billing.forms import YuanField
from billing.gateways import registry as gateways
from billing.models import Bill
from billing.selectors import balances, payable
from billing.services.payments import payments
from core import clock
from operations.context import Confirmation, Context
from operations.quotes import Done, Pending, Quote
from operations.registry import Operation, register


class PayForm(forms.Form):
    account = forms.ModelChoiceField(
        label=_("户号"), queryset=BillingAccount.objects.none(), to_field_name="number"
    )
    bill = forms.ModelChoiceField(
        label=_("先缴这张账单"),
        queryset=Bill.objects.none(),
        to_field_name="number",
        required=False,
        help_text=_("不选则从最早的账单缴起"),
    )
    amount = YuanField(label=_("缴费金额（元）"))
    gateway = forms.ChoiceField(label=_("支付方式"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, ctx: Context, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.fields["account"]
        bill = self.fields["bill"]
        gateway = self.fields["gateway"]
        assert isinstance(account, forms.ModelChoiceField)
        assert isinstance(bill, forms.ModelChoiceField)
        assert isinstance(gateway, forms.ChoiceField)
        account.queryset = payable.accounts_of(ctx.served)
        bill.queryset = Bill.objects.for_user(ctx.served).open().order_by("due_on", "id")
        gateway.choices = gateways.offered()

    def clean_amount(self) -> int:
        cents: int = self.cleaned_data["amount"]
        if not 0 < cents <= payments.MAX_CENTS:
            error = payments.AmountOutOfRange()
            raise forms.ValidationError(error.text, code=error.code)
        return cents

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        bill, account = data.get("bill"), data.get("account")
        if bill and account and bill.account_id != account.pk:
            self.add_error(
                "bill", forms.ValidationError(_("这张账单不属于所选户号"), code="BILL_OF_OTHER_ACCOUNT")
            )
        return data


def _refuse_ahead(account: BillingAccount, cents: int, today: date) -> None:
    """A closed account is paid off, and takes nothing ahead; raises AccountClosed."""
    if account.is_closed and cents > balances.of_account(account, today=today).due_cents:
        raise AccountClosed(number=account.number)


@register
class PayBill(Operation):
    """缴费: pay what an account owes, part of it, or more (the rest becomes its credit)."""

    code = "bill.pay"
    takes_money = True
    version = 1
    title = _("缴费")
    summary = _("缴清账单，也可以只缴一部分或多缴一些存入账户")
    icon = "pay"
    order = 10
    form_class = PayForm
    confirmation = Confirmation.CLICK
    page_url_name = "billing:pay"

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated)

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data.get("account")

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.account(data["account"].pk)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        amount, today = data["amount"], clock.local_date(ctx.as_of)
        _refuse_ahead(data["account"], amount, today)
        lines, warnings = quotes.settling(
            account=data["account"], amount_cents=amount, first_bill=data["bill"], today=today
        )
        return Quote(
            price_cents=amount,
            effective_on=today,
            lines=lines,
            warnings=warnings,
            outcome=_("支付成功后立即入账，并发送收据短信"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        payment = payments.start(
            account_id=data["account"].pk,
            bill_id=data["bill"].pk if data["bill"] else None,
            amount_cents=data["amount"],
            gateway=data["gateway"],
            payer_id=ctx.served.pk,
            as_of=ctx.as_of,
            actor=ctx.actor,
        )
        return Pending(
            subject_kind="payment",
            subject_id=payment.reference,
            text=_("请到收银台完成支付"),
            url=reverse("billing:cashier", args=[payment.reference]),
        )
