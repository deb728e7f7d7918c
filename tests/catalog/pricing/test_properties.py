"""What must hold for any book, any holdings and any change."""

from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from catalog.pricing import charges, digest
from catalog.pricing.errors import PricingError
from catalog.pricing.types import Change, Charges, Customer, Holding, Line, Period, PriceBook, Rate
from tests.catalog.pricing import strategies as some
from tests.catalog.pricing.build import book, held, named, nov, plain, quote
from tests.catalog.pricing.oracle import Oracle

ANY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def month(
    held: tuple[Holding, ...], customer: Customer, prices: PriceBook, period: Period
) -> tuple[Line, ...]:
    return charges(holdings=held, change=None, customer=customer, book=prices, period=period).month


def changed(
    held: tuple[Holding, ...], change: Change, customer: Customer, prices: PriceBook, period: Period
) -> Charges | None:
    """None where the change is refused."""
    try:
        return charges(holdings=held, change=change, customer=customer, book=prices, period=period)
    except PricingError:
        return None


@ANY
@given(some.holdings(), some.customers(), some.books(), some.periods)
def test_equal_to_the_same_month_counted_day_by_day(
    held: tuple[Holding, ...], customer: Customer, prices: PriceBook, period: Period
) -> None:
    monthly = {one.ref for one in held if prices.terms[one.offer].cycle == "MONTHLY"}
    lines = [line for line in month(held, customer, prices, period) if line.ref in monthly]
    assert sum(line.amount_cents for line in lines) == Oracle(held, customer, prices).month_cents(period)


@ANY
@given(some.holdings(), some.customers(), some.books(), some.periods)
def test_nothing_is_ever_below_zero(
    held: tuple[Holding, ...], customer: Customer, prices: PriceBook, period: Period
) -> None:
    lines = month(held, customer, prices, period)
    for holding in held:
        assert sum(line.amount_cents for line in lines if line.ref == holding.ref) >= 0
    assert all(line.amount_cents >= 0 for line in lines if not line.rule)
    assert all(line.amount_cents < 0 for line in lines if line.rule)


@ANY
@given(some.holdings(), some.customers(), some.books(), some.periods, some.rule("r9"))
def test_a_further_discount_raises_nothing(
    held: tuple[Holding, ...], customer: Customer, prices: PriceBook, period: Period, rule: Any
) -> None:
    more = PriceBook(prices.terms, prices.rates, (*prices.rules, rule))
    before, after = month(held, customer, prices, period), month(held, customer, more, period)
    for holding in held:
        with_it, without = (
            sum(line.amount_cents for line in lines if line.ref == holding.ref) for lines in (after, before)
        )
        assert with_it <= without


@ANY
@given(some.holdings(), some.customers(), some.books(), some.periods, st.data())
def test_the_order_of_holdings_does_not_matter(
    held: tuple[Holding, ...], customer: Customer, prices: PriceBook, period: Period, data: st.DataObject
) -> None:
    change = data.draw(some.change(held))
    shuffled = tuple(data.draw(st.permutations(held)))
    assert month(shuffled, customer, prices, period) == month(held, customer, prices, period)
    assert changed(shuffled, change, customer, prices, period) == changed(
        held, change, customer, prices, period
    )


@ANY
@given(some.holdings(), some.customers(), some.books(), some.periods)
def test_a_price_of_a_far_day_changes_nothing(
    held: tuple[Holding, ...], customer: Customer, prices: PriceBook, period: Period
) -> None:
    far = date(2200, 1, 1)
    rates = {
        key: (*versions[:-1], replace(versions[-1], ends_on=far), Rate((1,), far))
        for key, versions in prices.rates.items()
    }
    later = PriceBook(prices.terms, rates, prices.rules)
    assert month(held, customer, later, period) == month(held, customer, prices, period)


@ANY
@given(some.holdings(), some.customers(), some.books(), some.periods, st.data())
def test_the_bill_is_what_the_preview_said(
    held: tuple[Holding, ...], customer: Customer, prices: PriceBook, period: Period, data: st.DataObject
) -> None:
    """The heart: a month is the same before the change is made and after, also when the new ones have numbers."""
    preview = changed(held, data.draw(some.change(held)), customer, prices, period)
    assume(preview is not None)
    assert preview is not None
    assert month(preview.holdings, customer, prices, period) == preview.month
    bill = month(named(preview.holdings), customer, prices, period)
    assert digest(bill) == digest(preview.month)
    assert sum(line.amount_cents for line in bill) == preview.month_cents


@ANY
@given(some.customers(), some.books(), st.data())
def test_a_change_leaves_the_months_before_it_alone(
    customer: Customer, prices: PriceBook, data: st.DataObject
) -> None:
    """A history of changes: no later one alters a month that was charged, and each quote is kept in its month."""
    now: tuple[Holding, ...] = ()
    on = date(2026, 1, 10)
    for number in range(4):
        period = Period.containing(on)
        before = {month_: month(now, customer, prices, month_) for month_ in _months_until(period)}
        quoted = changed(now, data.draw(some.change(now, on)), customer, prices, period)
        if quoted is not None:
            assert month(quoted.holdings, customer, prices, period) == quoted.month
            for month_, lines in before.items():
                assert month(quoted.holdings, customer, prices, month_) == lines
            now = _numbered(quoted.holdings, number)
        on += timedelta(days=data.draw(st.integers(0, 70)))
        now = tuple(
            replace(one, is_returnable=one.is_returnable and one.begins_on >= on.replace(day=1))
            for one in now
        )


def _months_until(period: Period) -> list[Period]:
    """Those before the one given, from the first of the year on."""
    found = [Period.of("2026-01")]
    while found[-1].begins_on < period.begins_on:
        found.append(Period.containing(found[-1].ends_on))
    return found[:-1]


def _numbered(holdings: tuple[Holding, ...], step: int) -> tuple[Holding, ...]:
    return tuple(
        replace(one, ref=f"T{step}{index}") if one.ref.startswith("new:") else one
        for index, one in enumerate(holdings)
    )


@ANY
@given(some.cents, st.sets(st.integers(2, 30)))
def test_a_month_in_pieces_is_at_most_a_fen_off_for_each(cents: int, cuts: set[int]) -> None:
    edges = [nov(1), *(nov(day) for day in sorted(cuts)), date(2026, 12, 1)]
    parts = [held(f"S{first}", "tv", first, end) for first, end in zip(edges, edges[1:], strict=False)]
    total = quote(book(plain("tv", cents)), *parts).month_cents
    assert abs(total - cents) <= len(cuts)
    assert quote(book(plain("tv", cents)), held("S1", "tv")).month_cents == cents


@ANY
@given(some.holdings(), some.customers(), some.books(), some.periods, st.data())
def test_money_is_whole_fen_throughout(
    held: tuple[Holding, ...], customer: Customer, prices: PriceBook, period: Period, data: st.DataObject
) -> None:
    found = changed(held, data.draw(some.change(held)), customer, prices, period)
    _no_float(found)
    _no_float(month(held, customer, prices, period))


def _no_float(value: object) -> None:
    assert not isinstance(value, float)
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            _no_float(getattr(value, field.name))
    if isinstance(value, tuple):
        for item in value:
            _no_float(item)
