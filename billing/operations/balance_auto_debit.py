"""银行代扣: the customer's bank pays the account's monthly bills, until he says no.

Signing needs the bank's own page, where it makes sure of him; ending needs one click here and nobody's leave.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from billing.forms import YuanField
from billing.gateways import registry
from billing.selectors import balances, payable
from billing.selectors import debits as reads
from billing.services.debits import debit_agreements
from billing.services.payments import payments
from core import clock
from operations.context import ByClerk, Context
from operations.forms import OperationForm
from operations.quotes import Done, Pending, Quote, QuoteLine
from operations.registry import Operation, register

CONSENT = _("我授权银行按每期账单的应缴金额代扣，每笔不超过我填写的上限。我可以随时终止。")


def _account_field() -> forms.ModelChoiceField[BillingAccount]:
    return forms.ModelChoiceField(
        label=_("户号"), queryset=BillingAccount.objects.none(), to_field_name="number", empty_label=None
    )


class SignForm(OperationForm):
    account = _account_field()
    maximum = YuanField(label=_("每笔最多扣款（元）"), initial="500")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.fields["account"]
        assert isinstance(account, forms.ModelChoiceField)
        account.queryset = payable.owned_by(self.ctx.served)

    def clean_maximum(self) -> int:
        cents: int = self.cleaned_data["maximum"]
        if not 0 < cents <= payments.MAX_CENTS:
            error = payments.AmountOutOfRange()
            raise forms.ValidationError(error.text, code=error.code)
        return cents


class EndForm(OperationForm):
    account = _account_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.fields["account"]
        assert isinstance(account, forms.ModelChoiceField)
        account.queryset = reads.accounts_with_agreement(self.ctx.served)


class _OfAccount(Operation):
    """What both have in common."""

    icon = "bank"

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data.get("account")

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.account(data["account"].pk)


@register
class SignAutoDebit(_OfAccount):
    """DONE once the bank says that it is signed."""

    code = "balance.auto_debit"
    title = _("银行代扣")
    summary = _("账单到期日由银行自动扣款")
    order = 62
    form_class = SignForm
    by_clerk = ByClerk.NEVER  # the bank's own page makes sure of him

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated) and registry.offers_debit()

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        today = clock.local_date(ctx.as_of)
        found = reads.open_of(data["account"])
        if found and found.agreement_no:
            raise debit_agreements.AlreadySigned()
        lines = (
            QuoteLine(_("户号"), value=data["account"].number),
            QuoteLine(_("每笔最多扣款"), data["maximum"]),
        )
        warnings = [CONSENT]
        if balances.of_account(data["account"], today=today).owed_cents:
            warnings.append(_("现在未缴的账单也会代扣，先短信通知；等不及的话请先缴清，逾期会产生违约金。"))
        return Quote(
            price_cents=0,
            effective_on=today,
            lines=lines,
            warnings=tuple(warnings),
            outcome=format_lazy(
                _(
                    "接下来到银行页面签约。以后每笔扣款前至少 {days} 天短信通知您，到期日扣款；没扣成的最多再试 2 次。"
                    "超过上限的账单不代扣，有异议的账单在答复前不代扣。"
                ),
                days=settings.DEBIT_NOTICE_DAYS,
            ),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        row = debit_agreements.request(
            account_id=data["account"].pk,
            user_id=ctx.served.pk or 0,
            max_cents=data["maximum"],
            language=get_language() or "zh-hans",
            consent=str(CONSENT),
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        return Pending(
            subject_kind=debit_agreements.SUBJECT,
            subject_id=row.reference,
            text=_("请到银行页面签约，1 小时内有效"),
            url=reverse("billing:debit_sign", args=[row.reference]),
        )


@register
class EndAutoDebit(_OfAccount):
    code = "balance.auto_debit_end"
    title = _("终止银行代扣")
    summary = _("不再由银行自动扣款")
    order = 63
    form_class = EndForm

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated) and reads.accounts_with_agreement(ctx.served).exists()

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        found = reads.open_of(data["account"])
        if found is None:
            raise debit_agreements.NotSigned()
        return Quote(
            price_cents=0,
            effective_on=clock.local_date(ctx.as_of),
            lines=(
                QuoteLine(_("户号"), value=data["account"].number),
                QuoteLine(_("每笔最多扣款"), found.max_cents),
            ),
            outcome=_("马上生效，不再发起新的扣款；以后的账单请您自行缴费。"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        debit_agreements.end(account_id=data["account"].pk, actor=ctx.actor, as_of=ctx.as_of)
        return Done(text=_("银行代扣已终止"), url=reverse("billing:balance"))
