"""Offers, prices and rules for tests, by the services that write them elsewhere."""

from collections.abc import Iterable
from datetime import date, datetime
from itertools import count
from typing import Any

from accounts.models import BillingAccount, Customer, Region, Segment, SegmentMembership, Standing, User
from catalog.choices import Charge, Flow
from catalog.offers.models import Offer, OfferRelation, ProductSpecification, ProductType, Tier
from catalog.offers.prices import Price, PriceRule
from catalog.offers.services import prices, publishing
from tests.conftest import NOON

TODAY = date(2026, 11, 18)
BEGIN = date(2026, 1, 1)
LONG_AGO = datetime(2026, 1, 1, tzinfo=NOON.tzinfo)
_next = count(1)


def owner() -> User:
    number = next(_next)
    return User.objects.create(username=f"product{number}", name=f"产品经理{number}", is_staff=True)


def product_type(code: str = "basic", *, flow: str = Flow.DIRECT, **more: Any) -> ProductType:
    given = {"name": f"类型 {code}", "flow": flow} | more
    return ProductType.objects.get_or_create(code=code, defaults=given)[0]


def draft(code: str = "", *, type_code: str = "basic", **more: Any) -> Offer:
    """A draft with all that publishing asks for but the price."""
    code = code or f"offer-{next(_next)}"
    given: dict[str, Any] = {
        "name": f"产品 {code}",
        "conditions": "按月计费，随时可退。",
        "active_from": BEGIN,
    } | more
    given.setdefault("type", None) or given.update(type=product_type(type_code))
    if "owner" not in given:
        given["owner"] = owner()
    named(given.get("tiers", ()))
    return Offer.objects.create(code=code, **given)


def named(tiers: Iterable[str]) -> None:
    """These tiers have names that customers may read."""
    for code in tiers:
        Tier.objects.get_or_create(
            code=code, defaults={"name": f"{code.title()}卡", "name_en": f"{code.title()} card"}
        )


def price(offer: Offer, *amounts: int, **more: Any) -> Price:
    given: dict[str, Any] = {"active_from": BEGIN, "as_of": LONG_AGO} | more
    return prices.add(offer_id=offer.pk, amounts_cents=amounts, **given)


def published(code: str = "", *amounts: int, as_of: datetime = LONG_AGO, **more: Any) -> Offer:
    """On sale since the beginning of the year, at 26 yuan unless said otherwise."""
    offer = draft(code, **more)
    charge = Charge.ONCE if offer.cycle == "ONCE" else Charge.PERIOD
    price(offer, *(amounts or (2600,)), charge=charge)
    return publishing.publish_offer(offer_id=offer.pk, as_of=as_of)


def related(offer: Offer, kind: str, other: Offer) -> OfferRelation:
    return OfferRelation.objects.create(offer=offer, kind=kind, other=other)


def specification(code: str = "", **features: str) -> ProductSpecification:
    made = ProductSpecification.objects.create(
        code=code or f"spec-{next(_next)}", name="规格", type=product_type()
    )
    for name, value in features.items():
        made.features.create(name=name, value=value)
    return made


def rule(code: str = "", *offers: Offer, **more: Any) -> PriceRule:
    """A draft: four fifths of the price from today on."""
    given: dict[str, Any] = {
        "name": "优惠",
        "conditions": "活动期内订购。",
        "effect": "PERCENT",
        "value": 80,
        "active_from": TODAY,
    } | more
    if "owner" not in given:
        given["owner"] = owner()
    named(given.get("tiers", ()))
    made = PriceRule.objects.create(code=code or f"rule-{next(_next)}", **given)
    made.offers.set(offers)
    return made


def published_rule(code: str = "", *offers: Offer, **more: Any) -> PriceRule:
    return publishing.publish_rule(rule_id=rule(code, *offers, **more).pk, as_of=NOON)


def region(code: str, parent: Region | None = None, level: str = Region.Level.CITY) -> Region:
    return Region.objects.create(code=code, name=f"区域{code}", level=level, parent=parent)


def account(place: Region | None = None, *, kind: str = Customer.Kind.PERSONAL) -> BillingAccount:
    number = next(_next)
    customer = Customer.objects.create(
        number=f"C{number:06d}", name="张三", kind=kind, region=place, created_at=NOON
    )
    return BillingAccount.objects.create(
        number=f"77{number:08d}", customer=customer, region=place, address="和平路 1 号", created_at=NOON
    )


def tier(of: BillingAccount, code: str, *, active_from: date = BEGIN) -> Standing:
    return Standing.objects.create(customer=of.customer, tier=code, active_from=active_from)


def segment(code: str, *members: BillingAccount, reason: str = "因为您家有小朋友") -> Segment:
    made = Segment.objects.create(code=code, name=f"客户群{code}", reason=reason)
    for each in members:
        SegmentMembership.objects.create(
            segment=made, customer=each.customer, source="test", active_from=BEGIN
        )
    return made
