"""account.bind: a user comes to see and pay the bills of a billing account.

The proof is a code to the phone that the operator knows for the account. Until the code is right nothing tells whether
the account exists: form, quote, the sending of the code and its limits are the same for every number, and a wrong
number and a wrong code are refused with the same words.

Whoever reads that phone's messages on his own proven phone becomes OWNER; anybody else was told the code by its owner
and becomes PAYER (see accounts.rules.role_of_binder).
"""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import phones, rules
from accounts.models import BillingAccount, User
from accounts.selectors import accounts
from accounts.services import codes, members
from accounts.services.accounts import BadAccountNumber, clean_number
from core.clock import local_date
from notices.models import Channel
from notices.services import messages
from operations.context import Confirmation, Context
from operations.forms import OperationForm
from operations.quotes import Done, Quote, QuoteLine
from operations.registry import Operation, register


class BindForm(OperationForm):
    account_number = forms.CharField(
        label=_("户号"),
        max_length=40,
        help_text=_("印在账单和收据上"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "text", "spellcheck": "false"}),
    )

    def clean_account_number(self) -> str:
        try:
            return clean_number(self.cleaned_data["account_number"])
        except BadAccountNumber as error:
            raise forms.ValidationError(error.text, code=error.code) from None


@register
class AccountBind(Operation):
    code = "account.bind"
    title = _("绑定户号")
    summary = _("绑定以后可以查账单、交费")
    icon = "account"
    order = 20
    form_class = BindForm
    confirmation = Confirmation.SMS_CODE
    address_is_secret = True
    needs_login = True

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        """The same for every number. Only who is a member already is told so: he knows the account."""
        bound = accounts.membership_of(ctx.served, data["account_number"])
        if bound and bound.role == bound.Role.OWNER:
            raise members.AlreadyBound()
        return Quote(
            price_cents=0,
            effective_on=local_date(ctx.as_of),
            lines=(QuoteLine(label=_("户号"), value=data["account_number"]),),
            warnings=(
                _("验证码将发送到该户号登记的联系电话。收不到时，请核对户号，或到营业厅更新联系电话。"),
            ),
            outcome=_("验证通过后，您就能查看和缴纳这个户号的账单。我们会短信告知该户号的联系电话。"),
        )

    def confirmation_address(self, ctx: Context, data: dict[str, Any]) -> str:
        return accounts.primary_phone_of_number(data["account_number"])

    def confirmation_target(self, ctx: Context, data: dict[str, Any]) -> str:
        return f"account:{data['account_number']}"

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        """The code was right, so the account exists, unless it lost its contact phone since."""
        account = accounts.by_number(data["account_number"])
        if account is None or not isinstance(ctx.served, User):
            raise codes.WrongCode()
        contact_phone = accounts.primary_phone(account)
        if not contact_phone:
            raise codes.WrongCode()
        membership = members.bind(
            user_id=ctx.served.pk,
            account_id=account.pk,
            role=rules.role_of_binder(proven_phone=ctx.served.proven_phone, contact_phone=contact_phone),
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        _tell(account, contact_phone, ctx.served, ctx, membership_id=membership.pk)
        return Done(
            text=_("户号已绑定"), url=reverse("billing:bills"), data={"account_number": account.number}
        )


def _tell(
    account: BillingAccount, contact_phone: str, user: User, ctx: Context, *, membership_id: int
) -> None:
    messages.send(
        code="account_bound",
        recipient_ref=f"account:{account.number}",
        addresses=[messages.Address(Channel.SMS, contact_phone)],
        context={"account_tail": account.number[-4:], "phone": phones.mask(user.proven_phone or "") or "-"},
        dedupe_key=f"account_bound:{membership_id}:{ctx.as_of.isoformat()}",
        as_of=ctx.as_of,
    )
