"""停机保号 and 复机: a customer switches a service off for a time, keeps its number, has it back when he likes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import addresses
from accounts.models import BillingAccount
from accounts.selectors import accounts
from accounts.services import contacts
from billing.documents import words
from catalog.holdings import locks
from catalog.holdings.models import Subscription
from catalog.offers import words as offer_words
from catalog.orders.operations.base import HeldField
from catalog.orders.selectors.plans import Month
from catalog.pauses.selectors import pauses as reads
from catalog.pauses.selectors import quoting
from catalog.pauses.services import pauses
from core import clock
from core.errors import HallError
from core.money import display
from operations.context import Confirmation, Context
from operations.forms import OperationForm
from operations.models import Slip
from operations.quotes import Done, Quote, QuoteLine
from operations.registry import Operation, register

_day = lazy(words.day, str)


@dataclass(frozen=True, slots=True)
class PauseQuote(Quote):
    """A quote that carries the months' bills before and after, for the page that shows them line by line."""

    months: tuple[Month, ...] = ()


class _Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class OfServiceForm(OperationForm):
    subscription = HeldField(
        label=gettext_lazy("业务"),
        queryset=Subscription.objects.none(),
        to_field_name="number",
        empty_label=None,
    )

    def offer(self, rows: Any) -> None:
        field = self.fields["subscription"]
        assert isinstance(field, HeldField)
        field.queryset = rows.order_by("account__number", "number")


