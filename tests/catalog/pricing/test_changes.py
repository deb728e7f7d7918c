"""Changes: when they hold, what is held then, what they cost at once, and what is refused."""

from dataclasses import replace
from datetime import date

import pytest

from catalog.pricing.errors import AlreadyEnds, Contradiction, NoOffer, NoPrice, NotHeld, PricingError
from catalog.pricing.types import Change, Holding, Period, Rule, Stop, Terms
from tests.catalog.pricing.build import (
    LONG_AGO,
    book,
    codes,
    held,
    named,
    nov,
    offer,
    plain,
    quote,
    rate,
    with_rules,
)

FIRST_OF_NEXT = date(2026, 12, 1)
NET = offer(
    Terms(
        "net",
        "net",
        term_months=12,
        upgrades_to=frozenset({"fast"}),
        penalty_kind="FIXED",
        penalty_cents=20000,
    ),
    period=rate(6000),
    once=rate(10000),
)
FAST = offer(
    Terms("fast", "net", term_months=12, downgrades_to=frozenset({"net"}), change_effect="AT_ONCE"),
    period=rate(9000),
    once=rate(10000),
)
PHONE = offer(Terms("phone", "phone"), period=rate(1000), once=rate(2000))
BOX = offer(Terms("box", "box", cycle="ONCE"), once=rate(39900))
SEASON = offer(Terms("season", "pack", cycle="TERM", term_months=3), period=rate(9000))
YEAR = offer(
    Terms(
        "year",
        "pack",
        cycle="TERM",
        term_months=12,
        is_renewed=True,
        penalty_kind="PERCENT",
        penalty_percent=50,
    ),
    period=rate(36000),
)
ALL = book(NET, FAST, PHONE, BOX, SEASON, YEAR, plain("tv", 2600))


def locked(code: str, until: date) -> Holding:
    return replace(held("S1", code), committed_until=until)


def ahead(code: str, begins: date, until: date, *, ends: date | None = None) -> Holding:
    return Holding("S1", code, begins, ends, committed_until=until, paid_until=until)


def only(holdings: tuple[Holding, ...], code: str) -> Holding:
    [found] = [holding for holding in holdings if holding.offer == code]
    return found


# Adding


def test_what_is_added_begins_that_day_with_its_lock_in() -> None:
    found = quote(ALL, change=Change(on=nov(13), add=("net",), place="there"))
    [holding] = found.holdings
    assert holding == Holding(
        "new:net", "net", nov(13), committed_until=date(2027, 11, 13), place="there", is_returnable=True
    )
    assert codes(found.now) == [("net/ONCE", 10000)]
    assert (found.now_cents, found.month_cents) == (10000, 3600)


def test_two_of_one_offer_have_refs_of_their_own_also_beside_an_earlier_quote() -> None:
    first = quote(ALL, change=Change(on=nov(13), add=("tv", "tv")))
    assert [holding.ref for holding in first.holdings] == ["new:tv", "new:tv:2"]
    again = quote(ALL, *first.holdings, change=Change(on=nov(14), add=("tv",)))
    assert [holding.ref for holding in again.holdings] == ["new:tv", "new:tv:2", "new:tv:3"]


def test_a_one_off_costs_its_price_with_the_order_and_nothing_by_the_month() -> None:
    found = quote(ALL, change=Change(on=nov(13), add=("box",)))
    assert codes(found.now) == [("box/ONCE", 39900)]
    assert found.month == ()


def test_a_term_that_is_not_renewed_ends_by_itself() -> None:
    found = quote(ALL, change=Change(on=date(2026, 11, 30), add=("season",)))
    assert only(found.holdings, "season").ends_on == date(2027, 2, 28)
    assert quote(ALL, *found.holdings, period=Period.of("2027-02")).month_cents == 0
    assert quote(ALL, *found.holdings, period=Period.of("2027-03")).month == ()


def test_a_discount_on_the_set_up_fee_stands_with_the_order() -> None:
    rule = Rule("half", "ONCE", "PERCENT", 50, LONG_AGO, offers=frozenset({"net"}))
    found = quote(with_rules(ALL, rule), change=Change(on=nov(13), add=("net",)))
    assert codes(found.now) == [("net/ONCE", 10000), ("net/ONCE/half", -5000)]


# Turning


