"""The worked numbers of docs/pricing.md, computed: the tables there are what this file compares with."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from catalog.pricing.types import (
    Change,
    Charges,
    Customer,
    Holding,
    Line,
    Period,
    PriceException,
    Rate,
    Rule,
    Stop,
    Terms,
)
from tests.catalog.pricing.build import ALWAYS, LONG_AGO, book, held, nov, offer, plain, quote, rate

DOCUMENT = Path(__file__).parents[3] / "docs" / "pricing.md"
Row = tuple[str, str, str]  # line, days, yuan

TELEVISION = Terms("tv", "tv", is_per_terminal=True)
NET = offer(
    Terms("net-100", "net", return_days=7, while_paused="FEE", upgrades_to=frozenset({"net-300"})),
    period=rate(6000),
    once=rate(10000),
    pause=rate(500),
)
FAST = offer(Terms("net-300", "net", downgrades_to=frozenset({"net-100"})), period=rate(9000))
TERM_24 = offer(
    Terms("tv-24", "tv", cycle="TERM", term_months=24, is_renewed=True, cancel_effect="AT_ONCE"),
    period=rate(49800),
)
PAID_AHEAD = Holding(
    "S1", "tv-24", nov(13), committed_until=date(2028, 11, 13), paid_until=date(2028, 11, 13)
)
GOLD = Customer(tier="GOLD")


def televisions(number: int) -> list[Holding]:
    return [held(f"S{index}", "tv") for index in range(1, number + 1)]


def changshu() -> Charges:
    return quote(book(offer(TELEVISION, period=rate(2400, 0, 1200, 2400))), *televisions(5))


def foshan() -> Charges:
    return quote(book(offer(TELEVISION, period=rate(2600, 500, 500, again=True))), *televisions(5))


def enterprise() -> Charges:
    rule = Rule(
        "non-resident",
        "PERIOD",
        "PERCENT",
        80,
        ALWAYS,
        types=frozenset({"tv-firm"}),
        kinds=frozenset({"ENTERPRISE"}),
    )
    prices = book(plain("tv-firm", 2600), rules=(rule,))
    return quote(prices, held("S1", "tv-firm"), held("S2", "tv-firm"), customer=Customer(kind="ENTERPRISE"))


def nanchang() -> Charges:
    parts = frozenset({"tv", "hd", "vod"})
    rule = Rule("bundle-60", "PERIOD", "MINUS", 2900, ALWAYS, offers=frozenset({"net"}), with_offers=parts)
    prices = book(plain("tv", 2400), plain("hd", 1500), plain("vod", 1000), plain("net", 4000), rules=(rule,))
    return quote(prices, held("S1", "tv"), held("S2", "vod"), held("S3", "net"), held("S4", "hd", nov(16)))


def prepaid() -> Charges:
    return quote(book(TERM_24), change=Change(on=nov(13), add=("tv-24",)))


def renewed() -> Charges:
    return quote(book(TERM_24), PAID_AHEAD, period=Period.of("2028-11"))


def upgrade() -> Charges:
    change = Change(on=nov(13), turn={"S1": "net-300"})
    return quote(book(NET, FAST), held("S1", "net-100"), change=change)


def downgrade(period: str) -> Charges:
    change = Change(on=nov(13), turn={"S1": "net-100"})
    return quote(book(NET, FAST), held("S1", "net-300"), change=change, period=Period.of(period))


def off(terms: Terms, stop: Stop, cents: int = 2600) -> Charges:
    prices = book(offer(terms, period=rate(cents), pause=rate(500)))
    return quote(prices, replace(held("S1", terms.offer), stops=(stop,)))


def pause(terms: Terms, cents: int) -> Charges:
    return off(terms, Stop("CUSTOMER", nov(11), nov(21)), cents)


def arrears(terms: Terms, ends: date | None = None) -> Charges:
    return off(terms, Stop("ARREARS", date(2026, 10, 20), ends))


def bound(code: str, kind: str, *, percent: int = 0, cents: int = 0) -> Charges:
    terms = Terms(
        code, "net", term_months=12, penalty_kind=kind, penalty_percent=percent, penalty_cents=cents
    )
    holding = replace(held("S1", code, date(2026, 6, 1)), committed_until=date(2027, 6, 1))
    return quote(book(offer(terms, period=rate(6000))), holding, change=Change(on=nov(13), end=("S1",)))


def campaign() -> Charges:
    rule = Rule(
        "spring",
        "PERIOD",
        "PERCENT",
        50,
        nov(1),
        nov(30),
        offers=frozenset({"net-100"}),
        is_for_new=True,
        months=3,
    )
    return quote(book(NET, rules=(rule,)), held("S1", "net-100", nov(13)), period=Period.of("2027-02"))


def tier() -> Charges:
    rule = Rule(
        "gold",
        "PERIOD",
        "PERCENT",
        70,
        ALWAYS,
        floor_cents=2000,
        offers=frozenset({"tv"}),
        tiers=frozenset({"GOLD"}),
    )
    return quote(book(plain("tv", 2600), rules=(rule,)), held("S1", "tv"), customer=GOLD)


def exception() -> Charges:
    rule = Rule(
        "gold-net", "PERIOD", "PERCENT", 90, ALWAYS, types=frozenset({"net"}), tiers=frozenset({"GOLD"})
    )
    customer = replace(GOLD, exceptions=(PriceException("net-100", "PERIOD", 4500, LONG_AGO, nov(16)),))
    return quote(book(NET, rules=(rule,)), held("S1", "net-100"), customer=customer)


def together_or_alone() -> Charges:
    net = frozenset({"net-100"})
    rules = (
        Rule("ninety", "PERIOD", "PERCENT", 90, ALWAYS, offers=net),
        Rule("minus-six", "PERIOD", "MINUS", 600, ALWAYS, offers=net, priority=5),
        Rule("alone", "PERIOD", "PERCENT", 80, ALWAYS, offers=net, is_exclusive=True),
    )
    return quote(book(NET, rules=rules), held("S1", "net-100"))


def ordered() -> Charges:
    return quote(book(NET), change=Change(on=nov(10), add=("net-100",)))


def returned() -> Charges:
    holding = replace(held("S1", "net-100", nov(10)), is_returnable=True)
    return quote(book(NET), holding, change=Change(on=nov(13), end=("S1",)))


def leap_year() -> Charges:
    return quote(book(plain("feb", 2900)), held("S1", "feb", date(2028, 2, 15)), period=Period.of("2028-02"))


def another_price() -> Charges:
    versions: tuple[Rate, ...] = (rate(2600, ends=nov(16)), rate(2800, begins=nov(16)))
    return quote(book((Terms("rising", "tv"), {"PERIOD": versions})), held("S1", "rising"))


def first_goes() -> Charges:
    prices = book(offer(TELEVISION, period=rate(2400, 0, 1200)))
    return quote(prices, held("S1", "tv", ends=nov(11)), held("S2", "tv"), held("S3", "tv"))


def given_up() -> Charges:
    change = Change(on=date(2027, 11, 13), end=("S1",))
    return quote(book(TERM_24), PAID_AHEAD, change=change, period=Period.of("2027-11"))


def paid_months(effect: str = "AT_ONCE", *, keeps: bool = False, cents: int | None = None) -> Charges:
    terms = Terms("ahead", "tv", cancel_effect=effect, gives_back_rest=not keeps)
    holding = Holding("S1", "ahead", date(2026, 9, 1), paid_until=date(2027, 2, 1), first_term_cents=cents)
    period = Period.of("2026-11" if effect == "AT_ONCE" else "2027-01")
    change = Change(on=nov(16), end=("S1",))
    return quote(book(offer(terms, period=rate(6000))), holding, change=change, period=period)


WORKED: dict[str, Callable[[], Charges]] = {
    "W1": changshu,
    "W2": foshan,
    "W3": enterprise,
    "W4": nanchang,
    "W5": prepaid,
    "W6": renewed,
    "W7": upgrade,
    "W8": lambda: downgrade("2026-11"),
    "W9": lambda: downgrade("2026-12"),
    "W10": lambda: pause(Terms("tv", "tv"), 2600),
    "W11": lambda: pause(NET[0], 6000),
    "W12": lambda: arrears(Terms("full", "tv", while_in_arrears="FULL")),
    "W13": lambda: arrears(Terms("thirty", "tv", while_in_arrears="FIRST_30_DAYS")),
    "W14": lambda: arrears(Terms("tv", "tv"), nov(16)),
    "W15": lambda: bound("bound-percent", "PERCENT", percent=30),
    "W16": lambda: bound("bound-month", "PER_MONTH", cents=2000),
    "W17": lambda: bound("bound-fixed", "FIXED", cents=20000),
    "W18": campaign,
    "W19": tier,
    "W20": exception,
    "W21": together_or_alone,
    "W22": ordered,
    "W23": returned,
    "W24": leap_year,
    "W25": another_price,
    "W26": first_goes,
    "W27": given_up,
    "W28": lambda: pause(Terms("small", "tv", while_paused="FEE"), 300),
    "W29": lambda: paid_months(cents=30000),
    "W30": paid_months,
    "W31": lambda: paid_months(keeps=True),
    "W32": lambda: paid_months("MONTH_END"),
}


def written() -> dict[str, list[Row]]:
    """The tables of the document: (line, days, yuan) of each row, by the number of the example."""
    found: dict[str, list[Row]] = {}
    for section in DOCUMENT.read_text().split("\n### ")[1:]:
        name = section.split(" ", 1)[0]
        cells = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in section.splitlines()
            if line.startswith("|")
        ]
        found[name] = [(code, days, yuan) for code, days, _, yuan in cells[2:]]
    return found


def computed(charges: Charges) -> list[Row]:
    """The same rows from lines; `now` only where there is something due at once."""
    result = [_row(line) for line in charges.now]
    if charges.now:
        result.append(("now", "", _yuan(charges.now_cents)))
    return [*result, *map(_row, charges.month), ("month", "", _yuan(charges.month_cents))]


def _row(line: Line) -> Row:
    last = line.ends_on - timedelta(days=1)
    form = "%m-%d" if line.begins_on.year == last.year else "%Y-%m-%d"
    days = f"{line.begins_on:{form}} to {last:{form}}" if line.begins_on < line.ends_on else "–"
    return line.code, days, _yuan(line.amount_cents)


def _yuan(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def test_every_written_example_is_computed() -> None:
    assert list(written()) == list(WORKED)


@pytest.mark.parametrize("name", WORKED)
def test_the_document_says_what_is_charged(name: str) -> None:
    assert computed(WORKED[name]()) == written()[name]
