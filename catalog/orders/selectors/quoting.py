"""What an order would cost and change, by the pricing function itself. Page, form, API, submit and the job ask here."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

from accounts.models import BillingAccount
from accounts.services.accounts import refuse_closed
from catalog.holdings import rules as holding_rules
from catalog.holdings.models import Subscription, SubscriptionState
from catalog.holdings.selectors import holdings, payers
from catalog.offers.models import Offer
from catalog.offers.selectors import books
from catalog.orders import bars, errors, rules
from catalog.orders.models import LineAction
from catalog.orders.rules import Part
from catalog.orders.selectors import billed, promises, refusals, takes, waiting
from catalog.orders.selectors.plans import Facts, Month, Plan, Wish
from catalog.pricing import PricingError, charges
from catalog.pricing.changing import is_undone
from catalog.pricing.types import Change, Holding, Line, Period, PriceBook
from core import clock
from core.prepared import Prepared, any_of, each_exists

__all__ = ["Month", "Plan", "Wish", "held_by", "parts_of", "plan"]

# What few orders meet and each is asked about.
_COMING = Prepared(
    lambda payer, day: Subscription.objects.filter(
        payer_id=payer, state=SubscriptionState.PENDING, begins_on__gt=day
    ),
    payer=int,
    day=date,
)
_OFFERS = Prepared(
    lambda codes: takes.with_goods(Offer.objects.filter(any_of("code", codes)).select_related("type")),
    codes=list,
)


def plan(wish: Wish, *, as_of: datetime) -> Plan:
    """The order as it stands now. Raises what stands against it (catalog.orders.errors), AccountClosed."""
    try:
        return _plan(wish, as_of)
    except PricingError as error:  # something else that is held, or waits, cannot be priced
        code = error.subject.partition("/")[0]
        raise errors.BY_PROBLEM[error.code](offer=refusals.names({code}, {})[code], others="") from error


def _plan(wish: Wish, as_of: datetime) -> Plan:
    if wish.add or wish.turn:  # what a closed account still holds may always be ended
        refuse_closed(wish.account)
    today = clock.local_date(as_of)
    change = _change(wish, today)
    facts = _facts(wish, today, as_of)
    offers = _offers(facts, change)
    refusals.flow(change, offers)
    refusals.debtor(wish, facts, today)
    refusals.suspended(wish, facts)
    bars.raised(
        facts.barred, wish.account, {code: offers[code] for code in wish.add if code in offers}, on=today
    )
    refusals.under_way(wish)
    refusals.relations(change, facts, offers)
    found = charges(
        holdings=facts.holdings,
        change=change,
        customer=facts.customer,
        book=facts.book,
        period=Period.containing(today),
    )
    made = _as_billed(rules.parts(change, found), facts, today)
    refusals.family(made, offers)
    held = {each.ref: each.offer for each in facts.holdings}
    made = takes.of_parts(wish.account, wish.number, made, offers, held, as_of=as_of)
    ended = {held[part.replaces] for part in made if part.replaces}
    return Plan(
        wish=wish,
        on=today,
        parts=made,
        months=tuple(_months(wish, facts, found.holdings, [today, *(part.effective_on for part in made)])),
        offers=offers,
        ahead=promises.ahead(change, facts.book, today),
        valid_until=promises.last_day(
            change, facts.book, facts.customer, facts.conditions, ended, partial(_due_on, wish, facts)
        ),
        payer_id=facts.payer_id,
    )


def _due_on(wish: Wish, facts: Facts, day: date) -> list[tuple[list[int], int]]:
    """What each part would cost and give back if it were asked for on another day, all else being as it is."""
    change = _change(wish, day)
    found = charges(
        holdings=facts.holdings,
        change=change,
        customer=facts.customer,
        book=facts.book,
        period=Period.containing(day),
    )
    made = _as_billed(rules.parts(change, found), facts, day)
    return [([line.amount_cents for line in part.due], part.back_cents) for part in made]


def parts_of(wish: Wish, *, as_of: datetime) -> tuple[Part, ...]:
    """The same without asking whether it may be ordered: it was ordered and paid for. Raises PricingError."""
    today = clock.local_date(as_of)
    change, facts = _change(wish, today), _facts(wish, today, as_of, with_waiting=False)
    found = charges(
        holdings=facts.holdings,
        change=change,
        customer=facts.customer,
        book=facts.book,
        period=Period.containing(today),
    )
    return _as_billed(rules.parts(change, found), facts, today)


def held_by(account: BillingAccount, *, as_of: datetime) -> tuple[Holding, ...]:
    """What counts when this account orders: all that its payer pays for, and what waits for a payment."""
    return _facts(Wish(account), clock.local_date(as_of), as_of).holdings


def _change(wish: Wish, on: date) -> Change:
    return Change(
        on=on,
        add=wish.add,
        end=wish.end,
        turn=wish.turn,
        place=holding_rules.place(wish.account.number, wish.address),
    )


def _facts(wish: Wish, today: date, as_of: datetime, *, with_waiting: bool = True) -> Facts:
    """Prices are those of who pays; what is on sale for him is a matter of who orders."""
    account = wish.account
    payer_id = payers.of_account(account.pk, on=today)
    known = books.facts_of({payer_id, account.pk}, today)
    found = known[payer_id]
    book, conditions, buyer = books.for_sale(found, known[account.pk], as_of)
    is_coming, waits, is_late, is_off, *barred = each_exists(
        (_COMING, {"payer": payer_id, "day": today}),
        (waiting.WAITING, {"account": account.pk}),
        (refusals.LATE, {"account": account.pk, "payer": payer_id, "day": today}),
        (refusals.OFF, {"account": account.pk}),
        *bars.asked(today),
    )
    held = _as_paid(_held(payer_id, today, is_coming=is_coming), wish, book, today)
    if with_waiting and waits:
        held = waiting.beside(account, held, found.customer, book, today)
    return Facts(held, found.customer, book, payer_id, conditions, buyer, is_late, is_off, tuple(barred))


def _as_paid(held: tuple[Holding, ...], wish: Wish, book: PriceBook, today: date) -> tuple[Holding, ...]:
    """What is ended or turned comes with what its first term was billed at; what is not on yet has not begun."""
    named = {*wish.end, *wish.turn}
    terms = billed.first_terms([each for each in held if each.ref in named])
    off = Subscription.objects.filter(number__in=wish.end, state=SubscriptionState.PENDING)
    late = set(off.filter(begins_on__lte=today).values_list("number", flat=True)) if wish.end else set()
    return tuple(
        replace(
            each,
            first_term_cents=terms.get(each.ref),
            run_term_cents=billed.run_term(each, wish.account.pk, book, today),
            begins_on=today + timedelta(days=1) if each.ref in late else each.begins_on,
        )
        if each.ref in named
        else each
        for each in held
    )


def _as_billed(parts: tuple[Part, ...], facts: Facts, today: date) -> tuple[Part, ...]:
    """What ends as if it had never been gives back what its order was billed, to the fen."""
    held = {each.ref: each for each in facts.holdings}
    found: list[Part] = []
    for part in parts:
        old = held.get(part.replaces)
        if part.action == LineAction.CANCEL and old is not None:
            terms = facts.book.terms[old.offer]
            cents = billed.whole(old.ref) if is_undone(old, terms, today) else None
            if cents is not None:
                part = replace(part, due=(), back=_back(old, cents))
        found.append(part)
    return tuple(found)


def _back(old: Holding, cents: int) -> tuple[Line, ...]:
    day = old.begins_on
    return (Line(f"{old.offer}/PERIOD", old.ref, old.offer, "PERIOD", -cents, day, day),) if cents else ()


def _held(payer_id: int, today: date, *, is_coming: bool) -> tuple[Holding, ...]:
    """Of this month and of all in which something begins that was asked for."""
    coming = _COMING.rows(payer=payer_id, day=today) if is_coming else []
    days = [today, *(row.begins_on for row in coming)]
    periods = {Period.containing(day) for day in days if day is not None}
    found: dict[str, Holding] = {}
    for period in sorted(periods, key=lambda each: each.begins_on):
        held = holdings.of_many([payer_id], period, with_pending=True, today=today)
        for each in held.get(payer_id, ()):
            found.setdefault(each.ref, each)
    fresh = billed.returnable(payer_id, list(found.values()), today)
    return tuple(replace(each, is_returnable=each.ref in fresh) for each in found.values())


def _offers(facts: Facts, change: Change) -> dict[str, Offer]:
    """The rows of all offers that the change names or that are held."""
    codes = {*change.add, *change.turn.values(), *(each.offer for each in facts.holdings)}
    return {row.code: row for row in _OFFERS.rows(codes=list(codes))}


def _months(wish: Wish, facts: Facts, after: Sequence[Holding], days: Sequence[date]) -> Iterator[Month]:
    """This month, the next, and those in which something of it takes effect.

    Nobody is kept from ending something because nobody knows what a month costs: that month is left out.
    """
    this = Period.containing(days[0])
    periods = {this, Period.containing(this.ends_on), *(Period.containing(day) for day in days)}
    for period in sorted(periods, key=lambda each: each.begins_on):
        try:
            before, then = (
                charges(
                    holdings=held, change=None, customer=facts.customer, book=facts.book, period=period
                ).month
                for held in (facts.holdings, after)
            )
        except PricingError:
            if wish.add or wish.turn:
                raise
            continue
        yield Month(period.code, before, then)
