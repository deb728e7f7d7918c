"""How many customers a new price meets, and what it brings. Who holds what is told by the flat above."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from catalog.offers import rules
from catalog.offers.rules import Version
from catalog.offers.selectors import snapshots, versions

A_DAY = timedelta(days=1)
Holders = Callable[[int, date], Iterable[tuple[int | None, str, int]]]
_provider: list[Holders] = []


@dataclass(frozen=True, slots=True)
class Met:
    """Holders in one place, of one kind, for whom the first terminal's price changes on the day. Whole months."""

    region: str
    kind: str
    holders: int
    before_cents: int | None  # None: nothing held before
    after_cents: int

    @property
    def difference_cents(self) -> int:
        """Per month or term, all holders together, at list price."""
        return self.holders * (self.after_cents - (self.before_cents or 0))


def provide(holders: Holders) -> None:
    """Called once by who knows the holdings: (region, kind, how many) of an offer's holders on a day."""
    _provider[:] = [holders]


def holders_of(offer_id: int, on: date) -> list[tuple[int | None, str, int]]:
    """How many hold the offer on that day, by place and kind."""
    return list(_provider[0](offer_id, on)) if _provider else []


def of_price(offer_id: int, charge: str, new: Version) -> list[Met]:
    """Whom a price meets on its first day, written or not yet; those for whom nothing changes are left out."""
    snapshot = snapshots.current()
    others = [each for each in versions.of_offer(offer_id, charge) if each != new]
    day = new.begins_on
    found = []
    for region, kind, count in holders_of(offer_id, day):
        above = rules.path(region, snapshot.parents)
        before = _on(others, above, kind, day - A_DAY)
        after = _on([new, *(each for each in others if not _is_followed(each, new))], above, kind, day)
        if after is not None and after != before:
            name = snapshot.places[region].name if region in snapshot.places else ""
            found.append(Met(name, kind, count, before, after))
    return sorted(found, key=lambda each: (-each.holders, each.region, each.kind))


def _on(written: list[Version], above: tuple[int, ...], kind: str, day: date) -> int | None:
    rate = rules.rate_on(rules.timeline(rules.nearest_first(written, above, kind)), day)
    return rate.amounts_cents[0] if rate else None


def _is_followed(each: Version, new: Version) -> bool:
    """The same price in its earlier version, which ends where the new one begins."""
    return (each.region_id, each.kind) == (new.region_id, new.kind)
