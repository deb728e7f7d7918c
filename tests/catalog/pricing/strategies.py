"""Random price books, holdings, rules and changes, for what must hold whatever they are."""

from datetime import date, timedelta

from hypothesis import strategies as st

from catalog.pricing.days import add_months
from catalog.pricing.types import (
    Change,
    Customer,
    Holding,
    Period,
    PriceBook,
    PriceException,
    Rate,
    Rule,
    Stop,
    Terms,
)

FIRST = date(2026, 1, 1)
WHILE_OFF = st.sampled_from(["FULL", "NONE", "FEE", "FIRST_30_DAYS"])
REASONS = st.sampled_from(["ARREARS", "CUSTOMER", "FRAUD_CHECK", "STAFF"])
EFFECTS = st.sampled_from(["AT_ONCE", "MONTH_END"])
MONTHLY = ("tv", "net-100", "net-300", "vod")
ALL = (*MONTHLY, "year", "season", "box")
OFFERS = st.sampled_from(ALL)
days = st.integers(0, 500).map(lambda number: FIRST + timedelta(days=number))
periods = days.map(Period.containing)
cents = st.one_of(st.integers(0, 100), st.integers(0, 20_000))
few_offers = st.frozensets(OFFERS, max_size=2)


@st.composite
def books(draw: st.DrawFn, *, rules: int = 3) -> PriceBook:
    """All of ALL: terminals, an upgrade, a lock-in, terms renewed and not, a one-off."""
    terms = {code: draw(_terms(code)) for code in ALL}
    rates = {(code, "PERIOD"): draw(versions()) for code in ALL if code != "box"}
    rates |= {(code, "PAUSE"): draw(versions()) for code in MONTHLY}
    rates |= {("box", "ONCE"): draw(versions()), ("net-100", "ONCE"): draw(versions())}
    return PriceBook(
        terms, rates, tuple(draw(rule(f"r{number}")) for number in range(draw(st.integers(0, rules))))
    )


@st.composite
def _terms(draw: st.DrawFn, code: str) -> Terms:
    months = {"year": 12, "season": 3, "net-100": 12}.get(code, 0)
    return Terms(
        offer=code,
        type={"net-100": "net", "net-300": "net"}.get(code, code),
        cycle={"year": "TERM", "season": "TERM", "box": "ONCE"}.get(code, "MONTHLY"),
        term_months=months,
        is_renewed=code == "year",
        penalty_kind=draw(st.sampled_from(["NONE", "PERCENT", "PER_MONTH", "FIXED"])),
        penalty_percent=draw(st.integers(1, 100)),
        penalty_cents=draw(st.integers(1, 30_000)),
        is_per_terminal=code == "tv",
        change_effect=draw(EFFECTS),
        cancel_effect=draw(EFFECTS),
        return_days=draw(st.integers(0, 10)),
        while_paused=draw(WHILE_OFF) if code in MONTHLY else "NONE",
        while_in_arrears=draw(WHILE_OFF) if code in MONTHLY else "NONE",
        while_checked=draw(WHILE_OFF) if code in MONTHLY else "FULL",
        upgrades_to=frozenset({"net-300"} if code == "net-100" else ()),
        downgrades_to=frozenset({"net-100"} if code == "net-300" else ()),
    )


@st.composite
def versions(draw: st.DrawFn) -> tuple[Rate, ...]:
    """Versions of a price, one after the other from long ago on, the last without end."""
    edges = sorted(draw(st.sets(days, max_size=2)))
    begins = [date(2000, 1, 1), *edges]
    return tuple(
        Rate(
            tuple(draw(st.lists(cents, min_size=1, max_size=3))), begin, end, starts_over=draw(st.booleans())
        )
        for begin, end in zip(begins, [*edges, None], strict=True)
    )


