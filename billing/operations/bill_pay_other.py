"""bill.pay_other: paying into somebody else's account by its number.

Who pays is shown the holder's name, masked, to see that he has the right number, and nothing else: neither what is
owed nor whether anything is. How often he may ask is limited (billing.services.payments.lookups).
"""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import names
from accounts.models import BillingAccount
from accounts.services.accounts import BadAccountNumber
from billing.forms import YuanField
from billing.gateways import registry as gateways
from billing.services.payments import lookups, payments
from core import clock
from operations.context import Context
from operations.forms import OperationForm
from operations.quotes import Done, Pending, Quote, QuoteLine
from operations.registry import Operation, register


class PayOtherForm(OperationForm):
    account_number = forms.CharField(
        label=_("对方户号"),
        max_length=40,
        help_text=_("印在对方的账单和收据上"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "text", "spellcheck": "false"}),
    )
    amount = YuanField(label=_("缴费金额（元）"))
    gateway = forms.ChoiceField(label=_("支付方式"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        gateway = self.fields["gateway"]
        assert isinstance(gateway, forms.ChoiceField)
        gateway.choices = gateways.offered()

    def clean_account_number(self) -> lookups.Lookup:
        """What the number leads to. Asked here, outside of what a refusal undoes, so that every question counts."""
        try:
            return lookups.ask(
                typed=self.cleaned_data["account_number"],
                who=self.ctx.actor.ref,
                client_address=self.ctx.address,
                as_of=self.ctx.as_of,
            )
        except BadAccountNumber as error:
            raise forms.ValidationError(error.text, code=error.code) from None

    def clean_amount(self) -> int:
        cents: int = self.cleaned_data["amount"]
        if not 0 < cents <= payments.MAX_CENTS:
            error = payments.AmountOutOfRange()
            raise forms.ValidationError(error.text, code=error.code)
        return cents


@register
class PayOther(Operation):
    """替他人缴费: money into any customer's account; what is above his bills is his credit."""

    code = "bill.pay_other"
    takes_money = True
    title = _("替他人缴费")
    summary = _("输入对方户号，为亲友缴费")
    icon = "people"
    order = 15
    form_class = PayOtherForm
    page_url_name = "billing:pay_other"

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated)

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        found: BillingAccount | None = data["account_number"].account
        return found

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        """The same whatever the account owes."""
        account = data["account_number"].found()
        return Quote(
            price_cents=data["amount"],
            effective_on=clock.local_date(ctx.as_of),
            lines=(
                QuoteLine(_("对方户号"), value=account.number),
                QuoteLine(_("对方户名"), value=names.masked(account.customer.name)),
                QuoteLine(_("缴费金额"), data["amount"]),
            ),
            warnings=(_("请核对户名。付款后款项归对方户号，多出部分存入该户号余额，不会退回给您。"),),
            outcome=_("支付成功后立即入账，您会收到收据号；对方会知道有人代缴，只看到您打码的姓名。"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        payment = payments.start(
            account_id=data["account_number"].found().pk,
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
