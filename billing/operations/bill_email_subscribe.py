"""电子账单: bills by e-mail, and no longer."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from billing.selectors import email_subscriptions as reads
from billing.services.mails import email_subscriptions
from core import clock
from notices import email_addresses
from operations.context import Context
from operations.forms import OperationForm
from operations.quotes import Done, Quote, QuoteLine
from operations.registry import Operation, register

CONSENT = _("我同意每期账单出账后以电子邮件寄到这个邮箱。邮件附有账单，我可以随时退订。")


def _account_field() -> forms.ModelChoiceField[BillingAccount]:
    return forms.ModelChoiceField(
        label=_("户号"), queryset=BillingAccount.objects.none(), to_field_name="number"
    )


class SubscribeForm(OperationForm):
    account = _account_field()
    address = forms.CharField(
        label=_("邮箱"),
        max_length=email_addresses.LONGEST,
        widget=forms.TextInput(
            attrs={
                "inputmode": "email",
                "autocomplete": "email",
                "spellcheck": "false",
                "autocapitalize": "none",
            }
        ),
    )
    consent = forms.BooleanField(label=CONSENT, error_messages={"required": _("请先勾选同意")})

    def __init__(self, *args: Any, ctx: Context, **kwargs: Any) -> None:
        super().__init__(*args, ctx=ctx, **kwargs)
        account = self.fields["account"]
        assert isinstance(account, forms.ModelChoiceField)
        account.queryset = reads.accounts_of(ctx.served)

    def clean_address(self) -> str:
        try:
            return email_addresses.clean(self.cleaned_data["address"])
        except email_addresses.BadEmail as error:
            raise forms.ValidationError(error.text, code=error.code) from None


class UnsubscribeForm(OperationForm):
    account = _account_field()

    def __init__(self, *args: Any, ctx: Context, **kwargs: Any) -> None:
        super().__init__(*args, ctx=ctx, **kwargs)
        account = self.fields["account"]
        assert isinstance(account, forms.ModelChoiceField)
        account.queryset = reads.subscribed_accounts_of(ctx.served)


class _OfAccount(Operation):
    """What both have in common."""

    icon = "mail"

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data.get("account")

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.account(data["account"].pk)


@register
class SubscribeToBills(_OfAccount):
    """Nothing is sent before the mailbox's reader has confirmed: see billing.services.mails.email_subscriptions."""

    code = "bill.email_subscribe"
    title = _("电子账单")
    summary = _("出账后把账单寄到您的邮箱")
    order = 60
    form_class = SubscribeForm
    needs_login = True  # to confirm the mailbox

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        active = reads.active_of(data["account"])
        if active and active.address == data["address"]:
            raise email_subscriptions.AlreadySubscribed()
        warnings = [_("请在 48 小时内打开邮件里的链接确认。不确认，不会寄送账单。")]
        if active:
            warnings.append(_("确认以前，账单仍寄到原来的邮箱。"))
        return Quote(
            price_cents=0,
            effective_on=clock.local_date(ctx.as_of),
            lines=(
                QuoteLine(_("户号"), value=data["account"].number),
                QuoteLine(_("邮箱"), value=email_addresses.readable(data["address"])),
            ),
            warnings=tuple(warnings),
            outcome=_("我们先发一封确认邮件。您登录后在链接里确认，以后的账单才会寄到这个邮箱。"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        row = email_subscriptions.request(
            account_id=data["account"].pk,
            user_id=ctx.served.pk or 0,
            address=data["address"],
            language=get_language() or "zh-hans",
            consent=str(CONSENT),
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        return Done(
            text=format_lazy(
                _(
                    "确认邮件已发往 {address}，请在 48 小时内打开邮件中的链接。收不到时请看看垃圾邮件，或明天再申请。"
                ),
                address=email_addresses.mask(row.address),
            ),
            url=reverse("billing:email_subscriptions"),
        )


@register
class UnsubscribeFromBills(_OfAccount):
    code = "bill.email_unsubscribe"
    title = _("退订电子账单")
    summary = _("不再把账单寄到邮箱")
    order = 61
    form_class = UnsubscribeForm

    def available(self, ctx: Context) -> bool:
        return reads.subscribed_accounts_of(ctx.served).exists()

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        found = reads.open_of(data["account"])
        if not found:
            raise email_subscriptions.NotSubscribed()
        return Quote(
            price_cents=0,
            effective_on=clock.local_date(ctx.as_of),
            lines=(
                QuoteLine(_("户号"), value=data["account"].number),
                *(QuoteLine(_("邮箱"), value=email_addresses.mask(row.address)) for row in found),
            ),
            outcome=_("账单不再寄到邮箱，您仍可在网上营业厅查看。"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        email_subscriptions.unsubscribe(account_id=data["account"].pk, actor=ctx.actor, as_of=ctx.as_of)
        return Done(text=_("已退订电子账单"), url=reverse("billing:email_subscriptions"))
