"""Discounts: for whom, on which days, together or alone, with a floor."""

from dataclasses import replace
from datetime import date

import pytest

from catalog.pricing.discounts import cheapest
from catalog.pricing.types import Customer, Holding, PriceException, Rule, Stop, Terms
from tests.catalog.pricing.build import (
    ALWAYS,
    book,
    codes,
    held,
    nov,
    offer,
    plain,
    quote,
    rate,
    with_rules,
)

TV = frozenset({"tv"})
PRICES = book(plain("tv", 3000), plain("net", 6000))
HALF = Rule("half", "PERIOD", "PERCENT", 50, ALWAYS, offers=TV)


def month(
    *rules: Rule, holding: Holding | None = None, customer: Customer | None = None
) -> list[tuple[str, int]]:
    asked = holding or held("S1", "tv")
    return codes(quote(with_rules(PRICES, *rules), asked, customer=customer or Customer()).month)


FULL = [("tv/PERIOD", 3000)]
MID = nov(16)
HALVED = [*FULL, ("tv/PERIOD/half", -1500)]


@pytest.mark.parametrize(
    ("rule", "customer"),
    [
        (replace(HALF, kinds=frozenset({"ENTERPRISE"})), Customer(kind="ENTERPRISE")),
        (replace(HALF, tiers=frozenset({"GOLD", "SILVER"})), Customer(tier="SILVER")),
        (replace(HALF, segments=frozenset({"kids"})), Customer(segments=frozenset({"kids", "farm"}))),
    ],
)
def test_a_rule_is_for_those_whom_it_names(rule: Rule, customer: Customer) -> None:
    assert month(rule, customer=customer) == HALVED
    assert month(rule) == FULL


@pytest.mark.parametrize(
    "rule",
    [
        replace(HALF, charge="PAUSE"),
        replace(HALF, offers=frozenset({"net"})),
        replace(HALF, ends_on=nov(1)),
        replace(HALF, begins_on=date(2026, 12, 1)),
        replace(HALF, terminals=frozenset({2})),
        replace(HALF, with_offers=frozenset({"net"})),
        replace(HALF, months=10),  # until 1 November
        replace(HALF, is_for_new=True, begins_on=date(2026, 1, 2)),
        replace(HALF, is_for_new=True, ends_on=date(2026, 1, 1)),
        replace(HALF, value=100),
        replace(HALF, effect="FIXED", value=3100),
        replace(HALF, floor_cents=3000),
    ],
)
def test_a_rule_that_does_not_apply_leaves_no_line(rule: Rule) -> None:
    assert month(rule) == FULL


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        (replace(HALF, types=frozenset({"tv"}), offers=frozenset()), 1500),
        (replace(HALF, terminals=frozenset({1})), 1500),
        (replace(HALF, effect="MINUS", value=400), 400),
        (replace(HALF, effect="MINUS", value=99999), 3000),
        (replace(HALF, effect="MINUS", value=99999, floor_cents=100), 2900),
        (replace(HALF, effect="FIXED", value=0), 3000),
        (replace(HALF, effect="FIXED", value=1999), 1001),
        (replace(HALF, floor_cents=2000), 1000),
        (replace(HALF, begins_on=nov(16)), 750),
        (replace(HALF, ends_on=nov(11)), 500),
        (replace(HALF, is_for_new=True, ends_on=date(2026, 1, 2)), 1500),
    ],
)
def test_what_a_rule_takes_off(rule: Rule, taken: int) -> None:
    assert month(rule) == [*FULL, ("tv/PERIOD/half", -taken)]


def test_for_new_ones_the_discount_goes_on_after_the_campaign_for_its_months() -> None:
    rule = replace(HALF, is_for_new=True, begins_on=date(2026, 8, 1), ends_on=date(2026, 9, 1), months=3)
    assert month(rule, holding=held("S1", "tv", date(2026, 8, 11))) == [*FULL, ("tv/PERIOD/half", -500)]
    assert month(rule, holding=held("S1", "tv", date(2026, 9, 1))) == FULL


def test_those_that_go_together_are_taken_off_by_priority_then_code() -> None:
    ten = Rule("ten", "PERIOD", "MINUS", 1000, ALWAYS, offers=TV)
    assert month(HALF, ten) == [*FULL, ("tv/PERIOD/half", -1500), ("tv/PERIOD/ten", -1000)]
    assert month(HALF, replace(ten, priority=1)) == [
        *FULL,
        ("tv/PERIOD/ten", -1000),
        ("tv/PERIOD/half", -1000),
    ]


def test_the_cheapest_exclusive_one_stands_alone_where_it_is_cheaper_than_all_the_others() -> None:
    alone = replace(HALF, code="alone", value=40, is_exclusive=True)
    ten = Rule("ten", "PERIOD", "MINUS", 1000, ALWAYS, offers=TV)
    assert cheapest(3000, [alone, replace(alone, code="dear", value=45), HALF]) == (("alone", 1800),)
    assert cheapest(3000, [alone, HALF, ten]) == (("half", 1500), ("ten", 1000))
    assert cheapest(3000, [replace(alone, value=50), HALF]) == (("half", 1500),)
    assert cheapest(3000, [replace(alone, value=100)]) == ()
    assert cheapest(0, [alone, HALF]) == ()


