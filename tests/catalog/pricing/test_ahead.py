"""Terms paid ahead: their ends, renewals, month ends, and what a pause does to them."""

from dataclasses import replace
from datetime import date
from itertools import islice

import pytest

from catalog.pricing import paid_until
from catalog.pricing.ahead import paid_terms, running_term
from catalog.pricing.days import add_months, next_month, share, whole_months
from catalog.pricing.types import Holding, Period, Rule, Stop, Terms
from tests.catalog.pricing.build import ALWAYS, book, codes, held, nov, offer, quote, rate, with_rules

MONTHLY = Terms("month", "pack", cycle="TERM", term_months=1, is_renewed=True)
YEAR = Terms("year", "pack", cycle="TERM", term_months=12, is_renewed=True)


def ahead(terms: Terms, begins: date, until: date, *stops: Stop) -> Holding:
    return Holding("S1", terms.offer, begins, paid_until=until, stops=stops)


def starts(holding: Holding, terms: Terms, number: int) -> list[date]:
    return [begins for begins, _ in islice(paid_terms(holding, terms), number)]


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2026, 12, 31), 12, date(2027, 12, 31)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 11, 13), 2, date(2027, 1, 13)),
    ],
)
def test_months_are_counted_by_the_calendar(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@pytest.mark.parametrize(
    ("first", "end", "expected"),
    [
        (date(2026, 1, 31), date(2026, 2, 28), 1),
        (date(2026, 1, 31), date(2026, 2, 27), 0),
        (date(2026, 11, 13), date(2027, 11, 12), 11),
        (date(2026, 11, 13), date(2027, 11, 13), 12),
        (date(2027, 1, 1), date(2026, 1, 1), 0),
    ],
)
def test_whole_months_between_two_days(first: date, end: date, expected: int) -> None:
    assert whole_months(first, end) == expected


def test_a_half_fen_is_rounded_up() -> None:
    assert [share(1, 1, 2), share(1, 1, 3), share(2, 1, 3), share(5, 15, 30)] == [1, 0, 1, 3]


def test_months_have_names_and_days() -> None:
    period = Period.of("2026-12")
    assert (period.begins_on, period.ends_on, period.days) == (date(2026, 12, 1), date(2027, 1, 1), 31)
    assert period.code == "2026-12"
    assert Period.containing(date(2028, 2, 29)).days == 29
    assert (next_month(date(2026, 12, 31)), next_month(nov(1))) == (date(2027, 1, 1), date(2026, 12, 1))


@pytest.mark.parametrize("code", ["2026-13", "2026", "", "2026-11-01"])
def test_what_names_no_month_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Period.of(code)


@pytest.mark.parametrize(
    ("begins", "ends"), [(nov(2), date(2026, 12, 1)), (nov(1), nov(30)), (nov(1), date(2027, 1, 1))]
)
def test_another_span_of_days_is_no_month(begins: date, ends: date) -> None:
    with pytest.raises(ValueError, match="is not a month"):
        Period(begins, ends)


def test_terms_from_the_last_of_january_do_not_drift() -> None:
    holding = ahead(MONTHLY, date(2026, 1, 31), date(2026, 2, 28))
    assert starts(holding, MONTHLY, 4) == [
        date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 28), date(2026, 4, 28),
    ]  # fmt: skip
    by_begin = replace(holding, paid_until=None)
    assert starts(by_begin, MONTHLY, 4) == [
        date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30),
    ]  # fmt: skip


def test_free_days_off_push_the_end_of_a_term_and_of_all_that_follow() -> None:
    stops = (
        Stop("CUSTOMER", date(2025, 12, 20), date(2026, 1, 3)),  # two of its days are in the term
        Stop("CUSTOMER", date(2026, 1, 10), date(2026, 1, 20)),
        Stop("ARREARS", date(2026, 1, 15), date(2026, 1, 25)),  # the same days count once
        Stop("CUSTOMER", date(2025, 1, 1), date(2025, 2, 1)),
        Stop("CUSTOMER", date(2026, 8, 1), date(2026, 8, 1)),
    )
    holding = ahead(MONTHLY, date(2026, 1, 1), date(2026, 2, 1), *stops)
    assert paid_until(holding, MONTHLY) == date(2026, 2, 18)
    assert starts(holding, MONTHLY, 3) == [date(2026, 1, 1), date(2026, 2, 18), date(2026, 3, 18)]


