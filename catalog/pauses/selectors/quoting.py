"""What a pause, or its end, would do to the next bills: by the pricing function, as orders and bill runs use it."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date

from catalog.holdings.models import Subscription
from catalog.holdings.selectors import holdings, payers
from catalog.offers.selectors import books, shelf
from catalog.orders.selectors.plans import Month
from catalog.pauses import errors, rules, words
from catalog.pauses.models import Pause, PausePolicy
from catalog.pauses.rules import Held
from catalog.pauses.selectors import pauses, policies, refusals
from catalog.pricing import PricingError, charges
from catalog.pricing.types import Period

Turn = Callable[[Held], Held]


@dataclass(frozen=True, slots=True)
class Plan:
    """A pause as it would be."""

    row: Subscription
    policy: PausePolicy
    begins_on: date
    resume_on: date
    fee: str  # in the language that was active
    times_left: int  # this year, after this one
    months: tuple[Month, ...]

    @property
    def days(self) -> int:
        return rules.days(self.begins_on, self.resume_on)


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a pause before its time, as it would be today."""

    row: Subscription
    pause: Pause
    days: int  # off until then
    months: tuple[Month, ...]


def plan(row: Subscription, *, resume_on: date, contact: str = "", today: date) -> Plan:
    """The pause of this service from today to that day. Raises what stands against it."""
    begins_on = max(today, row.begins_on or today)
    refusals.state(row)
    refusals.contract(row, today)
    refusals.arrears(row, payers.of_account(row.account_id, on=today), today)
    holder = books.facts(row.account_id, today)
    policy = policies.find(holder.region_id, holder.kind, on=today)
    if policy is None:
        raise errors.NotOffered()
    refusals.length(policy, begins_on, resume_on)
    times = refusals.often(policy, row, begins_on)
    refusals.contacts(row, besides=contact)
    return Plan(
        row=row,
        policy=policy,
        begins_on=begins_on,
        resume_on=resume_on,
        fee=fee(row, today),
        times_left=policy.times_a_year - times - 1,
        months=tuple(
            _months(
                row,
                today,
                {begins_on, resume_on, _next_month(today)},
                lambda held: held,
                lambda held: rules.paused(held, row.number, begins_on, resume_on),
            )
        ),
    )


def ending(row: Subscription, *, today: date) -> Ending:
    """What it changes that the pause ends today and not on its last day. Raises NotPaused."""
    pause = pauses.of_service(row.pk)
    if pause is None:
        raise errors.NotPaused()
    on = max(today, pause.suspension.begins_on)
    return Ending(
        row=row,
        pause=pause,
        days=rules.days(pause.suspension.begins_on, on),
        months=tuple(
            _months(
                row,
                today,
                {today, _next_month(today), pause.resume_on},
                lambda held: rules.ended(held, row.number, max(on, pause.resume_on)),
                lambda held: rules.ended(held, row.number, on),
            )
        ),
    )


def fee(row: Subscription, on: date) -> str:
    """What it costs while it is off, at the prices of who pays for it, in the language that is active."""
    payer = books.facts(payers.of_account(row.account_id, on=on), on)
    priced = shelf.price_of(row.offer.code, books.book(payer.region_id, payer.kind), on).pause
    amounts = priced.amounts_cents if priced is not None else ()
    return words.fee(row.offer, amounts, priced is not None and priced.starts_over)


def _months(
    row: Subscription, today: date, days: Collection[date], before: Turn, after: Turn
) -> Iterator[Month]:
    """The bills of the months of these days, both ways; without those of which nobody knows what they cost."""
    payer_id = payers.of_account(row.account_id, on=today)
    facts = books.facts(payer_id, today)
    book = books.book(facts.region_id, facts.kind)
    for period in sorted({Period.containing(day) for day in days}, key=lambda each: each.begins_on):
        held = holdings.of_many([payer_id], period, with_pending=True, today=today).get(payer_id, ())
        try:
            both = [
                charges(
                    holdings=turn(held), change=None, customer=facts.customer, book=book, period=period
                ).month
                for turn in (before, after)
            ]
        except PricingError:
            continue
        yield Month(period.code, *both)


def _next_month(today: date) -> date:
    return Period.containing(today).ends_on
