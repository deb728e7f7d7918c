"""The adviser: months replayed on other offers, and the honest answer."""

from dataclasses import replace
from datetime import date

import pytest

from catalog.pricing import Advice, Month, advise
from catalog.pricing.types import Customer, Holding, Period, PriceBook, PriceException, Rule, Stop, Terms
from tests.catalog.pricing.build import ALWAYS, Priced, book, held, nov, offer, rate

MONTHS = [Period.of(code) for code in ("2026-08", "2026-09", "2026-10")]


def tariff(code: str, cents: int, once: int | None = None) -> Priced:
    terms = Terms(code, "net", group="net", penalty_kind="FIXED", penalty_cents=5000)
    return offer(terms, period=rate(cents), once=rate(once) if once is not None else None)


SHELF = book(
    tariff("present", 6000),
    tariff("cheap", 4000),
    tariff("dear", 9000),
    offer(Terms("year", "net", group="net", cycle="TERM", term_months=12), period=rate(36000)),
    offer(Terms("other", "phone"), period=rate(5000), once=rate(2500)),
    offer(Terms("extra", "extra"), period=rate(1000)),
)
PRESENT = held("S1", "present", date(2026, 1, 1))


def advice(
    *candidates: str,
    present: Holding = PRESENT,
    before: Holding | None = None,
    others: tuple[Holding, ...] = (),
    prices: PriceBook = SHELF,
    customer: Customer | None = None,
) -> Advice:
    return advise(
        months=[Month(period, (before or present, *others)) for period in MONTHS],
        holdings=(present, *others),
        ref=present.ref,
        candidates=candidates,
        customer=customer or Customer(),
        book=prices,
        on=nov(13),
    )


def test_the_best_comes_first_with_what_it_saves() -> None:
    found = advice("dear", "cheap", "present", "cheap", others=(held("S2", "extra"),))
    assert found.present_cents == 21000
    assert [(one.offer, one.total_cents, one.saving_cents, one.net_cents) for one in found.options] == [
        ("cheap", 15000, 6000, 6000),
        ("dear", 30000, -9000, -9000),
    ]
    assert found.best is not None
    assert (found.best.offer, found.best.effective_on) == ("cheap", date(2026, 12, 1))


def test_the_present_one_is_best_where_nothing_saves_or_the_penalty_eats_it() -> None:
    assert advice("dear").best is None
    bound = replace(PRESENT, committed_until=date(2027, 11, 13))
    found = advice("cheap", present=bound)
    assert (found.options[0].penalty_cents, found.options[0].net_cents) == (5000, 1000)
    prices = PriceBook(
        {**SHELF.terms, "present": replace(SHELF.terms["present"], penalty_cents=6000)}, SHELF.rates
    )
    assert advice("cheap", present=bound, prices=prices).best is None


def test_a_set_up_fee_is_set_against_the_saving() -> None:
    [option] = advice("other").options
    assert (option.saving_cents, option.setup_cents, option.net_cents) == (3000, 2500, 500)


def test_a_term_is_compared_by_its_months_and_its_advance_payment_is_no_cost_of_changing() -> None:
    [option] = advice("year").options
    assert (option.total_cents, option.saving_cents, option.net_cents) == (9000, 9000, 9000)
    assert option.ahead_cents == 36000, "it is said all the same"
    assert advice("cheap").options[0].ahead_cents == 0
    paid = replace(held("S1", "year"), paid_until=date(2027, 1, 1))
    back = advice("cheap", present=paid)
    assert (back.present_cents, back.best) == (9000, None)


def test_a_month_on_an_earlier_offer_of_the_group_is_replayed_too() -> None:
    found = advice("cheap", before=held("S0", "dear"))
    assert (found.present_cents, found.options[0].total_cents) == (27000, 12000)


def test_what_was_at_another_address_or_is_not_in_the_group_stays() -> None:
    elsewhere = replace(held("S2", "dear"), place="there")
    found = advice("cheap", others=(elsewhere, held("S3", "extra")))
    assert (found.present_cents, found.options[0].total_cents) == (48000, 42000)


def test_an_offer_without_group_is_found_by_its_number() -> None:
    found = advice("cheap", present=held("S1", "other"), others=(held("S2", "other"),))
    assert (found.present_cents, found.options[0].total_cents) == (30000, 27000)


def test_pauses_are_replayed_with_the_candidate() -> None:
    prices = PriceBook(
        {**SHELF.terms, "cheap": replace(SHELF.terms["cheap"], while_paused="FULL")}, SHELF.rates
    )
    paused = replace(PRESENT, stops=(Stop("CUSTOMER", date(2026, 9, 1), date(2026, 10, 1)),))
    found = advice("cheap", present=paused, prices=prices)
    assert (found.present_cents, found.options[0].total_cents) == (12000, 12000)


def test_the_prices_are_those_of_today() -> None:
    rates = {**SHELF.rates, ("cheap", "PERIOD"): (rate(1, ends=nov(1)), rate(4500, begins=nov(1)))}
    assert advice("cheap", prices=PriceBook(SHELF.terms, rates)).options[0].total_cents == 13500


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, (9000, 6000)),
        ({"months": 3}, (18000, 12000)),
        ({"is_for_new": True}, (18000, 12000)),
        ({"ends_on": nov(1)}, (18000, 12000)),
        ({"begins_on": nov(1)}, (9000, 6000)),
        ({"types": frozenset[str](), "offers": frozenset({"cheap"})}, (18000, 6000)),
    ],
)
def test_only_discounts_that_go_on_count(rule: dict[str, object], expected: tuple[int, int]) -> None:
    half = Rule("half", "PERIOD", "PERCENT", 50, ALWAYS, types=frozenset({"net"}))
    half = replace(half, **rule)  # type: ignore[arg-type]
    found = advice("cheap", prices=PriceBook(SHELF.terms, SHELF.rates, (half,)))
    assert (found.present_cents, found.options[0].total_cents) == expected


def test_a_discount_in_fen_on_a_term_is_spread_as_the_term_is() -> None:
    rule = Rule(
        "minus", "PERIOD", "MINUS", 1200, ALWAYS, floor_cents=1200, offers=frozenset({"year", "cheap"})
    )
    found = advice("cheap", "year", prices=PriceBook(SHELF.terms, SHELF.rates, (rule,)))
    assert {one.offer: one.total_cents for one in found.options} == {"cheap": 8400, "year": 8700}


def test_his_exception_is_kept_on_both_sides() -> None:
    valid = PriceException("present", "PERIOD", 3000, nov(1), nov(30))
    over = PriceException("cheap", "PERIOD", 1, ALWAYS, nov(1))
    term = PriceException("year", "PERIOD", 12000, ALWAYS, date(2027, 1, 1))
    found = advice("cheap", "year", customer=Customer(exceptions=(valid, over, term)))
    assert found.present_cents == 9000
    assert {one.offer: one.total_cents for one in found.options} == {"cheap": 12000, "year": 3000}


def test_what_cannot_be_priced_is_left_out_by_name() -> None:
    rates = {key: versions for key, versions in SHELF.rates.items() if key != ("dear", "PERIOD")}
    found = advice("dear", "nothing", "cheap", prices=PriceBook(SHELF.terms, rates))
    assert found.left_out == {"dear": "NO_PRICE", "nothing": "NO_OFFER"}
    assert [one.offer for one in found.options] == ["cheap"]


def test_a_present_offer_that_the_book_does_not_have_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="NO_OFFER"):
        advice("cheap", present=held("S1", "vanished"))
