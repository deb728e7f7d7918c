"""Whether a change may be ordered at all: how offers stand to each other, and for whom they are.

Pure decisions with codes; the words for people are in the room that shows them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from catalog.pricing.changing import apply
from catalog.pricing.errors import PricingError
from catalog.pricing.held import NEW, Held
from catalog.pricing.types import Change, Customer, Holding, PriceBook, Terms


@dataclass(frozen=True, slots=True)
class Conditions:
    """For whom and when an offer is sold. Empty conditions hold for everybody."""

    offer: str
    regions: frozenset[str] = frozenset()  # with all that lies below them
    kinds: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()  # one of them is enough
    begins_on: date = date.min
    ends_on: date | None = None  # first day on which it is not sold
    is_published: bool = True


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who asks. `regions`: his own and all above it. A visitor without login has a region at most."""

    regions: frozenset[str] = frozenset()
    kind: str = ""
    tier: str = ""
    segments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an offer is (FOR_…) or is not (NOT_…) for somebody; `value` is the region, kind, tier or segment."""

    code: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Eligibility:
    refusals: tuple[Reason, ...]  # empty: he may have it
    because: tuple[Reason, ...]  # what the page says ("for where you live"); empty where it is for everybody

    @property
    def is_eligible(self) -> bool:
        return not self.refusals


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a change is refused. `offer` is what is asked for, `others` what it stands against or lacks (any of them).

    NOT_ON_SALE · NOT_FOR_REGION · NOT_FOR_KIND · NOT_FOR_TIER · NOT_FOR_SEGMENT · NEEDS · MUST_BUY (add one of
    `others`) · NEEDED_BY (`others` would lack it) · EXCLUDES · GROUP · MOST_PER_ACCOUNT, and the codes of PricingError.
    """

    code: str
    offer: str
    others: tuple[str, ...] = ()


NOT_ON_SALE = "NOT_ON_SALE"


def eligible(buyer: Buyer, conditions: Conditions, on: date) -> Eligibility:
    """Whether somebody may have an offer on a day, every reason why not, and the reasons that make it his."""
    refusals: list[Reason] = []
    because: list[Reason] = []
    if not is_on_sale(conditions, on):
        refusals.append(Reason(NOT_ON_SALE, conditions.offer))
    for word, asked, has in (
        ("REGION", conditions.regions, buyer.regions),
        ("KIND", conditions.kinds, {buyer.kind}),
        ("TIER", conditions.tiers, {buyer.tier}),
        ("SEGMENT", conditions.segments, buyer.segments),
    ):
        if asked:
            met = sorted(asked & has)
            because += [Reason(f"FOR_{word}", value) for value in met]
            if not met:
                refusals += [Reason(f"NOT_FOR_{word}", value) for value in sorted(asked)]
    return Eligibility(tuple(refusals), tuple(because))


def is_on_sale(conditions: Conditions, on: date) -> bool:
    """Published, and inside its dates."""
    ends_on = conditions.ends_on
    return conditions.is_published and conditions.begins_on <= on and (ends_on is None or on < ends_on)


def problems(
    *,
    holdings: Sequence[Holding],
    change: Change,
    customer: Customer,
    book: PriceBook,
    conditions: Mapping[str, Conditions],
    buyer: Buyer,
) -> tuple[Problem, ...]:
    """Everything that stands against a change, in a fixed order; empty: it may be ordered.

    An offer without a row in `conditions` is not on sale. Only what the change does is judged: what was wrong before
    it, and what it leaves alone, is not held against the customer.
    """
    asked = list(dict.fromkeys([*change.add, *change.turn.values()]))
    found = [problem for offer in asked for problem in _not_for_him(offer, conditions, buyer, change.on)]
    try:
        held = apply(holdings, change, customer, book).held
    except PricingError as error:
        return tuple(dict.fromkeys([*found, Problem(error.code, error.subject)]))
    found += _lacking(held, change)
    found += _left_alone(held, holdings, change)
    found += _against(held)
    found += _too_many(held)
    return tuple(dict.fromkeys(found))