def test_a_pause_that_begins_on_the_day_of_renewal_puts_it_off() -> None:
    holding = ahead(
        MONTHLY, date(2026, 1, 1), date(2026, 2, 1), Stop("CUSTOMER", date(2026, 2, 1), date(2026, 2, 5))
    )
    assert starts(holding, MONTHLY, 2) == [date(2026, 1, 1), date(2026, 2, 5)]
    prices = book(offer(MONTHLY, period=rate(3000)))
    found = quote(prices, holding, period=Period.of("2026-02"))
    assert [(line.begins_on, line.amount_cents) for line in found.month] == [(date(2026, 2, 5), 3000)]


def test_nobody_knows_the_end_of_a_term_that_is_paused_without_end() -> None:
    holding = ahead(YEAR, date(2026, 1, 1), date(2027, 1, 1), Stop("CUSTOMER", date(2026, 2, 1)))
    assert paid_until(holding, YEAR) == date.max
    assert list(paid_terms(holding, YEAR)) == [(date(2026, 1, 1), date.max)]


def test_days_off_that_are_charged_push_nothing() -> None:
    stop = Stop("CUSTOMER", date(2026, 2, 1))
    full = replace(YEAR, while_paused="FULL")
    assert paid_until(ahead(full, date(2026, 1, 1), date(2027, 1, 1), stop), full) == date(2027, 1, 1)
    assert paid_until(held("S1", "year"), YEAR) is None


def test_the_running_term() -> None:
    holding = ahead(YEAR, date(2026, 1, 1), date(2027, 1, 1))
    assert running_term(holding, YEAR, date(2027, 1, 1)) == (date(2027, 1, 1), date(2028, 1, 1))
    assert running_term(holding, YEAR, date(2025, 1, 1)) is None
    assert running_term(replace(holding, ends_on=date(2027, 1, 1)), YEAR, date(2027, 5, 1)) is None


def test_an_imported_term_is_charged_from_its_begin_and_renewed_while_held() -> None:
    prices = book(offer(YEAR, period=rate(36000)))
    holding = held("S1", "year", date(2024, 11, 13))
    for code, expected in [("2024-10", []), ("2024-11", [36000]), ("2025-11", [36000]), ("2025-12", [0])]:
        assert [
            line.amount_cents for line in quote(prices, holding, period=Period.of(code)).month
        ] == expected
    over = replace(holding, ends_on=date(2025, 11, 13))
    assert quote(prices, over, period=Period.of("2025-11")).month_cents == 0
    once = book(offer(replace(YEAR, is_renewed=False), period=rate(36000)))
    assert quote(once, holding, period=Period.of("2025-11")).month_cents == 0


def test_discounts_on_a_term_are_those_of_its_first_day() -> None:
    prices = with_rules(
        book(offer(YEAR, period=rate(36000))),
        Rule("minus-ten", "PERIOD", "MINUS", 1000, ALWAYS, date(2026, 11, 14), offers=frozenset({"year"})),
    )
    on_last_day = ahead(YEAR, date(2025, 11, 13), nov(13))
    assert codes(quote(prices, on_last_day).month) == [
        ("year/PERIOD", 36000),
        ("year/PERIOD/minus-ten", -1000),
    ]
    too_late = ahead(YEAR, date(2025, 11, 14), nov(14))
    assert codes(quote(prices, too_late).month) == [("year/PERIOD", 36000)]


def test_a_month_paid_ahead_costs_nothing_and_is_seen() -> None:
    terms = Terms("tv", "tv")
    prices = book(offer(terms, period=rate(3000)))
    found = quote(prices, ahead(terms, date(2026, 1, 1), nov(16)))
    assert [(line.amount_cents, line.begins_on) for line in found.month] == [(0, nov(1)), (1500, nov(16))]


def test_a_pause_after_a_term_does_not_touch_it() -> None:
    holding = ahead(
        YEAR, date(2026, 1, 1), date(2027, 1, 1), Stop("CUSTOMER", date(2027, 1, 2), date(2027, 2, 1))
    )
    assert paid_until(holding, YEAR) == date(2027, 1, 1)
    assert starts(holding, YEAR, 3) == [date(2026, 1, 1), date(2027, 1, 1), date(2028, 1, 31)]