def test_a_bundle_counts_on_the_days_on_which_all_of_it_is_held() -> None:
    rule = replace(HALF, with_offers=frozenset({"net"}))
    net = held("S2", "net", nov(6), nov(16))
    [tv, discount] = quote(with_rules(PRICES, rule), held("S1", "tv"), net).month[:2]
    assert (tv.amount_cents, discount.amount_cents) == (3000, -500)
    assert (discount.begins_on, discount.ends_on) == (nov(6), nov(16))


def test_discounts_of_two_spells_are_two_lines_that_sum_up_exactly() -> None:
    rule = replace(HALF, with_offers=frozenset({"net"}))
    prices = with_rules(book(plain("tv", 2600), plain("net", 0)), rule)
    spells = (held("S2", "net", nov(1), nov(11)), held("S3", "net", nov(21)))
    lines = quote(prices, held("S1", "tv"), *spells).month
    # 13 × 10 ÷ 30 = 4.333… twice: left 21.666…, then 17.333…
    assert [line.amount_cents for line in lines if line.offer == "tv"] == [2600, -433, -434]


def test_a_discount_too_small_for_a_fen_leaves_no_line() -> None:
    assert month(replace(HALF, effect="MINUS", value=1, begins_on=nov(30))) == FULL


def test_the_pause_fee_has_rules_of_its_own() -> None:
    prices = book(offer(Terms("tv", "tv", while_paused="FEE"), period=rate(3000), pause=rate(600)))
    paused = replace(held("S1", "tv"), stops=(Stop("CUSTOMER", date(2026, 10, 1)),))
    rule = replace(HALF, charge="PAUSE")
    assert codes(quote(with_rules(prices, rule, replace(HALF, code="no")), paused).month) == [
        ("tv/PAUSE", 600),
        ("tv/PAUSE/half", -300),
    ]


# Exceptions


def excepted(cents: int, *, charge: str = "PERIOD", code: str = "tv", ends: date = MID) -> Customer:
    return Customer(exceptions=(PriceException(code, charge, cents, ALWAYS, ends),))


def test_an_exception_stands_instead_of_the_price_and_no_rule_comes_on_top() -> None:
    assert month(HALF, customer=excepted(2000)) == [
        *FULL,
        ("tv/PERIOD/EXCEPTION", -500),
        ("tv/PERIOD/half", -750),
    ]


def test_an_exception_never_makes_it_dearer_and_still_keeps_rules_out() -> None:
    assert month(HALF, customer=excepted(9000, ends=date(2027, 1, 1))) == FULL


@pytest.mark.parametrize(
    "customer", [excepted(0, charge="ONCE"), excepted(0, code="net"), excepted(0, ends=nov(1))]
)
def test_an_exception_for_something_else_changes_nothing(customer: Customer) -> None:
    assert month(customer=customer) == FULL


# Reasons for being off


@pytest.mark.parametrize(
    ("stops", "expected"),
    [
        ((Stop("CUSTOMER", nov(1)),), [("tv/PAUSE", 600)]),
        ((Stop("FRAUD_CHECK", nov(1)),), FULL),
        ((Stop("STAFF", nov(1)), Stop("CUSTOMER", nov(1))), [("tv/PAUSE", 600)]),
        ((Stop("ARREARS", nov(1)), Stop("CUSTOMER", nov(1))), [("tv/PERIOD", 0)]),
        ((Stop("ARREARS", nov(1), nov(1)),), FULL),
    ],
)
def test_of_several_reasons_the_kindest_counts(
    stops: tuple[Stop, ...], expected: list[tuple[str, int]]
) -> None:
    terms = Terms("tv", "tv", while_paused="FEE", while_in_arrears="NONE", while_checked="FULL")
    prices = book(offer(terms, period=rate(3000), pause=rate(600)))
    assert codes(quote(prices, replace(held("S1", "tv"), stops=stops)).month) == expected


def test_each_stop_has_thirty_days_of_its_own() -> None:
    terms = Terms("tv", "tv", while_in_arrears="FIRST_30_DAYS")
    stops = (Stop("ARREARS", date(2026, 9, 1), nov(6)), Stop("ARREARS", nov(6)))
    found = quote(book(offer(terms, period=rate(3000))), replace(held("S1", "tv"), stops=stops))
    assert [(line.begins_on, line.amount_cents) for line in found.month] == [(nov(1), 0), (nov(6), 2500)]


# Days at one price are one stretch


def test_a_new_version_at_the_same_price_cuts_nothing() -> None:
    versions = (rate(2600, ends=nov(11)), rate(2600, begins=nov(11)))
    found = quote(book((Terms("tv", "tv"), {"PERIOD": versions})), held("S1", "tv"))
    assert codes(found.month) == [("tv/PERIOD", 2600)]


def test_a_discount_that_goes_on_is_one_line_though_others_come_and_go() -> None:
    prices = with_rules(
        book(plain("tv", 2600), plain("net", 0)), replace(HALF, with_offers=frozenset({"net"}))
    )
    one_after_the_other = (held("S2", "net", nov(1), nov(11)), held("S3", "net", nov(11)))
    found = quote(prices, held("S1", "tv"), *one_after_the_other)
    assert [line.amount_cents for line in found.month if line.offer == "tv"] == [2600, -1300]
