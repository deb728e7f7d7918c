"""What an account holds, and who it is, as one thing to ask questions of."""

from collections.abc import Iterable
from datetime import date

from catalog.pricing.errors import Contradiction
from catalog.pricing.prepared import Offers, prepare
from catalog.pricing.types import Customer, Holding, PriceBook

NEW = "new:"  # how the refs of holdings begin that are not there yet


def in_order(holdings: Iterable[Holding]) -> tuple[Holding, ...]:
    """In the order in which terminals are counted: by first day, then ref; those only asked for come last.

    What was turned into something else counts as the first that it follows: nobody behind it moves.
    """
    return tuple(sorted(holdings, key=_place_in_order))


def _place_in_order(holding: Holding) -> tuple[date, bool, str, date]:
    ref = holding.first_ref or holding.ref
    return (holding.since or holding.begins_on, ref.startswith(NEW), ref, holding.begins_on)


def holds_on(holding: Holding, day: date) -> bool:
    return holding.begins_on <= day and (holding.ends_on is None or day < holding.ends_on)


class Held:
    """The holdings in their order, with the prepared book and the customer: the facts that prices depend on."""

    __slots__ = ("holdings", "offers", "customer", "_by_offer", "_terminals")

    def __init__(self, holdings: Iterable[Holding], customer: Customer, book: PriceBook) -> None:
        self.offers: Offers = prepare(book)
        self.customer = customer
        self.holdings = in_order(holdings)
        if len({holding.ref for holding in self.holdings}) < len(self.holdings):
            raise Contradiction("a ref stands twice")
        self._by_offer: dict[str, list[Holding]] = {}
        self._terminals: dict[tuple[str, str], list[Holding]] = {}
        for holding in self.holdings:
            terms = self.offers[holding.offer].terms
            self._by_offer.setdefault(holding.offer, []).append(holding)
            if terms.is_per_terminal:
                self._terminals.setdefault((terms.type, holding.place), []).append(holding)

    def of(self, offer: str) -> list[Holding]:
        """All holdings of an offer, over and future ones too."""
        return self._by_offer.get(offer, [])

    def has(self, offer: str, day: date) -> bool:
        return any(holds_on(holding, day) for holding in self.of(offer))

    def earlier(self, holding: Holding) -> list[Holding]:
        """The terminals that count before this one: of the same type, at the same place."""
        terms = self.offers[holding.offer].terms
        if not terms.is_per_terminal:
            return []
        fellows = self._terminals[terms.type, holding.place]
        return fellows[: fellows.index(holding)]

    def terminal(self, holding: Holding, day: date) -> int:
        """Which terminal it is on that day: 1 for the first, and where terminals are not counted."""
        return 1 + sum(holds_on(other, day) for other in self.earlier(holding))
