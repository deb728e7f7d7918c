"""What may be ordered together, and for whom an offer is."""

from dataclasses import replace
from datetime import date

import pytest

from catalog.pricing import Buyer, Conditions, Problem, Reason, eligible, problems
from catalog.pricing.types import Change, Customer, Holding, PriceBook, Terms
from tests.catalog.pricing.build import Priced, book, held, nov, offer, rate

ON = nov(13)
EVERYBODY = Buyer()


NONE: frozenset[str] = frozenset()


def sold(
    code: str,
    *,
    group: str = "",
    needs: frozenset[str] = NONE,
    must_buy: frozenset[str] = NONE,
    excludes: frozenset[str] = NONE,
) -> Priced:
    terms = Terms(
        code,
        code,
        group=group,
        needs=needs,
        must_buy=must_buy,
        excludes=excludes,
        cancel_effect="AT_ONCE",
        change_effect="AT_ONCE",
    )
    return offer(terms, period=rate(100))


SHELF = book(
    sold("basic", group="basis"),
    sold("basic-4k", group="basis"),
    sold("net"),
    sold("sport", needs=frozenset({"basic", "basic-4k"})),
    sold("both", needs=frozenset({"basic", "net"})),
    sold("box", must_buy=frozenset({"net"})),
    sold("solo", excludes=frozenset({"net"})),
    sold("orphan", needs=frozenset({"not-in-the-book"})),
)


def found(
    *holdings: Holding,
    add: tuple[str, ...] = (),
    end: tuple[str, ...] = (),
    turn: dict[str, str] | None = None,
    place: str = "",
    prices: PriceBook = SHELF,
) -> list[Problem]:
    return list(
        problems(
            holdings=holdings,
            change=Change(on=ON, add=add, end=end, turn=turn or {}, place=place),
            customer=Customer(),
            book=prices,
            conditions={code: Conditions(code) for code in prices.terms},
            buyer=EVERYBODY,
        )
    )


BASIC, NET = held("S1", "basic"), held("S2", "net")


def test_what_stands_alone_may_be_ordered() -> None:
    assert found(add=("basic",)) == []


@pytest.mark.parametrize(
    ("holdings", "add", "expected"),
    [
        ((), ("sport",), [Problem("NEEDS", "sport", ("basic", "basic-4k"))]),
        ((BASIC,), ("sport",), []),
        ((), ("sport", "basic-4k"), []),
        ((replace(BASIC, ends_on=ON),), ("sport",), [Problem("NEEDS", "sport", ("basic", "basic-4k"))]),
        ((replace(BASIC, place="there"),), ("sport",), [Problem("NEEDS", "sport", ("basic", "basic-4k"))]),
        ((), ("both",), [Problem("NEEDS", "both", ("basic",)), Problem("NEEDS", "both", ("net",))]),
        ((), ("box",), [Problem("MUST_BUY", "box", ("net",))]),
        ((), ("box", "net"), []),
        ((NET,), ("box",), []),
        ((), ("orphan",), [Problem("NEEDS", "orphan", ("not-in-the-book",))]),
    ],
)
def test_what_an_offer_needs(
    holdings: tuple[Holding, ...], add: tuple[str, ...], expected: list[Problem]
) -> None:
    assert found(*holdings, add=add) == expected


SPORT = held("S3", "sport")


@pytest.mark.parametrize(
    ("holdings", "end", "turn", "expected"),
    [
        ((BASIC, SPORT), ("S1",), {}, [Problem("NEEDED_BY", "basic", ("sport",))]),
        ((BASIC, SPORT), (), {"S1": "net"}, [Problem("NEEDED_BY", "basic", ("sport",))]),
        ((BASIC, SPORT), (), {"S1": "basic-4k"}, []),
        ((BASIC, SPORT), ("S1", "S3"), {}, []),
        ((BASIC, replace(SPORT, place="there")), ("S1",), {}, []),
        ((BASIC, NET, held("S4", "both")), ("S2",), {}, [Problem("NEEDED_BY", "net", ("both",))]),
        ((BASIC, NET, SPORT), ("S2",), {}, []),
    ],
)
def test_what_others_need_may_not_go(
    holdings: tuple[Holding, ...], end: tuple[str, ...], turn: dict[str, str], expected: list[Problem]
) -> None:
    assert found(*holdings, end=end, turn=turn) == expected


