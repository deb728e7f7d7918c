"""What is sold: one row of each thing that staff can look at, and an account with a price of its own."""

from datetime import date

from accounts.models import BillingAccount
from catalog.offers.models import Offer, OfferRelation, OfferSeries, ProductSpecification, ProductType, Tier
from catalog.offers.prices import PriceException, PriceRule
from catalog.offers.services import prices
from core.models import Approval
from tests.conftest import NOON


def everything(i: int, account: BillingAccount) -> None:
    """One of each."""
    kind = ProductType.objects.create(code=f"type-{i}", name=f"产品类型 {i}", flow="DIRECT")
    specification = ProductSpecification.objects.create(code=f"product-{i}", name=f"规格 {i}", type=kind)
    specification.features.create(name="频道", value="60 套")
    Tier.objects.create(code=f"TIER{i}", name=f"等级 {i}")
    series = OfferSeries.objects.create(code=f"series-{i}", name=f"系列 {i}")
    offer = Offer.objects.create(
        code=f"sold-{i}", name=f"产品 {i}", type=kind, series=series, active_from=date(2026, 1, 1)
    )
    offer.specifications.set([specification])
    other = Offer.objects.order_by("pk").exclude(pk=offer.pk).first()
    if other is not None:
        OfferRelation.objects.create(offer=offer, kind="NEEDS", other=other)
    prices.add(offer_id=offer.pk, amounts_cents=[2600], active_from=date(2026, 1, 1), as_of=NOON)
    rule = PriceRule.objects.create(
        code=f"rule-{i}", name=f"优惠 {i}", effect="MINUS", value=100, active_from=date(2026, 1, 1)
    )
    rule.offers.set([offer])
    _exception(offer, account)


def _exception(offer: Offer, account: BillingAccount) -> None:
    approval = Approval.objects.create(
        kind="catalog.price_exception",
        object_type="accounts.BillingAccount",
        object_id=str(account.pk),
        amount_cents=0,
        region_id=account.region_id,
        data={
            "offer": offer.pk,
            "offer_name": offer.name,
            "charge": "PERIOD",
            "amount_cents": 1300,
            "active_from": "2026-11-01",
            "active_to": "2027-11-01",
        },
        reason="低保户",
        requested_by="user:0",
        requested_at=NOON,
    )
    PriceException.objects.create(
        account=account,
        offer=offer,
        amount_cents=1300,
        reason="低保户",
        approval=approval,
        active_from=date(2026, 11, 1),
        active_to=date(2027, 11, 1),
        created_at=NOON,
    )
