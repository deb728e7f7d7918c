"""What a pause does to what is held, and who can be reached while it lasts."""

from datetime import date

import pytest

from catalog.pauses import rules
from catalog.pricing.types import Holding, Stop

BEGIN, END = date(2026, 11, 18), date(2026, 12, 18)
A, B = "+8613900000001", "+8613900000002"


def held(ref: str, *stops: Stop) -> Holding:
    return Holding(ref, "line", date(2026, 1, 1), stops=stops)


@pytest.mark.parametrize(
    ("verified", "off", "expected"),
    [
        ((), (), False),
        ((A,), (), False),
        ((A, A), (), False),
        ((A, B), (), True),
        ((A, B), (A,), True),
        ((A, B), (A, B), False),
    ],
)
def test_two_contacts_and_one_of_them_is_on(
    verified: tuple[str, ...], off: tuple[str, ...], expected: bool
) -> None:
    assert rules.is_reachable(verified, off) is expected


def test_a_pause_is_a_stop_of_its_own_holding_only() -> None:
    found = rules.paused((held("a"), held("b")), "a", BEGIN, END)
    assert found == (held("a", Stop("CUSTOMER", BEGIN, END)), held("b"))


def test_the_open_pause_ends_and_other_stops_stay() -> None:
    arrears, over = Stop("ARREARS", BEGIN), Stop("CUSTOMER", date(2026, 2, 1), date(2026, 3, 1))
    found = rules.ended((held("a", over, arrears, Stop("CUSTOMER", BEGIN)), held("b", arrears)), "a", END)
    assert found == (held("a", over, arrears, Stop("CUSTOMER", BEGIN, END)), held("b", arrears))


def test_a_pause_that_ends_on_its_first_day_never_was() -> None:
    assert rules.ended((held("a", Stop("CUSTOMER", BEGIN)),), "a", BEGIN) == (held("a"),)


@pytest.mark.parametrize("number", ["13900000001", "8613900000001", "+8613900000001"])
def test_a_line_and_a_contact_are_known_for_one_number(number: str) -> None:
    assert rules.as_phone(number) == A
    assert number in rules.spellings(A)
