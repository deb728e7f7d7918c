"""Which price holds where and when, and whether one holds on every day: pure decisions."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from catalog.pricing.types import Rate


@dataclass(frozen=True, slots=True)
class Version:
    """A price as it is written. `region_id` None: wherever none is nearer; `kind` "": whoever has none of his own."""

    amounts_cents: tuple[int, ...]
    begins_on: date
    ends_on: date | None
    starts_over: bool = False
    region_id: int | None = None
    kind: str = ""


def path(region_id: int | None, parents: Mapping[int, int | None]) -> tuple[int, ...]:
    """The region and all above it, the nearest first; nothing for None."""
    found: list[int] = []
    while region_id is not None and region_id not in found:
        found.append(region_id)
        region_id = parents.get(region_id)
    return tuple(found)


def nearest_first(versions: Iterable[Version], regions: Sequence[int], kind: str) -> list[Version]:
    """Those that can hold there for that kind of customer, the most specific first."""
    rank = {region: place for place, region in enumerate(regions)}
    fitting = [
        version
        for version in versions
        if (version.region_id is None or version.region_id in rank) and version.kind in ("", kind)
    ]

    def specific(version: Version) -> tuple[int, bool, date]:
        place = len(rank) if version.region_id is None else rank[version.region_id]
        return place, version.kind == "", version.begins_on

    return sorted(fitting, key=specific)


def timeline(versions: Sequence[Version]) -> tuple[Rate, ...]:
    """What holds from day to day when on each day the first of `versions` that holds wins; without overlap."""
    cuts = sorted({day for each in versions for day in (each.begins_on, each.ends_on) if day is not None})
    found: list[Rate] = []
    for begins, ends in zip(cuts, [*cuts[1:], None], strict=False):  # none where there are no versions
        winner = next((each for each in versions if _holds(each, begins)), None)
        if winner is not None:
            _append(found, Rate(winner.amounts_cents, begins, ends, winner.starts_over))
    return tuple(found)


def _holds(version: Version, day: date) -> bool:
    return version.begins_on <= day and (version.ends_on is None or day < version.ends_on)


def _append(found: list[Rate], rate: Rate) -> None:
    """One longer stretch where the same price goes on."""
    last = found[-1] if found else None
    if (
        last is not None
        and last.ends_on == rate.begins_on
        and (last.amounts_cents, last.starts_over) == (rate.amounts_cents, rate.starts_over)
    ):
        found[-1] = Rate(last.amounts_cents, last.begins_on, rate.ends_on, last.starts_over)
    else:
        found.append(rate)


def first_gap(rates: Sequence[Rate], begins: date, ends: date | None) -> date | None:
    """The first day of [begins, ends) on which no price holds; None when one always does."""
    day = begins
    for rate in rates:
        if rate.ends_on is not None and rate.ends_on <= day:
            continue
        if rate.begins_on > day:
            break
        if rate.ends_on is None:
            return None
        day = rate.ends_on
    return day if ends is None or day < ends else None


def rate_on(rates: Sequence[Rate], day: date) -> Rate | None:
    """The price that holds on a day."""
    return next(
        (rate for rate in rates if rate.begins_on <= day and (rate.ends_on is None or day < rate.ends_on)),
        None,
    )


def first_above(rates: Sequence[Rate], others: Sequence[Rate], begins: date) -> date | None:
    """The first day from `begins` on when the first terminal's price is higher than the other, both being there."""
    cuts = {begins, *(rate.begins_on for rate in (*rates, *others))}
    for day in sorted(cut for cut in cuts if begins <= cut):
        one, other = rate_on(rates, day), rate_on(others, day)
        if one is not None and other is not None and one.amounts_cents[0] > other.amounts_cents[0]:
            return day
    return None


def amount_on(rates: Sequence[Rate], day: date, terminal: int) -> int | None:
    """Fen for the n-th terminal; None on a day without a price."""
    rate = rate_on(rates, day)
    if rate is None:
        return None
    amounts = rate.amounts_cents
    if terminal <= len(amounts):
        return amounts[terminal - 1]
    return amounts[(terminal - 1) % len(amounts)] if rate.starts_over else amounts[-1]


def first_raised(
    before: Sequence[Rate], after: Sequence[Rate], today: date, until: date, *, is_optional: bool = False
) -> date | None:
    """The first day of (today, until) on which some terminal costs more than was written for that day and than today.

    `is_optional`: a charge without a price costs nothing; else nobody is sold it, and nobody was quoted it.
    """
    cuts = {date.fromordinal(today.toordinal() + 1)}
    cuts |= {day for rate in (*before, *after) for day in (rate.begins_on, rate.ends_on) if day is not None}
    none = 0 if is_optional else None
    for day in sorted(cut for cut in cuts if today < cut < until):
        for terminal in range(1, _most(before, after) + 1):
            quoted, dearer = amount_on(before, today, terminal), amount_on(after, day, terminal)
            told = amount_on(before, day, terminal)
            quoted, dearer = none if quoted is None else quoted, none if dearer is None else dearer
            if quoted is not None and dearer is not None and dearer > max(quoted, told or 0):
                return day
    return None


def _most(*timelines: Sequence[Rate]) -> int:
    """So many terminals show all that these prices can say: lists that start over have met by then."""
    lengths = {len(rate.amounts_cents) for rates in timelines for rate in rates}
    return math.lcm(*lengths) + max(lengths, default=0)


def changes_after(rates: Sequence[Rate], day: date) -> tuple[Rate, ...]:
    """The versions that begin after a day: what the price changes to, and when."""
    return tuple(rate for rate in rates if rate.begins_on > day)
