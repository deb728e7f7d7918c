from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import money

AMOUNTS = st.integers(-money.MAX_CENTS, money.MAX_CENTS)


@given(AMOUNTS)
def test_what_is_printed_is_read_back_exactly(cents: int) -> None:
    assert money.parse_yuan(money.yuan(cents), allow_negative=True) == cents


@given(AMOUNTS)
def test_printed_yuan_is_the_exact_decimal(cents: int) -> None:
    assert Decimal(money.yuan(cents)) == Decimal(cents) / 100


@given(AMOUNTS)
def test_display_differs_from_plain_yuan_only_in_sign_of_currency_and_separators(cents: int) -> None:
    assert money.display(cents).replace("¥", "").replace(",", "") == money.yuan(cents)


@given(st.text(max_size=20))
def test_any_text_is_parsed_exactly_or_refused(text: str) -> None:
    try:
        cents = money.parse_yuan(text, allow_negative=True)
    except money.BadAmount:
        return
    assert text.isascii()
    assert Decimal(text) * 100 == cents


@pytest.mark.parametrize(
    ("text", "cents"),
    [("26", 2600), ("26.0", 2600), ("26.00", 2600), ("0.01", 1), ("0", 0), ("-0.00", 0), ("007", 700)],
)
def test_plain_amounts(text: str, cents: int) -> None:
    assert money.parse_yuan(text) == cents


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 26",
        "26 ",
        "26\n",
        "+26",
        "26.",
        ".5",
        "26.001",
        "1e3",
        "1,000",
        "¥26",
        "２６",
        "٢٦",
        "NaN",
        "Infinity",
        "0x1A",
        "1_000",
        "--1",
        "1000000000.00",
        "9" * 13,
        "9" * 5000,
    ],
)
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(money.BadAmount):
        money.parse_yuan(text)


def test_a_negative_amount_needs_leave() -> None:
    with pytest.raises(money.BadAmount):
        money.parse_yuan("-1")
    assert money.parse_yuan("-1", allow_negative=True) == -100


def test_the_largest_amount_is_the_last_that_is_read() -> None:
    assert money.parse_yuan("999999999.99") == money.MAX_CENTS


@given(st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=10_000))
def test_rounding_is_that_of_decimal_half_up(value: Fraction) -> None:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    if abs(value * 2).denominator == 1 or exact == exact.quantize(Decimal("1e-15")):
        assert money.round_half_up(value) == int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    assert abs(money.round_half_up(value) - value) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [("1/2", 1), ("-1/2", -1), ("3/2", 2), ("49/100", 0), ("-49/100", 0), ("0", 0), ("5/3", 2)],
)
def test_a_half_goes_away_from_zero(value: str, rounded: int) -> None:
    assert money.round_half_up(Fraction(value)) == rounded
