"""One price for the same thing and the same kind of customer, whichever way he comes."""

from typing import Any

import pytest
from django.apps import apps

from accounts.models import BillingAccount, Segment, SegmentMembership, User
from catalog.models import Offer
from catalog.offers.services import publishing
from catalog.orders.operations.base import OrderQuote
from operations.models import Channel
from operations.services import slips
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
CHANNELS = [
    each for each in Channel if each != Channel.COUNTER
]  # there a clerk asks: tests/operations/serving


def shelf() -> list[Offer]:
    """A package, a set-up fee, a term paid ahead; and discounts for a tier and for a segment."""
    plain = build.offer("plain", 2600)
    hd = build.offer("hd", 3000, once=5000)
    year = build.offer("year", 72000, cycle="TERM", term_months=12)
    shop.published_rule("gold", plain, year, tiers=["GOLD"], value=70)
    row = shop.rule("kids", plain, hd, value=90)
    row.segments.set([shop.segment("KIDS")])
    publishing.publish_rule(rule_id=row.pk, as_of=NOON)
    return [plain, hd, year]


def plain() -> tuple[User, BillingAccount]:
    return build.home()


def gold() -> tuple[User, BillingAccount]:
    user, account = build.home()
    shop.tier(account, "GOLD")
    return user, account


def with_children() -> tuple[User, BillingAccount]:
    user, account = build.home()
    kids = Segment.objects.get(code="KIDS")
    SegmentMembership.objects.create(
        segment=kids, customer=account.customer, source="test", active_from=shop.BEGIN
    )
    return user, account


def price(user: User, account: BillingAccount, offer: Offer, channel: Channel) -> tuple[Any, ...]:
    """What is due at once, and what the quote says of each month."""
    raw = {"account": account.number, "offers": [offer.code]}
    quote = slips.quote(operation="package.order", ctx=build.ctx(user, channel=channel), raw=raw).quote
    assert isinstance(quote, OrderQuote)
    plan = quote.plan
    assert plan is not None
    return plan.due_cents, *((month.code, month.after_cents) for month in plan.months)


def test_product_by_kind_of_customer_by_channel() -> None:
    offers = shelf()
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    for who in (plain, gold, with_children):
        user, account = who()
        for offer in offers:
            prices = {price(user, account, offer, channel) for channel in CHANNELS}
            assert len(prices) == 1, (who.__name__, offer.code)
            found[who.__name__, offer.code] = prices.pop()
    assert found["plain", "plain"] != found["gold", "plain"] != found["with_children", "plain"]
    assert found["plain", "hd"] == found["gold", "hd"] != found["with_children", "hd"]
    assert found["plain", "year"] == found["with_children", "year"] != found["gold", "year"]


@pytest.mark.parametrize("model", ["Offer", "Price", "PriceRule", "PriceException"])
def test_nothing_that_makes_a_price_knows_a_channel(model: str) -> None:
    """A price for one channel cannot be written down at all."""
    names = {field.name for field in apps.get_model("catalog", model)._meta.get_fields()}
    assert [name for name in names if "channel" in name] == []