def _not_for_him(
    offer: str, conditions: Mapping[str, Conditions], buyer: Buyer, on: date
) -> Iterator[Problem]:
    if offer not in conditions:
        yield Problem(NOT_ON_SALE, offer)
        return
    for reason in eligible(buyer, conditions[offer], on).refusals:
        yield Problem(reason.code, offer)


def _new(held: Held) -> list[Holding]:
    return [holding for holding in held.holdings if holding.ref.startswith(NEW)]


def _lacking(held: Held, change: Change) -> Iterator[Problem]:
    """What the new holdings need and would not have on their first day."""
    for holding in _new(held):
        terms = held.offers[holding.offer].terms
        for code, wanted in (("NEEDS", terms.needs), ("MUST_BUY", terms.must_buy)):
            for choice in missing(held, wanted, holding.place, holding.begins_on):
                yield Problem(code, holding.offer, choice)


def missing(held: Held, wanted: Collection[str], place: str, day: date) -> list[tuple[str, ...]]:
    """Which of the wanted offers are not held at a place on a day; those of one group stand for each other."""
    choices: dict[tuple[str, str], list[str]] = {}
    for offer in sorted(wanted):
        group = held.offers[offer].terms.group if offer in held.offers else ""
        choices.setdefault((group, "" if group else offer), []).append(offer)
    return [
        tuple(choice)
        for choice in choices.values()
        if not any(holds_at(held, offer, place, day) for offer in choice)
    ]


def holds_at(held: Held, offer: str, place: str, day: date) -> bool:
    return any(
        holding.place == place
        and holding.begins_on <= day
        and (holding.ends_on is None or day < holding.ends_on)
        for holding in held.of(offer)
    )


def _left_alone(held: Held, before: Sequence[Holding], change: Change) -> Iterator[Problem]:
    """What stays and would lack, from the day on which they end, the holdings that the change ends."""
    ended = {holding.ref: holding for holding in before if holding.ref in {*change.end, *change.turn}}
    for gone in held.holdings:
        if gone.ref not in ended or gone.ends_on is None:
            continue
        for other in held.holdings:
            if other.place != gone.place or not _holds_from(other, gone.ends_on):
                continue
            needs = held.offers[other.offer].terms.needs
            if gone.offer in needs and any(
                gone.offer in choice for choice in missing(held, needs, other.place, gone.ends_on)
            ):
                yield Problem("NEEDED_BY", gone.offer, (other.offer,))


def _holds_from(holding: Holding, day: date) -> bool:
    """Whether it is held on that day or begins later."""
    return holding.ends_on is None or holding.ends_on > max(day, holding.begins_on)


def _together(one: Holding, other: Holding) -> bool:
    """Whether both are held at one place on some day."""
    first = max(one.begins_on, other.begins_on)
    return one.place == other.place and _holds_from(one, first) and _holds_from(other, first)


def _against(held: Held) -> Iterator[Problem]:
    """New holdings that may not be held beside others: named by either, or of one group."""
    for holding in _new(held):
        terms = held.offers[holding.offer].terms
        for other in held.holdings:
            if other is holding or not _together(holding, other):
                continue
            theirs: Terms = held.offers[other.offer].terms
            if other.offer in terms.excludes or holding.offer in theirs.excludes:
                yield Problem("EXCLUDES", holding.offer, (other.offer,))
            elif terms.group and terms.group == theirs.group and other.offer != holding.offer:
                yield Problem("GROUP", holding.offer, (other.offer,))


def _too_many(held: Held) -> Iterator[Problem]:
    """More of one offer at a place than it may be held, on the first day of a new one."""
    for holding in _new(held):
        fellows = [
            other
            for other in held.of(holding.offer)
            if other.place == holding.place and _holds_from(other, holding.begins_on)
        ]
        if len(fellows) > held.offers[holding.offer].terms.most_per_account:
            yield Problem("MOST_PER_ACCOUNT", holding.offer)
