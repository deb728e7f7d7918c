"""恢复号码: who lost his line for arrears has his number back, on an offer of today, while it is kept for him.

The order itself is the catalog's: the same price, the same refusals, the same slip as any other.
"""

from dataclasses import replace
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arrears.selectors import restorable
from arrears.services import reinstalls
from billing.documents import words
from catalog.holdings.services import service_numbers
from catalog.models import Offer, Subscription
from catalog.orders.operations.base import OnPackages
from catalog.orders.selectors.quoting import Wish
from catalog.orders.selectors.takes import LockedNumber, takes_number
from core import clock, joined
from core.errors import Conflict
from core.money import display
from operations.context import Context
from operations.forms import OperationForm
from operations.quotes import Quote, QuoteLine
from operations.registry import register

CODE = "number.restore"
_day = lazy(words.day, str)


class ArrearsUnpaid(Conflict):
    code = "NUMBER_RESTORE_ARREARS"
    message = _("户号 %(accounts)s 还有逾期欠费 %(amount)s，缴清后就能恢复号码 %(digits)s。缴费：%(url)s")


class ArrearsDisputed(Conflict):
    code = "NUMBER_RESTORE_DISPUTED"
    message = _(
        "户号 %(accounts)s 有 %(amount)s 的逾期账单正在异议核查，请等待答复，或先缴清，之后就能恢复号码 %(digits)s。"
        "缴费：%(url)s"
    )


class NotForNumber(Conflict):
    code = "NUMBER_RESTORE_OFFER"
    message = _("“%(offer)s”不能使用这个号码，请另选一个套餐")


class _LineField(forms.ModelChoiceField[Subscription]):
    def label_from_instance(self, obj: Subscription) -> str:
        return gettext("%(number)s · 户号 %(account)s") % {
            "number": obj.service_number,
            "account": obj.account.number,
        }


class RestoreForm(OperationForm):
    subscription = _LineField(
        label=_("要恢复的号码"),
        queryset=Subscription.objects.none(),
        to_field_name="number",
        empty_label=None,
    )
    offer = forms.ModelChoiceField(
        label=_("新套餐"), queryset=Offer.objects.none(), to_field_name="code", empty_label=None
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        line, offer = self.fields["subscription"], self.fields["offer"]
        assert isinstance(line, forms.ModelChoiceField)
        assert isinstance(offer, forms.ModelChoiceField)
        # What is over by now is refused by its reason, and a stranger's number as no choice of his.
        line.queryset = restorable.lines_of(self.ctx.served)
        offer.queryset = Offer.objects.disclosed(self.ctx.as_of)
        offer.widget.choices = self._on_sale

    def _on_sale(self) -> list[tuple[str, str]]:
        rows = Offer.objects.on_sale(self.ctx.as_of).order_by("type__position", "name")
        kinds = {line.offer.type_id for line in restorable.lines_of(self.ctx.served)}
        return [(row.code, str(row)) for row in rows if takes_number(row) or row.type_id in kinds]


def fits(offer: Offer, line: Subscription) -> bool:
    """Whether the number can go with that offer: a number card, or the kind of line that it was."""
    return takes_number(offer) or offer.type_id == line.offer.type_id


@register
class NumberRestore(OnPackages):
    code = CODE
    version = 1
    title = _("恢复号码")
    summary = _("欠费拆机后，在号码保留期内缴清欠费、选好套餐，就能用回原来的号码")
    icon = "phone"
    order = 95
    form_class = RestoreForm
    page_url_name = "arrears:restore"

    def available(self, ctx: Context) -> bool:
        return bool(ctx.served.is_authenticated) and ctx.once(
            "restorable_numbers", lambda: restorable.lines_of(ctx.served).exists()
        )

    def wish(self, data: dict[str, Any]) -> Wish:
        line: Subscription = data["subscription"]
        number = LockedNumber(line.service_number, service_numbers.owner(line))
        return Wish(line.account, add=(data["offer"].code,), address=line.address, number=number)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        line, offer = data["subscription"], data["offer"]
        kept = restorable.kept(line, as_of=ctx.as_of)
        reinstalls.refuse_barred(line.account, on=clock.local_date(ctx.as_of))
        if kept.owed_cents:
            raise _unpaid(kept)
        if not kept.is_clear:
            raise _disputed(kept)
        if not fits(offer, line):
            raise NotForNumber(offer=str(offer))
        found = super().quote(ctx, data)
        return replace(
            found,
            lines=(
                QuoteLine(_("恢复的号码"), value=line.service_number),
                QuoteLine(_("号码保留至"), value=_day(kept.until)),
                QuoteLine(_("逾期欠费"), value=_("已缴清")),
                *found.lines,
            ),
            outcome=format_lazy(_("{outcome}。号码从保留中恢复给您使用"), outcome=found.outcome),
        )


def _disputed(kept: restorable.Kept) -> ArrearsDisputed:
    return ArrearsDisputed(
        accounts=joined.words(kept.disputing),
        amount=display(kept.disputed_cents),
        digits=kept.line.service_number,
        url=_pay_url(kept.disputing[0]),
    )


def _unpaid(kept: restorable.Kept) -> ArrearsUnpaid:
    return ArrearsUnpaid(
        accounts=joined.words(kept.owing),
        amount=display(kept.owed_cents),
        digits=kept.line.service_number,
        url=_pay_url(kept.owing[0]),
    )


def _pay_url(account: str) -> str:
    return f"{reverse('billing:pay')}?account={account}"