@st.composite
def rule(draw: st.DrawFn, code: str) -> Rule:
    begins = draw(days)
    effect = draw(st.sampled_from(["PERCENT", "MINUS", "FIXED"]))
    return Rule(
        code=code,
        charge=draw(st.sampled_from(["PERIOD", "PERIOD", "PAUSE", "ONCE"])),
        effect=effect,
        value=draw(st.integers(0, 100)) if effect == "PERCENT" else draw(cents),
        begins_on=begins,
        ends_on=draw(st.none() | st.integers(1, 300).map(lambda number: begins + timedelta(days=number))),
        floor_cents=draw(st.just(0) | cents),
        offers=draw(st.frozensets(OFFERS, min_size=1, max_size=4)),
        types=draw(st.frozensets(st.just("net"), max_size=1)),
        with_offers=draw(few_offers),
        terminals=draw(st.frozensets(st.integers(1, 3), max_size=1)),
        kinds=draw(st.frozensets(st.sampled_from(["PERSONAL", "ENTERPRISE"]), max_size=1)),
        tiers=draw(st.frozensets(st.sampled_from(["GOLD", ""]), max_size=1)),
        segments=draw(st.frozensets(st.sampled_from(["kids", "farm"]), max_size=1)),
        is_for_new=draw(st.booleans()),
        months=draw(st.integers(0, 4)),
        priority=draw(st.integers(-1, 1)),
        is_exclusive=draw(st.booleans()),
    )


@st.composite
def stops(draw: st.DrawFn) -> Stop:
    begins = draw(days)
    ends = draw(st.none() | st.integers(0, 90).map(lambda number: begins + timedelta(days=number)))
    return Stop(draw(REASONS), begins, ends)


@st.composite
def holding(draw: st.DrawFn, ref: str) -> Holding:
    code = draw(OFFERS)
    begins = draw(days)
    months = {"year": 12, "season": 3, "net-100": 12}.get(code, 0)
    until = add_months(begins, months) if months else None
    ends = draw(st.none() | st.integers(0, 400).map(lambda number: begins + timedelta(days=number)))
    ahead = until if code in ("year", "season") else None
    if code == "vod":
        ahead = draw(st.none() | st.integers(0, 90).map(lambda number: begins + timedelta(days=number)))
    return Holding(
        ref=ref,
        offer=code,
        begins_on=begins,
        ends_on=ends,
        committed_until=until,
        paid_until=ahead,
        place=draw(st.sampled_from(["", "there"])),
        stops=tuple(draw(st.lists(stops(), max_size=2))),
        since=draw(st.none() | st.integers(1, 200).map(lambda number: begins - timedelta(days=number))),
        is_returnable=draw(st.booleans()),
    )


@st.composite
def holdings(draw: st.DrawFn, most: int = 4) -> tuple[Holding, ...]:
    return tuple(draw(holding(f"S{number}")) for number in range(draw(st.integers(0, most))))


@st.composite
def customers(draw: st.DrawFn) -> Customer:
    begins = draw(days)
    exception = PriceException(
        draw(OFFERS), "PERIOD", draw(cents), begins, begins + timedelta(days=draw(st.integers(1, 100)))
    )
    return Customer(
        kind=draw(st.sampled_from(["PERSONAL", "ENTERPRISE"])),
        tier=draw(st.sampled_from(["", "GOLD"])),
        segments=draw(st.frozensets(st.sampled_from(["kids", "farm"]))),
        exceptions=draw(st.sampled_from([(), (exception,)])),
    )


@st.composite
def change(draw: st.DrawFn, held: tuple[Holding, ...], on: date | None = None) -> Change:
    """Something to add, and something to end or turn among what is held."""
    refs = draw(st.lists(st.sampled_from([one.ref for one in held]), unique=True, max_size=2)) if held else []
    cut = draw(st.integers(0, len(refs)))
    return Change(
        on=on or draw(days),
        add=tuple(draw(st.lists(OFFERS, max_size=2))),
        end=tuple(refs[:cut]),
        turn={ref: draw(OFFERS) for ref in refs[cut:]},
        place=draw(st.sampled_from(["", "there"])),
    )