def test_an_upgrade_holds_at_once_and_keeps_the_later_end_of_both_without_penalty_or_set_up_fee() -> None:
    change = Change(on=nov(13), turn={"S1": "fast"})
    found = quote(ALL, locked("net", date(2028, 1, 1)), change=change)
    assert found.now == ()
    assert only(found.holdings, "net").ends_on == nov(13)
    fast = only(found.holdings, "fast")
    assert (fast.begins_on, fast.committed_until, fast.since) == (nov(13), date(2028, 1, 1), LONG_AGO)
    assert not fast.is_returnable
    sooner = quote(ALL, locked("net", date(2027, 1, 1)), change=change)
    assert only(sooner.holdings, "fast").committed_until == date(2027, 11, 13)


def test_an_upgrade_to_an_offer_without_term_keeps_the_old_lock_in() -> None:
    free = offer(Terms("fast", "net"), period=rate(9000))
    change = Change(on=nov(13), turn={"S1": "fast"})
    found = quote(book(NET, free), locked("net", date(2027, 1, 1)), change=change)
    assert only(found.holdings, "fast").committed_until == date(2027, 1, 1)
    over = quote(book(NET, free), locked("net", nov(1)), change=change)
    assert only(over.holdings, "fast").committed_until is None


def test_a_downgrade_holds_next_month() -> None:
    found = quote(ALL, held("S1", "fast"), change=Change(on=nov(13), turn={"S1": "net"}))
    assert (only(found.holdings, "fast").ends_on, only(found.holdings, "net").begins_on) == (
        FIRST_OF_NEXT,
        FIRST_OF_NEXT,
    )
    assert found.month_cents == 9000


def test_anything_else_holds_as_the_old_offer_says_and_costs_its_penalty_and_a_set_up_fee() -> None:
    found = quote(ALL, locked("net", date(2027, 6, 1)), change=Change(on=nov(13), turn={"S1": "phone"}))
    assert codes(found.now) == [("net/PENALTY", 20000), ("phone/ONCE", 2000)]
    assert only(found.holdings, "phone").begins_on == FIRST_OF_NEXT
    at_once = quote(ALL, held("S1", "fast"), change=Change(on=nov(13), turn={"S1": "phone"}))
    assert only(at_once.holdings, "phone").begins_on == nov(13)


def test_what_follows_stays_off_for_the_reasons_that_are_open_and_keeps_its_place() -> None:
    over, future = Stop("CUSTOMER", nov(1), nov(5)), Stop("STAFF", nov(3), nov(20))
    open_stop = Stop("ARREARS", nov(2))
    holding = replace(
        held("S1", "net"), stops=(over, future, open_stop), place="there", since=date(2025, 5, 5)
    )
    found = quote(ALL, holding, change=Change(on=nov(13), turn={"S1": "fast"}))
    fast = only(found.holdings, "fast")
    assert (fast.stops, fast.place, fast.since) == ((future, open_stop), "there", date(2025, 5, 5))


def test_what_the_first_terminal_is_turned_into_is_the_first_one() -> None:
    def terminal(code: str) -> Terms:
        return Terms(code, "tv", is_per_terminal=True, upgrades_to=frozenset({"4k"}))

    prices = book(
        offer(terminal("hd"), period=rate(2400, 600)), offer(terminal("4k"), period=rate(3000, 900))
    )
    change = Change(on=nov(1), turn={"S1": "4k"})
    for second in (held("S2", "hd"), held("S2", "hd", nov(1))):  # of the same day, and of a later one
        found = quote(prices, held("S1", "hd"), second, change=change)
        assert codes(found.month) == [("4k/PERIOD", 3000), ("hd/PERIOD", 600)]
        assert quote(prices, *named(found.holdings)).month_cents == 3600


def test_a_terminal_that_takes_its_old_place_again_moves_the_others_back_from_that_day() -> None:
    prices = book(offer(Terms("hd", "tv", is_per_terminal=True), period=rate(2400, 600)))
    back = replace(held("S9", "hd", nov(16)), since=date(2025, 1, 1))
    found = quote(prices, back, held("S1", "hd"))
    assert codes(found.month) == [("hd/PERIOD", 1200), ("hd/PERIOD", 1200), ("hd/PERIOD", 300)]


def test_a_term_that_ends_by_itself_may_be_followed_on_that_day() -> None:
    until = date(2027, 1, 13)
    holding = ahead("season", date(2026, 10, 13), until, ends=until)
    found = quote(ALL, holding, change=Change(on=nov(13), turn={"S1": "phone"}))
    assert (only(found.holdings, "season").ends_on, only(found.holdings, "phone").begins_on) == (until, until)


# Ending


def test_ending_a_term_is_the_end_of_what_was_paid_and_costs_nothing() -> None:
    until = date(2027, 6, 1)
    found = quote(ALL, ahead("year", date(2026, 6, 1), until), change=Change(on=nov(13), end=("S1",)))
    assert found.now == ()
    assert found.holdings[0].ends_on == until
    assert quote(ALL, *found.holdings, period=Period.of("2027-06")).month == ()


