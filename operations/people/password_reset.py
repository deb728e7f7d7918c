"""password.reset: a new password for whoever has read a code on his phone and can name an account of his.

Its pages are operations.people.entrance: nobody is logged in there. No channel offers it by itself, because only a
context that carries the proof may use it.
"""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import phones
from accounts.models import BillingAccount, User
from accounts.selectors import accounts
from accounts.services import passwords
from accounts.services.accounts import BadAccountNumber, clean_number
from accounts.services.passwords import Proof
from core.clock import local_date
from operations.context import ByClerk, Context
from operations.forms import OperationForm
from operations.quotes import Done, Quote, QuoteLine
from operations.registry import Operation, register

CODE = "password.reset"


@dataclass(frozen=True, slots=True)
class ProvenContext(Context):
    """The user is known by the code that he read, and by nothing else."""

    proof: Proof | None = None


class NewPasswordForm(OperationForm):
    """A phone changes hands: who has accounts names one of them besides the code. Who has none has nothing to name."""

    account_number = forms.CharField(
        label=_("您的一个户号"),
        max_length=40,
        help_text=_("印在账单和收据上，用来核对是您本人"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("新密码"),
        strip=False,
        help_text=_("至少 12 位，不要全是数字，也不要用常见的密码"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("再输一次"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, ctx: Context, **kwargs: Any) -> None:
        super().__init__(*args, ctx=ctx, **kwargs)
        if not BillingAccount.objects.for_user(ctx.user).exists():
            del self.fields["account_number"]

    def clean_account_number(self) -> str:
        try:
            number = clean_number(self.cleaned_data["account_number"])
        except BadAccountNumber as error:
            raise forms.ValidationError(error.text, code=error.code) from None
        if accounts.membership_of(self.ctx.user, number) is None:
            raise forms.ValidationError(_("这不是您名下的户号，请核对账单或收据"), code="NOT_YOUR_ACCOUNT")
        return number

    def clean_password(self) -> str:
        typed: str = self.cleaned_data["password"]
        password_validation.validate_password(typed, _user(self.ctx))
        return typed

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "password" in data and data["password"] != data.get("again"):
            self.add_error("again", forms.ValidationError(_("两次输入的密码不一样"), code="PASSWORDS_DIFFER"))
        return data


@register
class ResetPassword(Operation):
    code = CODE
    title = _("重设密码")
    icon = "lock"
    form_class = NewPasswordForm
    secret_fields = ("password", "again")
    by_clerk = ByClerk.NEVER
    needs_login = True

    def available(self, ctx: Context) -> bool:
        return isinstance(ctx, ProvenContext) and ctx.proof is not None and isinstance(ctx.user, User)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        proof = _proof(ctx)
        proof.check(as_of=ctx.as_of)
        return Quote(
            price_cents=0,
            effective_on=local_date(ctx.as_of),
            lines=(QuoteLine(_("手机号"), value=phones.mask(proof.address)),),
            outcome=_("所有设备退出登录，令牌失效，并短信告知您。"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        proof = _proof(ctx)
        passwords.set_new(proof=proof, password=data["password"], as_of=ctx.as_of)
        return Done(
            text=_("密码已重设，请用新密码登录"),
            url=reverse("account_login"),
            data={"code_id": proof.code_id, "address": phones.mask(proof.address)},
        )


def _user(ctx: Context) -> User | None:
    return ctx.user if isinstance(ctx.user, User) else None


def _proof(ctx: Context) -> Proof:
    assert isinstance(ctx, ProvenContext)
    assert ctx.proof is not None
    return ctx.proof
