"""停机或拆机申诉: the customer says that his line was stopped or cut wrongly, also when it is gone."""

from datetime import timedelta
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from arrears.models import Escalation, EscalationSource
from arrears.selectors import escalations as reads
from arrears.services import escalations
from billing.documents import words
from catalog.models import Subscription
from core import clock
from operations.context import Confirmation, Context
from operations.models import Slip
from operations.quotes import Pending, Quote, QuoteLine
from operations.registry import Operation, register

_day = lazy(words.day, str)
LONGEST_TEXT = 1000


def _name(line: Subscription) -> str:
    return gettext("%(line)s · 户号 %(account)s") % {
        "line": line.service_number or line.number,
        "account": line.account.number,
    }


class _LineField(forms.ModelChoiceField[Subscription]):
    def label_from_instance(self, obj: Subscription) -> str:
        return _name(obj)


class EscalationForm(forms.Form):
    subscription = _LineField(
        label=_("停机或拆机的服务"), queryset=Subscription.objects.none(), to_field_name="number"
    )
    text = forms.CharField(
        label=_("说明"),
        min_length=2,
        max_length=LONGEST_TEXT,
        help_text=_("写清楚为什么不应该停机或拆机，例如何时已经缴费、没有收到通知"),
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def __init__(self, *args: Any, ctx: Context, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        line = self.fields["subscription"]
        assert isinstance(line, forms.ModelChoiceField)
        line.queryset = reads.disputable(ctx.served)


@register
class DisputeDisconnection(Operation):
    """One open at a time for each line; answered within fifteen days by somebody who did not decide it."""

    code = "service.dispute_disconnection"
    version = 1
    title = _("停机拆机申诉")
    summary = _("觉得不应该停机或拆机，告诉我们，我们调查后答复您")
    icon = "dispute"
    order = 46
    form_class = EscalationForm
    confirmation = Confirmation.CLICK

    def available(self, ctx: Context) -> bool:
        return ctx.once(
            "disputable_lines", lambda: ctx.served.pk is not None and reads.disputable(ctx.served).exists()
        )

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        line = data.get("subscription")
        return reads.disputing(ctx.served, line) if line else None

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        account_locks.account(reads.disputing(ctx.served, data["subscription"]).pk)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        line = data["subscription"]
        mine = Escalation.objects.filter(account=reads.disputing(ctx.served, line), subscription=line)
        if earlier := reads.unanswered(mine).first():
            raise escalations.AlreadyEscalated(number=earlier.number)
        today = clock.local_date(ctx.as_of)
        return Quote(
            price_cents=0,
            effective_on=today,
            lines=(
                QuoteLine(_("服务"), value=_name(line)),
                QuoteLine(_("说明"), value=data["text"]),
            ),
            warnings=(_("申诉期间欠费仍可照常缴纳；缴清后停机的服务自动恢复。"),),
            outcome=format_lazy(
                _("我们会调查，最晚在 {date} 答复您，并通知您留下的每一个联系方式"),
                date=_day(today + timedelta(escalations.DAYS)),
            ),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Pending:
        row = escalations.begin(
            account_id=reads.disputing(ctx.served, data["subscription"]).pk,
            subscription_id=data["subscription"].pk,
            source=EscalationSource.CUSTOMER,
            text=data["text"],
            slip=Slip.objects.only("pk").get(number=ctx.slip_number),
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        return Pending(
            subject_kind=escalations.SUBJECT,
            subject_id=row.number,
            text=format_lazy(_("已受理，最晚在 {date} 答复您"), date=_day(row.due_on)),
            url=reverse("arrears:escalations"),
        )
