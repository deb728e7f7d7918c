"""选号: a number is kept for a customer while he makes up his mind."""

from typing import Any

from django import forms
from django.conf import settings
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core import clock
from core.actor import Actor
from operations.context import Context
from operations.forms import OperationForm
from operations.quotes import Done, Pending, Quote, QuoteLine
from operations.registry import Operation, register
from resources.selectors import numbers as reads
from resources.services import numbers

HOLD = "number.hold"


class HoldForm(OperationForm):
    digits = forms.RegexField(
        r"^[0-9]{3,15}$", label=_("号码"), error_messages={"invalid": _("请填写要选的号码，只填数字")}
    )


def holder(user: Any) -> str:
    """Under which name a customer holds numbers."""
    return f"user:{user.pk}"


@register
class Hold(Operation):
    code = HOLD
    title = _("选号")
    summary = _("挑一个喜欢的号码，先为您保留")
    icon = "phone"
    order = 70
    form_class = HoldForm
    needs_login = True
    page_url_name = "resources:numbers"

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        number = reads.get(data["digits"])
        minutes = settings.NUMBER_HOLD_MINUTES
        return Quote(
            price_cents=0,
            effective_on=clock.local_date(ctx.as_of),
            lines=(
                QuoteLine(_("号码"), value=number.digits),
                QuoteLine(_("号码等级"), value=number.number_class.name),
                QuoteLine(_("办理时的选号费"), amount_cents=number.number_class.price_cents),
            ),
            outcome=format_lazy(
                _("为您保留 {minutes} 分钟，到时没有办理就放开；保留不收费。"), minutes=minutes
            ),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        held = numbers.hold(
            digits=data["digits"],
            holder=holder(ctx.served),
            actor=Actor.user(ctx.user),
            as_of=ctx.as_of,
            channel=ctx.channel,
        )
        until = (held.period.ends_at or ctx.as_of).astimezone(clock.SHANGHAI)
        return Done(
            text=format_lazy(
                _("已为您预占 {digits}，请在 {until} 前办理"), digits=data["digits"], until=f"{until:%H:%M}"
            ),
            url=reverse("resources:numbers"),
            data={"digits": data["digits"], "until": until.isoformat()},
        )