def test_ending_a_term_at_once_gives_the_rest_back_less_the_penalty_by_its_monthly_share() -> None:
    terms = replace(YEAR[0], cancel_effect="AT_ONCE")
    prices = book((terms, YEAR[1]))
    holding = ahead("year", date(2026, 6, 1), date(2027, 6, 1))
    found = quote(prices, holding, change=Change(on=date(2026, 12, 1), end=("S1",)))
    # 360 a year: six months left cost 180, half of it is 90; 182 of 365 days are given back.
    assert codes(found.now) == [("year/PENALTY", 9000), ("year/PERIOD", -17951)]


def test_a_free_term_has_nothing_to_give_back() -> None:
    prices = book(offer(replace(YEAR[0], cancel_effect="AT_ONCE"), period=rate(0)))
    holding = ahead("year", date(2026, 6, 1), date(2027, 6, 1))
    assert quote(prices, holding, change=Change(on=nov(13), end=("S1",))).now == ()


def test_a_paused_term_without_end_is_cancelled_next_month_or_at_once_without_giving_back() -> None:
    holding = replace(
        ahead("year", date(2026, 6, 1), date(2027, 6, 1)),
        stops=(Stop("CUSTOMER", nov(1)),),
        committed_until=None,
    )
    found = quote(ALL, holding, change=Change(on=nov(13), end=("S1",)))
    assert (found.now, found.holdings[0].ends_on) == ((), FIRST_OF_NEXT)


def test_what_has_not_begun_is_taken_back_without_cost() -> None:
    later = replace(locked("net", date(2027, 12, 1)), begins_on=FIRST_OF_NEXT)
    found = quote(ALL, later, change=Change(on=nov(13), end=("S1",)))
    assert found.now == ()
    assert found.holdings[0].ends_on == FIRST_OF_NEXT
    assert quote(ALL, *found.holdings, period=Period.of("2026-12")).month == ()


def test_what_was_ordered_for_a_later_day_gives_its_set_up_fee_back() -> None:
    later = replace(held("S1", "net", FIRST_OF_NEXT), is_returnable=True)
    assert codes(quote(ALL, later, change=Change(on=nov(13), end=("S1",))).now) == [("net/ONCE", -10000)]


def test_returning_is_over_after_the_last_day_and_for_what_was_billed() -> None:
    terms = replace(NET[0], return_days=7, cancel_effect="AT_ONCE", penalty_kind="NONE", penalty_cents=0)
    prices = book((terms, NET[1]))
    holding = replace(held("S1", "net", nov(1)), is_returnable=True)
    last_day = quote(prices, holding, change=Change(on=nov(7), end=("S1",)))
    assert (last_day.now_cents, last_day.month_cents) == (-10000, 0)
    day_after = quote(prices, holding, change=Change(on=nov(8), end=("S1",)))
    assert (day_after.now_cents, day_after.month_cents) == (0, 1400)
    billed = quote(prices, replace(holding, is_returnable=False), change=Change(on=nov(7), end=("S1",)))
    assert (billed.now_cents, billed.month_cents) == (0, 1200)


# Penalties


@pytest.mark.parametrize(
    ("kind", "percent", "cents", "ends", "expected"),
    [
        ("NONE", 0, 0, nov(13), 0),
        ("FIXED", 0, 20000, nov(13), 20000),
        ("PER_MONTH", 0, 1000, nov(13), 6000),  # 13 November to 1 June: six whole months
        ("PER_MONTH", 0, 1000, date(2027, 5, 2), 0),  # less than a month is free
        ("PER_MONTH", 0, 1000, date(2027, 6, 1), 0),
        ("PERCENT", 30, 0, nov(13), 10800),
        ("PERCENT", 33, 0, date(2027, 4, 30), 1980),
    ],
)
def test_what_ending_early_costs(kind: str, percent: int, cents: int, ends: date, expected: int) -> None:
    terms = Terms(
        "tv", "tv", cancel_effect="AT_ONCE", penalty_kind=kind, penalty_percent=percent, penalty_cents=cents
    )
    prices = book(offer(terms, period=rate(6000)))
    found = quote(prices, locked("tv", date(2027, 6, 1)), change=Change(on=ends, end=("S1",)))
    assert found.now_cents == expected


