"""The what-if adviser (资费推荐): the months that were charged, replayed on every offer that could be ordered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from accounts.models import BillingAccount
from catalog.charging.models import ChargedMonth
from catalog.charging.rules import Facts
from catalog.charging.selectors import facts
from catalog.holdings.selectors import holdings
from catalog.offers.selectors import books
from catalog.pricing import Advice, Month, Option, PricingError, advise, eligible, problems
from catalog.pricing.relations import Conditions
from catalog.pricing.types import Change, Holding, Period
from core import clock

LEAST_MONTHS, MOST_MONTHS = 3, 12


@dataclass(frozen=True, slots=True)
class Advised:
    """One holding with what other offers would have cost. `advice` is None where it cannot be computed."""

    holding: Holding
    advice: Advice | None

    @property
    def offer(self) -> str:
        return self.holding.offer

    @property
    def best(self) -> Option | None:
        return self.advice.best if self.advice else None

    @property
    def is_best(self) -> bool:
        """The present offer is, after all that changing would cost."""
        return self.advice is not None and self.advice.best is None


@dataclass(frozen=True, slots=True)
class Advisory:
    """For an account: the months that were replayed, oldest first, and each holding that has an alternative."""

    months: tuple[str, ...]
    advised: tuple[Advised, ...]

    @property
    def is_enough(self) -> bool:
        """Fewer months say too little to advise by."""
        return len(self.months) >= LEAST_MONTHS


def of(account: BillingAccount, *, as_of: datetime, most: int = MOST_MONTHS) -> Advisory:
    """By the last months that were charged, as they are known today; at today's prices."""
    today = clock.local_date(as_of)
    codes = _charged(account, min(max(most, LEAST_MONTHS), MOST_MONTHS))
    if len(codes) < LEAST_MONTHS:
        return Advisory(tuple(codes), ())
    period = Period.containing(today)
    now = facts.of_many([account.pk], period, on=today)[account.pk]
    months = [_month(account, Period.of(code)) for code in codes]
    known = books.conditions(as_of)
    held = [each for each in now.holdings if _is_held(each, now, today)]
    advised = [_advised(each, now, months, known, today) for each in held]
    return Advisory(tuple(codes), tuple(each for each in advised if each is not None))


def _charged(account: BillingAccount, most: int) -> list[str]:
    rows = ChargedMonth.objects.filter(account=account).exclude(lines=[])
    return sorted(rows.order_by("-period").values_list("period", flat=True).distinct()[:most])


def _month(account: BillingAccount, period: Period) -> Month:
    return Month(period, holdings.of_many([account.pk], period).get(account.pk, ()))


def _is_held(holding: Holding, now: Facts, today: date) -> bool:
    """Today, and paid for again and again."""
    is_there = holding.begins_on <= today and (holding.ends_on is None or today < holding.ends_on)
    return is_there and holding.offer in now.book.terms and now.book.terms[holding.offer].cycle != "ONCE"


def _advised(
    holding: Holding, now: Facts, months: Sequence[Month], known: dict[str, Conditions], today: date
) -> Advised | None:
    """None: nothing else could be ordered in its place."""
    wanted = [code for code in _alike(holding, now) if _is_orderable(code, holding, now, known, today)]
    if not wanted:
        return None
    try:
        advice = advise(
            months=months,
            holdings=now.holdings,
            ref=holding.ref,
            candidates=wanted,
            customer=now.customer,
            book=now.book,
            on=today,
        )
    except PricingError:
        return Advised(holding, None)
    return Advised(holding, advice)


def _alike(holding: Holding, now: Facts) -> list[str]:
    """Offers that could stand in its place: of the same type or group, and paid for again and again."""
    present = now.book.terms[holding.offer]
    return sorted(
        code
        for code, terms in now.book.terms.items()
        if code != holding.offer
        and terms.cycle != "ONCE"
        and (terms.type == present.type or (terms.group != "" and terms.group == present.group))
    )


def _is_orderable(code: str, holding: Holding, now: Facts, known: dict[str, Conditions], today: date) -> bool:
    """On sale for this customer, and nothing that he holds stands against it."""
    where = books.Facts(now.account_id, now.place.region_id, now.place.kind, now.customer)
    buyer = books.buyer(where)
    if code not in known or not eligible(buyer, known[code], today).is_eligible:
        return False
    try:
        return not problems(
            holdings=now.holdings,
            change=Change(on=today, turn={holding.ref: code}),
            customer=now.customer,
            book=now.book,
            conditions=known,
            buyer=buyer,
        )
    except PricingError:
        return False
