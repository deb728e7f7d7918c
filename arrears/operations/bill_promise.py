"""延期缴费: the customer says until when he pays; until then nothing gets worse."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from arrears.services import promises
from billing.documents import words
from billing.selectors import payable
from core import clock
from operations.context import Confirmation, Context
from operations.models import Slip
from operations.quotes import Done, Quote, QuoteLine
from operations.registry import Operation, register

_day = lazy(words.day, str)


class PromiseForm(forms.Form):
    account = forms.ModelChoiceField(
        label=_("户号"), queryset=BillingAccount.objects.none(), to_field_name="number"
    )

    def __init__(self, *args: Any, ctx: Context, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.fields["account"]
        assert isinstance(account, forms.ModelChoiceField)
        account.queryset = payable.accounts_of(ctx.served).order_by("number")


@register
class PromiseToPay(Operation):
    """As many days and as often a month as the policy of the account says."""

    code = "bill.promise"
    version = 1
    title = _("延期缴费")
    summary = _("暂时不方便缴费？申请延期，期间不会停机")
    icon = "cycle"
    order = 45
    form_class = PromiseForm
    confirmation = Confirmation.CLICK

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated)

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return data.get("account")

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.account(data["account"].pk)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        subject, until = promises.terms(data["account"].pk, as_of=ctx.as_of)
        return Quote(
            price_cents=0,
            effective_on=clock.local_date(ctx.as_of),
            lines=(
                QuoteLine(_("户号"), value=data["account"].number),
                QuoteLine(_("目前欠费"), subject.facts.owed_cents),
                QuoteLine(_("延期至"), value=_day(until)),
            ),
            warnings=(_("延期不免除违约金；到期仍未缴清，将按原来的流程继续处理。"),),
            outcome=format_lazy(_("{date} 当天及以前不会因这些欠费停机"), date=_day(until)),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        promise = promises.make(
            account_id=data["account"].pk,
            slip=Slip.objects.only("pk").get(number=ctx.slip_number),
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        return Done(
            text=format_lazy(_("已延期至 {date}"), date=_day(promise.until)), url=reverse("billing:bills")
        )
