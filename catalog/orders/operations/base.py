"""What all operations on packages share: the quote of a plan, its locks, and how the order is submitted."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from accounts.models import BillingAccount
from accounts.rules import Action
from accounts.selectors import accounts
from catalog.holdings.models import Subscription, SubscriptionState
from catalog.holdings.selectors import payers
from catalog.offers import words as offer_words
from catalog.orders import locks, words
from catalog.orders.models import LineAction, OrderState
from catalog.orders.rules import Part
from catalog.orders.selectors import quoting
from catalog.orders.selectors.quoting import Plan, Wish
from catalog.orders.services import moves, orders, refunds
from core import clock
from core.money import display
from operations.context import Confirmation, Context
from operations.quotes import Done, Pending, Quote, QuoteLine
from operations.registry import Operation


@dataclass(frozen=True, slots=True)
class OrderQuote(Quote):
    """A quote that carries what it was made from, for pages that show more of it, and for the submission."""

    plan: Plan | None = None


def orderable(user: Any) -> Any:
    """The accounts on which this user may order."""
    return accounts.where(user, Action.ORDER)


def held_of(user: Any) -> Any:
    """What is held on these accounts, or about to begin."""
    rows = Subscription.objects.filter(account__in=orderable(user))
    return rows.filter(state__in=(SubscriptionState.ACTIVE, SubscriptionState.PENDING)).select_related(
        "account", "offer__type"
    )


class HeldField(forms.ModelChoiceField[Subscription]):
    """One of the things that are held, called by its name and account."""

    def label_from_instance(self, obj: Subscription) -> str:
        return f"{obj.offer} · {obj.account.number}"


class OnPackages(Operation):
    """Order, change and cancel: each is a wish, quoted and submitted alike. Confirmed by SMS, free ones too."""

    confirmation = Confirmation.SMS_CODE
    icon = "tv"

    @abstractmethod
    def wish(self, data: dict[str, Any]) -> Wish:
        """What the form's cleaned data ask for."""

    def check(self, data: dict[str, Any]) -> None:
        """Raises what this operation refuses before the plan is made."""

    def available(self, ctx: Context) -> bool:
        """Whoever is logged in may look; who may order for which account is the form's choice."""
        return bool(ctx.served.is_authenticated)

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        return self.wish(data).account

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        """Account first, then subscriptions; what was read before is read anew."""
        wish = self.wish(data)
        payer_id = payers.of_account(wish.account.pk, on=clock.local_date(ctx.as_of))
        now = locks.accounts(payer_id, wish.account.pk)
        wish.account.closed_at, wish.account.region_id = now.closed_at, now.region_id
        if wish.end or wish.turn:
            locks.subscriptions({*wish.end, *wish.turn})

    def confirmation_address(self, ctx: Context, data: dict[str, Any]) -> str:
        own = getattr(ctx.served, "proven_phone", None)
        return own or accounts.primary_phone(self.wish(data).account)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        self.check(data)
        plan = quoting.plan(self.wish(data), as_of=ctx.as_of)
        for part in plan.parts:
            refunds.check(part.replaces, part.back_cents)
        return OrderQuote(
            price_cents=plan.due_cents,
            effective_on=plan.effective_on,
            lines=tuple(_lines(plan)),
            warnings=tuple(_warnings(plan)),
            outcome=_outcome(plan),
            plan=plan,
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        assert isinstance(quote, OrderQuote)
        assert quote.plan is not None
        order = orders.submit(
            plan=quote.plan,
            user_id=ctx.served.pk,
            slip_number=ctx.slip_number,
            channel=ctx.channel,
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
        url = moves.url(order)
        if order.state == OrderState.COMPLETED:
            return Done(text=moves.TEXTS[order.state], url=url, data={"order": order.number})
        return Pending(moves.SUBJECT, order.number, moves.TEXTS[order.state], url)


def _lines(plan: Plan) -> Iterator[QuoteLine]:
    """Account, each part with its price, what is given back, the months' bills before and after."""
    yield QuoteLine(_("户号"), value=plan.account.number)
    if plan.wish.address:
        yield QuoteLine(_("装机地址"), value=plan.wish.address)
    for part in plan.parts:
        yield from _of_part(plan, part)
    for month in plan.months:
        yield QuoteLine(
            _("%(month)s 月账单") % {"month": month.code},
            value=_("%(before)s → %(after)s（%(difference)s）")
            % {
                "before": display(month.before_cents),
                "after": display(month.after_cents),
                "difference": offer_words.difference(month.difference_cents),
            },
        )
    for ahead in plan.ahead:
        yield QuoteLine(
            _("“%(offer)s”调价") % {"offer": plan.offers[ahead.offer]},
            value=_("%(day)s 起 %(amount)s") % {"day": ahead.begins_on, "amount": display(ahead.cents)},
        )
    yield QuoteLine(_("报价有效至"), value=plan.valid_until.isoformat())


def _of_part(plan: Plan, part: Part) -> Iterator[QuoteLine]:
    offer = plan.offers[part.offer]
    titles = {LineAction.ADD: _("订购"), LineAction.CHANGE: _("变更为"), LineAction.CANCEL: _("退订")}
    yield QuoteLine(
        titles[part.action], value=_("%(offer)s，%(day)s 起") % {"offer": offer, "day": part.effective_on}
    )
    if part.number:
        yield QuoteLine(_("号码"), value=part.number)
    for line in part.due:
        yield QuoteLine(words.bill_line(line, plan.offers), line.amount_cents)
    if part.back_cents:
        yield QuoteLine(_("退还"), -part.back_cents)
    if part.action != LineAction.CANCEL:
        yield QuoteLine(_("合约"), value=offer_words.term(offer))


def _warnings(plan: Plan) -> Iterator[str]:
    for part in plan.parts:
        offer = plan.offers[part.offer]
        if part.action != LineAction.CANCEL and (penalty := offer_words.penalty(offer)):
            yield _("“%(offer)s”：%(penalty)s") % {"offer": offer, "penalty": penalty}
        if any(line.charge == "PENALTY" for line in part.due):
            cents = sum(line.amount_cents for line in part.due if line.charge == "PENALTY")
            yield _("合约期未满，要付违约金 %(amount)s") % {"amount": display(cents)}
        if _keeps_rest(plan, part):
            yield _("预付而未用的部分按资费约定不退还")
        if part.action != LineAction.CANCEL and offer.is_renewed and offer.cycle == "TERM":
            yield _("“%(offer)s”到期自动续订，续订前短信提醒，随时可以退订") % {"offer": offer}


def _keeps_rest(plan: Plan, part: Part) -> bool:
    """Whether something was paid ahead that the customer will neither use nor get back."""
    if part.action != LineAction.CANCEL or plan.offers[part.offer].gives_back_rest or part.is_undone:
        return False
    rows = Subscription.objects.filter(number=part.replaces, paid_until__gt=part.effective_on)
    return rows.exists()


def _outcome(plan: Plan) -> str:
    if plan.back_cents:
        return _("确认后办理，退还的金额存入账户余额，并短信告知结果")
    if plan.is_paid_first:
        return _("确认后生成账单，付款后自动开通；账户余额足够时自动抵扣，马上开通")
    if plan.due_cents:
        return _("确认后马上办理，费用记入新账单，并短信告知结果")
    return _("确认后马上办理，不用付款，并短信告知结果")
