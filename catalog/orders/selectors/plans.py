"""What an order is planned from and what comes of it: the wish, the facts, the plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from accounts.models import BillingAccount
from catalog.offers.models import Offer
from catalog.orders.models import LineAction
from catalog.orders.rules import Part
from catalog.orders.selectors.promises import Ahead
from catalog.orders.selectors.takes import Taken
from catalog.pricing.relations import Buyer, Conditions
from catalog.pricing.types import Customer, Holding, Line, PriceBook


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: offers to add at an address ("": the account's), subscriptions to end or to turn."""

    account: BillingAccount
    add: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    turn: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    number: Taken | None = None  # for a number card among what is added


@dataclass(frozen=True, slots=True)
class Month:
    """A month's bill without the change, and with it."""

    code: str
    before: tuple[Line, ...]
    after: tuple[Line, ...]

    @property
    def before_cents(self) -> int:
        return sum(line.amount_cents for line in self.before)

    @property
    def after_cents(self) -> int:
        return sum(line.amount_cents for line in self.after)

    @property
    def difference_cents(self) -> int:
        return self.after_cents - self.before_cents


@dataclass(frozen=True, slots=True)
class Plan:
    """An order as it would be: its parts, what they cost at once, and the months' bills before and after."""

    wish: Wish
    on: date
    parts: tuple[Part, ...]
    months: tuple[Month, ...]
    offers: Mapping[str, Offer]
    ahead: tuple[Ahead, ...]
    valid_until: date  # the last day on which these prices are promised
    payer_id: int  # the account that pays

    @property
    def account(self) -> BillingAccount:
        return self.wish.account

    @property
    def due_cents(self) -> int:
        return sum(part.due_cents for part in self.parts)

    @property
    def back_cents(self) -> int:
        return sum(part.back_cents for part in self.parts)

    @property
    def effective_on(self) -> date:
        return min(part.effective_on for part in self.parts)

    @property
    def is_paid_first(self) -> bool:
        """Whether something of it is begun only when its bill is paid. An end never waits."""
        return any(
            part.due_cents and part.action != LineAction.CANCEL and self.offers[part.offer].is_paid_first
            for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What is held and by whom, and by which prices it is sold."""

    holdings: tuple[Holding, ...]
    customer: Customer
    book: PriceBook
    payer_id: int
    conditions: Mapping[str, Conditions]
    buyer: Buyer
    is_late: bool  # a bill of who orders or of who pays is overdue
    is_off: bool  # something of the account is off
    barred: tuple[bool, ...] = ()  # which of `catalog.orders.bars` have a say
