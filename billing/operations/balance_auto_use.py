"""余额自动抵扣: whether an account's credit pays its bills by itself."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from billing import quotes
from billing.selectors import credits as credit_reads
from billing.selectors import payable
from billing.services.money import credits
from core import clock
from core.errors import Conflict
from operations.context import Context
from operations.forms import OperationForm
from operations.quotes import Done, Pending, Quote, QuoteLine
from operations.registry import Operation, register

ON, OFF = "on", "off"


class NothingToChange(Conflict):
    code = "NOTHING_TO_CHANGE"
    message = _("已经是这个设置，不用再改")


class AutoUseForm(OperationForm):
    account = forms.ModelChoiceField(
        label=_("户号"), queryset=BillingAccount.objects.none(), to_field_name="number", empty_label=None
    )
    automatic = forms.ChoiceField(
        label=_("余额抵扣账单"),
        choices=((ON, _("自动抵扣")), (OFF, _("不自动抵扣，由我决定"))),
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.fields["account"]
        assert isinstance(account, forms.ModelChoiceField)
        account.queryset = payable.owned_by(self.ctx.served)


@register
class AutoUse(Operation):
    code = "balance.auto_use"
    title = _("余额自动抵扣")
    summary = _("新账单出账时，要不要自动用余额缴")
    icon = "cycle"
    order = 60
    form_class = AutoUseForm

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated)

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data.get("account")

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.account(data["account"].pk)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        today = clock.local_date(ctx.as_of)
        found = credit_reads.of_account(data["account"], today=today)
        wanted = data["automatic"] == ON
        if found.is_automatic == wanted:
            raise NothingToChange()
        lines: tuple[QuoteLine, ...] = (QuoteLine(_("现在可用的余额"), found.usable_cents),)
        if wanted and found.usable_cents and found.overview.due_cents:
            paid, _warnings = quotes.settling(
                account=data["account"], amount_cents=found.usable_cents, first_bill=None, today=today
            )
            lines += paid
        outcome = _("以后由您决定何时用余额缴费；出账后请记得缴费，逾期会产生违约金。")
        if wanted:
            outcome = _("现在未缴的账单马上用余额抵扣，以后的新账单出账时自动抵扣。")
        return Quote(price_cents=0, effective_on=today, lines=lines, outcome=outcome)

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        used = credits.set_automatic(
            account_id=data["account"].pk, is_automatic=data["automatic"] == ON, as_of=ctx.as_of
        )
        return Done(text=_("设置已生效"), url=reverse("billing:balance"), data={"used_cents": used})
