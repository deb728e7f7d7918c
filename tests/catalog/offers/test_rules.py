"""Which price wins where and when: pure decisions, worked by hand."""

from datetime import date

from catalog.offers import rules
from catalog.offers.rules import Version
from catalog.pricing.types import Rate

D1, D2, D3, D4 = (date(2026, month, 1) for month in (1, 4, 7, 10))
DISTRICT, CITY, GROUP, ELSEWHERE = 3, 2, 1, 9
PARENTS = {DISTRICT: CITY, CITY: GROUP, GROUP: None, ELSEWHERE: GROUP}


def version(cents: int, begins: date = D1, ends: date | None = None, **more: object) -> Version:
    return Version((cents,), begins, ends, **more)  # type: ignore[arg-type]  # region_id and kind


def test_a_path_leads_up_and_knows_no_circles() -> None:
    assert rules.path(DISTRICT, PARENTS) == (DISTRICT, CITY, GROUP)
    assert rules.path(None, PARENTS) == ()
    assert rules.path(1, {1: 2, 2: 1}) == (1, 2)


def test_the_nearest_region_wins_then_ones_own_kind() -> None:
    everywhere, city = version(1), version(2, region_id=CITY)
    firms_here, firms = version(3, region_id=CITY, kind="ENTERPRISE"), version(4, kind="ENTERPRISE")
    strange = version(5, region_id=ELSEWHERE)
    found = rules.nearest_first(
        [everywhere, firms, city, strange, firms_here], rules.path(DISTRICT, PARENTS), "ENTERPRISE"
    )
    assert found == [firms_here, city, firms, everywhere]
    assert rules.nearest_first([firms, everywhere], (), "PERSONAL") == [everywhere]


def test_a_near_price_stands_over_a_far_one_for_as_long_as_it_holds() -> None:
    assert rules.timeline([version(2, D2, D3), version(1)]) == (
        Rate((1,), D1, D2),
        Rate((2,), D2, D3),
        Rate((1,), D3, None),
    )


def test_the_same_price_goes_on_in_one_piece() -> None:
    assert rules.timeline([version(1, D2, D3), version(1)]) == (Rate((1,), D1, None),)
    assert rules.timeline([]) == ()
    assert rules.timeline([version(1, D1, D2), version(1, D3)]) == (Rate((1,), D1, D2), Rate((1,), D3, None))


def test_the_first_day_without_a_price() -> None:
    rates = rules.timeline([version(1, D1, D2), version(2, D3)])
    assert rules.first_gap(rates, D1, None) == D2
    assert rules.first_gap(rates, D1, D2) is None
    assert rules.first_gap(rates, D3, None) is None
    assert rules.first_gap(rates, date(2025, 12, 31), D2) == date(2025, 12, 31)
    assert rules.first_gap((), D1, None) == D1
    assert rules.first_gap(rules.timeline([version(1, D1, D4)]), D2, D3) is None


def test_what_holds_and_what_comes() -> None:
    rates = rules.timeline([version(1, D1, D2), version(2, D2)])
    assert rules.rate_on(rates, D1) == rates[0]
    assert rules.rate_on(rates, date(2025, 1, 1)) is None
    assert rules.changes_after(rates, D1) == (rates[1],)
    assert rules.changes_after(rates, D2) == ()


def test_the_first_day_on_which_one_price_is_above_another() -> None:
    fee = rules.timeline([version(5, D1, D3), version(3, D3)])
    assert rules.first_above(rules.timeline([version(5, D1)]), fee, D1) == D3
    assert rules.first_above(rules.timeline([version(5, D1, D3)]), fee, D1) is None
    assert rules.first_above(rules.timeline([version(4, D1)]), fee, D4) == D4
    assert rules.first_above((), fee, D1) is None