@pytest.mark.parametrize(
    ("holdings", "add", "expected"),
    [
        ((NET,), ("solo",), [Problem("EXCLUDES", "solo", ("net",))]),
        ((held("S1", "solo"),), ("net",), [Problem("EXCLUDES", "net", ("solo",))]),
        ((replace(NET, ends_on=ON),), ("solo",), []),
        ((replace(NET, place="there"),), ("solo",), []),
        ((BASIC,), ("basic-4k",), [Problem("GROUP", "basic-4k", ("basic",))]),
        ((BASIC,), ("basic",), [Problem("MOST_PER_ACCOUNT", "basic")]),
        ((), ("net", "net"), [Problem("MOST_PER_ACCOUNT", "net")]),
        ((replace(BASIC, ends_on=ON),), ("basic",), []),
    ],
)
def test_what_may_not_be_held_together(
    holdings: tuple[Holding, ...], add: tuple[str, ...], expected: list[Problem]
) -> None:
    assert found(*holdings, add=add) == expected


def test_turning_one_of_a_group_into_another_is_no_conflict() -> None:
    assert found(BASIC, turn={"S1": "basic-4k"}) == []


def test_at_another_address_everything_is_counted_anew() -> None:
    assert found(BASIC, add=("basic-4k",), place="there") == []


def test_what_pricing_refuses_is_a_problem_with_its_code() -> None:
    assert found(end=("S9",)) == [Problem("NOT_HELD", "S9")]
    assert found(add=("nothing",)) == [Problem("NOT_ON_SALE", "nothing"), Problem("NO_OFFER", "nothing")]
    later = book(offer(Terms("tv", "tv"), period=rate(100, begins=date(2027, 1, 1))))
    assert found(add=("tv",), prices=later) == [Problem("NO_PRICE", "tv/PERIOD")]


KIDS = Conditions(
    "kids",
    regions=frozenset({"north", "east"}),
    kinds=frozenset({"PERSONAL"}),
    tiers=frozenset({"GOLD"}),
    segments=frozenset({"kids", "farm"}),
    begins_on=nov(1),
    ends_on=nov(20),
)
HIS = Buyer(frozenset({"all", "north", "town"}), "PERSONAL", "GOLD", frozenset({"kids"}))


def test_who_may_have_an_offer_is_told_why() -> None:
    answer = eligible(HIS, KIDS, ON)
    assert answer.is_eligible
    assert answer.because == (
        Reason("FOR_REGION", "north"),
        Reason("FOR_KIND", "PERSONAL"),
        Reason("FOR_TIER", "GOLD"),
        Reason("FOR_SEGMENT", "kids"),
    )


def test_what_is_for_everybody_has_no_reason() -> None:
    assert eligible(EVERYBODY, Conditions("tv"), ON).because == ()


@pytest.mark.parametrize(
    ("buyer", "expected"),
    [
        (replace(HIS, regions=frozenset({"all"})), ["NOT_FOR_REGION", "NOT_FOR_REGION"]),
        (replace(HIS, kind="ENTERPRISE"), ["NOT_FOR_KIND"]),
        (replace(HIS, tier=""), ["NOT_FOR_TIER"]),
        (replace(HIS, segments=frozenset()), ["NOT_FOR_SEGMENT", "NOT_FOR_SEGMENT"]),
    ],
)
def test_who_may_not_is_told_for_whom_it_is(buyer: Buyer, expected: list[str]) -> None:
    answer = eligible(buyer, KIDS, ON)
    assert not answer.is_eligible
    assert [reason.code for reason in answer.refusals] == expected


@pytest.mark.parametrize(
    ("conditions", "on", "expected"),
    [
        (KIDS, nov(1), True),
        (KIDS, date(2026, 10, 31), False),
        (KIDS, nov(19), True),
        (KIDS, nov(20), False),
        (replace(KIDS, is_published=False), ON, False),
    ],
)
def test_an_offer_is_sold_while_it_is_published_and_inside_its_dates(
    conditions: Conditions, on: date, expected: bool
) -> None:
    answer = eligible(HIS, conditions, on)
    assert answer.is_eligible is expected
    assert (Reason("NOT_ON_SALE", "kids") in answer.refusals) is not expected


def test_each_problem_is_named_once() -> None:
    answer = problems(
        holdings=(),
        change=Change(on=ON, add=("net", "net")),
        customer=Customer(),
        book=SHELF,
        conditions={"net": replace(KIDS, offer="net")},
        buyer=EVERYBODY,
    )
    assert [problem.code for problem in answer] == [
        "NOT_FOR_REGION", "NOT_FOR_KIND", "NOT_FOR_TIER", "NOT_FOR_SEGMENT", "MOST_PER_ACCOUNT",
    ]  # fmt: skip
