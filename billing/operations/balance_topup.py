"""预存: money ahead of the bills."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from billing import quotes
from billing.forms import YuanField
from billing.gateways import registry as gateways
from billing.models import PaymentPurpose
from billing.selectors import payable
from billing.services.money import credits
from billing.services.payments import payments
from core import clock
from operations.context import Context
from operations.forms import OperationForm
from operations.quotes import Done, Pending, Quote, QuoteLine
from operations.registry import Operation, register


class TopUpForm(OperationForm):
    account = forms.ModelChoiceField(
        label=_("户号"), queryset=BillingAccount.objects.none(), to_field_name="number", empty_label=None
    )
    amount = YuanField(label=_("预存金额（元）"))
    gateway = forms.ChoiceField(label=_("支付方式"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account, gateway = self.fields["account"], self.fields["gateway"]
        assert isinstance(account, forms.ModelChoiceField)
        assert isinstance(gateway, forms.ChoiceField)
        account.queryset = payable.topped_up_by(self.ctx.served)
        gateway.choices = gateways.offered()
        gateway.initial = next((code for code, _name in gateways.offered()), "")

    def clean_amount(self) -> int:
        cents: int = self.cleaned_data["amount"]
        if not 0 < cents <= payments.MAX_CENTS:
            error = payments.AmountOutOfRange()
            raise forms.ValidationError(error.text, code=error.code)
        return cents


@register
class TopUp(Operation):
    """All of it is credit; whether that pays bills by itself is the account's own choice (balance.auto_use)."""

    code = "balance.topup"
    takes_money = True
    title = _("预存话费")
    summary = _("先存后用，新账单自动抵扣")
    icon = "wallet"
    order = 12
    form_class = TopUpForm

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated)

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data.get("account")

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.account(data["account"].pk)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        account, amount, today = data["account"], data["amount"], clock.local_date(ctx.as_of)
        lines: tuple[QuoteLine, ...] = (QuoteLine(_("存入账户余额"), amount),)
        outcome = _(
            "到账后存入余额，不自动抵扣账单。要用余额缴费，请打开“余额自动抵扣”；不用了可以申请“退还余额”。"
        )
        if credits.is_automatic(account.pk):
            lines, _warnings = quotes.settling(
                account=account, amount_cents=amount, first_bill=None, today=today
            )
            outcome = _("到账后先抵扣未缴的账单，其余存入余额，以后的新账单出账时自动抵扣。")
        return Quote(price_cents=amount, effective_on=today, lines=lines, outcome=outcome)

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        payment = payments.start(
            account_id=data["account"].pk,
            amount_cents=data["amount"],
            gateway=data["gateway"],
            payer_id=ctx.served.pk,
            purpose=PaymentPurpose.TOPUP,
            as_of=ctx.as_of,
            actor=ctx.actor,
        )
        return Pending(
            subject_kind="payment",
            subject_id=payment.reference,
            text=_("请到收银台完成支付"),
            url=reverse("billing:cashier", args=[payment.reference]),
        )