class PauseForm(OfServiceForm):
    resume_on = forms.DateField(
        label=gettext_lazy("复机日"),
        help_text=gettext_lazy("这一天自动复机、恢复计费；在这之前您可以随时自己复机"),
        widget=_Day(),
        input_formats=["%Y-%m-%d"],
    )
    contact = forms.CharField(
        label=gettext_lazy("另一个手机或邮箱"),
        help_text=gettext_lazy("停机后我们要能找到您。户号验证过的联系方式不到两个时必填，验证码发到这里"),
        max_length=254,
        required=False,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(reads.may_be_paused(self.ctx.served))

    def clean_contact(self) -> str:
        """The phone in E.164, the mailbox in lower case; "" for none."""
        typed: str = self.cleaned_data["contact"].strip()
        if not typed:
            return ""
        try:
            return addresses.clean(addresses.kind_of(typed), typed)
        except HallError as error:
            raise forms.ValidationError(error.text, code=error.code) from None


class ResumeForm(OfServiceForm):
    """Offers what is paused; what is not is refused by name, however it was asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(reads.may_be_paused(self.ctx.served))
        field = self.fields["subscription"]
        assert isinstance(field, HeldField)
        paused = reads.paused_of(self.ctx.served).order_by("account__number", "number")
        field.widget.choices = [(row.number, field.label_from_instance(row)) for row in paused]


class OnService(Operation):
    """What both have in common: one service, under the lock of its account."""

    icon = "phone"

    def available(self, ctx: Context) -> bool:
        """Whoever is logged in may look; which service he may pause is the form's choice."""
        return bool(ctx.served.is_authenticated)

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        account: BillingAccount = data["subscription"].account
        return account

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        """The account, then the service; what was read before is read anew."""
        data["subscription"] = locks.subscription(data["subscription"].number)


@register
class PauseService(OnService):
    code = "service.pause"
    title = gettext_lazy("停机保号")
    summary = gettext_lazy("暂时不用？停机期间保留号码，费用更低，随时复机")
    order = 94
    form_class = PauseForm
    confirmation = Confirmation.SMS_CODE
    secret_fields = ("contact",)
    page_url_name = "catalog:pause"

    def confirmation_address(self, ctx: Context, data: dict[str, Any]) -> str:
        """To the new contact, which is proven by it; else to the customer's own phone."""
        if data["contact"]:
            return str(data["contact"])
        own = getattr(ctx.served, "proven_phone", None)
        return own or accounts.primary_phone(data["subscription"].account)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        row: Subscription = data["subscription"]
        if contact := data["contact"]:
            contacts.check_new(row.account, kind=addresses.kind_of(contact), value=contact)
        plan = quoting.plan(
            row, resume_on=data["resume_on"], contact=contact, today=clock.local_date(ctx.as_of)
        )
        return PauseQuote(
            price_cents=0,
            effective_on=plan.begins_on,
            lines=(*_lines(plan, contact), *_bills(plan.months)),
            warnings=tuple(_warnings(plan)),
            outcome=_("确认后马上停机，复机日自动复机，到期前短信提醒；费用记入每月账单，现在不用付款"),
            months=plan.months,
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        row: Subscription = data["subscription"]
        if contact := data["contact"]:
            contacts.prove(
                account_id=row.account_id,
                kind=addresses.kind_of(contact),
                value=contact,
                as_of=ctx.as_of,
                ref=ctx.slip_number,
            )
        plan = quoting.plan(row, resume_on=data["resume_on"], today=clock.local_date(ctx.as_of))
        pause = pauses.begin(
            number=row.number,
            policy=plan.policy,
            slip=Slip.objects.only("pk").get(number=ctx.slip_number),
            resume_on=plan.resume_on,
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        return Done(
            text=format_lazy(
                gettext_lazy("已停机保号，{day} 自动复机，也可以随时自己复机"),
                day=_day(pause.resume_on),
            ),
            url=_page(row),
            data={"subscription": row.number, "resume_on": pause.resume_on.isoformat()},
        )


@register
class ResumeService(OnService):
    code = "service.resume"
    title = gettext_lazy("复机")
    summary = gettext_lazy("停机保号的业务提前恢复，马上生效，不收手续费")
    order = 95
    form_class = ResumeForm
    page_url_name = "catalog:resume"

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        row: Subscription = data["subscription"]
        today = clock.local_date(ctx.as_of)
        ending = quoting.ending(row, today=today)
        return PauseQuote(
            price_cents=0,
            effective_on=today,
            lines=(
                QuoteLine(_("户号"), value=row.account.number),
                QuoteLine(_("业务"), value=str(row.offer)),
                QuoteLine(_("已停机"), value=_("%(days)s 天") % {"days": ending.days}),
                QuoteLine(_("原定复机日"), value=_day(ending.pause.resume_on)),
                *_bills(ending.months),
            ),
            warnings=tuple(_still_off(row)),
            outcome=_("确认后马上复机，从今天起恢复计费"),
            months=ending.months,
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        row: Subscription = data["subscription"]
        is_on = pauses.resume(number=row.number, actor=ctx.actor, as_of=ctx.as_of)
        text = gettext_lazy("已复机") if is_on else gettext_lazy("停机保号已结束；其他停机原因解除后恢复服务")
        return Done(text=text, url=_page(row), data={"subscription": row.number, "is_on": is_on})


def _page(row: Subscription) -> str:
    return reverse("catalog:service", args=[row.number])


def _lines(plan: quoting.Plan, contact: str) -> Iterator[QuoteLine]:
    yield QuoteLine(_("户号"), value=plan.row.account.number)
    yield QuoteLine(_("业务"), value=str(plan.row.offer))
    if plan.row.service_number:
        yield QuoteLine(_("号码"), value=plan.row.service_number)
    yield QuoteLine(_("停机日"), value=_day(plan.begins_on))
    yield QuoteLine(
        _("复机日"),
        value=_("%(day)s（停机 %(days)s 天）") % {"day": _day(plan.resume_on), "days": plan.days},
    )
    yield QuoteLine(_("停机期间费用"), value=plan.fee)
    if contact:
        yield QuoteLine(_("新的联系方式"), value=addresses.mask(contact))


def _bills(months: tuple[Month, ...]) -> Iterator[QuoteLine]:
    """The months' bills before and after, as orders say them."""
    for month in months:
        yield QuoteLine(
            _("%(month)s 月账单") % {"month": month.code},
            value=_("%(before)s → %(after)s（%(difference)s）")
            % {
                "before": display(month.before_cents),
                "after": display(month.after_cents),
                "difference": offer_words.difference(month.difference_cents),
            },
        )


def _warnings(plan: quoting.Plan) -> Iterator[str]:
    yield _("停机期间不能使用这项业务，也不能为这个户号订购或变更；可以退订")
    yield _("今年还可以停机保号 %(times)s 次") % {"times": plan.times_left}


def _still_off(row: Subscription) -> Iterator[str]:
    """For what else it stays off."""
    for reason in reads.other_reasons(row):
        yield _("这项业务还因%(reason)s停用，解除后才恢复服务") % {"reason": reason}