def test_an_end_that_was_agreed_already_had_its_penalty() -> None:
    terms = Terms("tv", "tv", cancel_effect="AT_ONCE", penalty_kind="PER_MONTH", penalty_cents=1000)
    prices = book(offer(terms, period=rate(6000)))
    ending = replace(locked("tv", date(2027, 6, 1)), ends_on=date(2027, 3, 1))
    found = quote(prices, ending, change=Change(on=date(2027, 1, 1), end=("S1",)))
    assert found.now_cents == 2000  # five months are left in place of three
    fixed = book(offer(replace(terms, penalty_kind="FIXED"), period=rate(6000)))
    assert quote(fixed, ending, change=Change(on=date(2027, 1, 1), end=("S1",))).now == ()


# Refusals


@pytest.mark.parametrize(
    ("holding", "change", "error"),
    [
        (held("S1", "tv"), Change(on=nov(13), end=("S2",)), NotHeld),
        (held("S1", "tv", ends=nov(13)), Change(on=nov(13), end=("S1",)), NotHeld),
        (held("S1", "tv", FIRST_OF_NEXT, FIRST_OF_NEXT), Change(on=nov(13), end=("S1",)), NotHeld),
        (held("S1", "tv", ends=FIRST_OF_NEXT), Change(on=nov(13), end=("S1",)), AlreadyEnds),
        (held("S1", "net", ends=FIRST_OF_NEXT), Change(on=nov(13), turn={"S1": "phone"}), AlreadyEnds),
        (held("S1", "tv"), Change(on=nov(13), end=("S1",), turn={"S1": "net"}), Contradiction),
        (held("S1", "tv"), Change(on=nov(13), end=("S1", "S1")), Contradiction),
        (held("S1", "tv"), Change(on=nov(13), turn={"S1": "tv"}), Contradiction),
        (held("S1", "tv"), Change(on=nov(13), add=("nothing",)), NoOffer),
        (held("S1", "tv"), Change(on=nov(13), turn={"S1": "nothing"}), NoOffer),
        (held("S1", "nothing"), Change(on=nov(13), add=("tv",)), NoOffer),
        (held("S1", "tv"), Change(on=date(2019, 1, 1), add=("net",)), NoPrice),
        (held("S1", "tv"), Change(on=date(2019, 1, 1), add=("box",)), NoPrice),
        (held("S1", "tv"), Change(on=date(2019, 1, 1), add=("season",)), NoPrice),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    holding: Holding, change: Change, error: type[PricingError]
) -> None:
    with pytest.raises(error) as refused:
        quote(ALL, holding, change=change)
    assert refused.value.code in str(refused.value)


def test_a_ref_that_stands_twice_is_refused() -> None:
    with pytest.raises(Contradiction):
        quote(ALL, held("S1", "tv"), held("S1", "net"))


def test_a_day_without_a_price_is_never_free() -> None:
    prices = book((Terms("tv", "tv"), {"PERIOD": (rate(2600, ends=nov(16)),)}))
    with pytest.raises(NoPrice, match="NO_PRICE: tv/PERIOD on 2026-11-16"):
        quote(prices, held("S1", "tv"))
    fee = book(offer(Terms("tv", "tv", while_paused="FEE"), period=rate(2600)))
    with pytest.raises(NoPrice, match="tv/PAUSE"):
        quote(fee, replace(held("S1", "tv"), stops=(Stop("CUSTOMER", nov(3)),)))


@pytest.mark.parametrize("change", [Change(nov(18), end=("S-1",)), Change(nov(18), turn={"S-1": "more"})])
def test_on_the_day_of_renewal_nothing_is_given_back_that_was_never_charged(change: Change) -> None:
    term = Terms(
        "term",
        "tv",
        cycle="TERM",
        term_months=24,
        is_renewed=True,
        cancel_effect="AT_ONCE",
        upgrades_to=frozenset({"more"}),
    )
    prices = book(offer(term, period=rate(49800)), offer(Terms("more", "tv"), period=rate(6000)))
    renewed = Holding("S-1", "term", date(2024, 11, 18), paid_until=nov(18))
    found = quote(prices, renewed, change=change)
    assert found.now_cents == 0
    assert not any(line.amount_cents for line in found.month if line.ref == "S-1")


def test_what_the_first_term_was_billed_at_is_given_back_by_days_whatever_discounts_hold_since() -> None:
    term = Terms("term", "tv", cycle="TERM", term_months=1, cancel_effect="AT_ONCE")
    prices = book(offer(term, period=rate(6000)))
    paid = Holding("S-1", "term", nov(1), paid_until=date(2026, 12, 1), first_term_cents=3000)
    assert quote(prices, paid, change=Change(nov(16), end=("S-1",))).now_cents == -1500
