"""What an order takes with it besides its price: pieces of the stock, and the number that its customer holds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet

from accounts.models import BillingAccount
from catalog.offers.models import Offer, ProductSpecification
from catalog.orders import errors
from catalog.orders.models import LineAction
from catalog.orders.rules import Part
from catalog.pricing.types import Line
from resources.selectors import stock
from resources.services import number_orders

STOCK_ITEMS = (
    "stock_items"  # annotated to the offers of a plan: the skus of which one piece each is handed over
)


@dataclass(frozen=True, slots=True)
class HeldNumber:
    """The number that a customer chose, and under which name he holds it. Kept on slips by its digits."""

    digits: str
    holder: str

    def __str__(self) -> str:
        return self.digits


@dataclass(frozen=True, slots=True)
class LockedNumber:
    """A number that was taken back and is still locked for who had it: he orders with it anew, and pays it no more."""

    digits: str
    former: str  # under which name he had it

    def __str__(self) -> str:
        return self.digits


Taken = HeldNumber | LockedNumber


def with_goods(rows: "QuerySet[Offer]") -> "QuerySet[Offer]":
    """These offers with what of the stock goes with each, read by the same statement."""
    things = ProductSpecification.objects.filter(offers=OuterRef("pk")).exclude(stock_item="")
    return rows.annotate(**{STOCK_ITEMS: ArraySubquery(things.order_by("stock_item").values("stock_item"))})


def goods(offer: Offer | None) -> tuple[str, ...]:
    """The skus that go with an offer of `with_goods`."""
    return tuple(dict.fromkeys(getattr(offer, STOCK_ITEMS))) if offer is not None else ()


def of_parts(
    account: BillingAccount,
    number: Taken | None,
    parts: Sequence[Part],
    offers: Mapping[str, Offer],
    held: Mapping[str, str],
    *,
    as_of: datetime,
) -> tuple[Part, ...]:
    """The parts with their goods and the number. `held`: offer codes by ref.

    Raises OutOfStock, NumberMissing, OneNumber, and what `number_orders` refuses about the number.
    """
    found = tuple(replace(part, goods=_goods(part, offers, held)) for part in parts)
    _refuse_missing(account, found, offers)
    return _with_number(account, number, found, offers, as_of)


def takes_number(offer: Offer) -> bool:
    """Whether it is a number card: ordered with the number that the customer holds."""
    return offer.type.code in settings.ORDER_NUMBER_TYPES


def _goods(part: Part, offers: Mapping[str, Offer], held: Mapping[str, str]) -> tuple[str, ...]:
    """What is handed over; of a change, what he does not have from before."""
    if part.action == LineAction.CANCEL:
        return ()
    before = goods(offers.get(held.get(part.replaces, "")))
    return tuple(sku for sku in goods(offers[part.offer]) if sku not in before)


def place_of(account: BillingAccount) -> int | None:
    """The region whose stores serve the account."""
    return account.region_id or account.customer.region_id


def _refuse_missing(account: BillingAccount, parts: Sequence[Part], offers: Mapping[str, Offer]) -> None:
    wanted = Counter(sku for part in parts for sku in part.goods)
    if not wanted:
        return
    stores = stock.for_place(wanted.keys(), place_of(account))
    for part in parts:
        for sku in part.goods:
            if sum(each.available for each in stores[sku]) < wanted[sku]:
                raise errors.OutOfStock(offer=str(offers[part.offer]))


def _with_number(
    account: BillingAccount,
    number: Taken | None,
    parts: tuple[Part, ...],
    offers: Mapping[str, Offer],
    as_of: datetime,
) -> tuple[Part, ...]:
    added = [part for part in parts if part.action == LineAction.ADD]
    cards = [part for part in added if takes_number(offers[part.offer])]
    if isinstance(number, LockedNumber):
        cards = added  # any kind of line may have had it
    if not cards:
        return parts
    [card, *more] = cards
    if more:
        raise errors.OneNumber()
    if number is None:
        raise errors.NumberMissing(offer=str(offers[card.offer]))
    if isinstance(number, LockedNumber):
        number_orders.check_locked(digits=number.digits, former=number.former, as_of=as_of)
        cents = 0
    else:
        cents = number_orders.fee(
            digits=number.digits, holder=number.holder, account_number=account.number, as_of=as_of
        )
    day, ref = card.effective_on, card.begins.ref if card.begins else ""
    fee = (Line(f"{card.offer}/NUMBER", ref, card.offer, "NUMBER", cents, day, day),) if cents else ()
    taken = replace(card, number=number.digits, due=(*card.due, *fee))
    return tuple(taken if part is card else part for part in parts)
