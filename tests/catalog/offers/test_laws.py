"""What the database itself refuses once something is published, whoever writes."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from catalog.offers.models import TERMS, Offer, ProductType
from catalog.offers.prices import RULE_TERMS, Price, PriceRule
from catalog.offers.services import publishing
from core import clock
from core.db import violated
from tests.catalog.offers import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
OTHER: dict[str, Any] = {
    "conditions": "另一种说法", "group": "other", "term_months": 7, "is_renewed": True, "penalty_kind": "NONE",
    "change_effect": "AT_ONCE", "cancel_effect": "AT_ONCE", "return_days": 9, "while_paused": "FULL",
    "gives_back_rest": False, "while_in_arrears": "FULL", "while_checked": "FULL", "is_paid_first": False,
    "most_per_account": 9,
    "family_limit": 9, "active_from": date(2026, 2, 2),
}  # fmt: skip
PENALTIES = {"penalty_kind": "PERCENT", "penalty_percent": 40, "penalty_cents": 0}
RULE_OTHER: dict[str, Any] = {
    "conditions": "另一种说法", "charge": "ONCE", "effect": "MINUS", "value": 70, "floor_cents": 1,
    "terminals": [2], "customer_kinds": ["FAMILY"], "tiers": ["GOLD"], "is_for_new": True, "months": 3,
    "priority": 4, "is_exclusive": True, "active_from": date(2026, 12, 1),
}  # fmt: skip


def refused(rows: Any, **change: Any) -> str:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        rows.update(**change)
    return violated(refusal.value)


@pytest.mark.parametrize("column", [name for name in OTHER if name != "penalty_kind"])
def test_a_published_offer_keeps_its_terms(column: str) -> None:
    offer = build.published()
    assert refused(Offer.objects.filter(pk=offer.pk), **{column: OTHER[column]}) == "offer_terms_fixed"


def test_a_published_offer_keeps_its_penalty() -> None:
    offer = build.published()
    assert refused(Offer.objects.filter(pk=offer.pk), **PENALTIES) == "offer_terms_fixed"


def test_every_term_is_tried_here() -> None:
    assert set(OTHER) | set(PENALTIES) == set(TERMS)
    assert {name.removesuffix("_id") for name in RULE_TERMS} - set(RULE_OTHER) == {"type", "region"}


def test_a_draft_may_change_and_a_published_one_its_names() -> None:
    offer = build.draft()
    assert Offer.objects.filter(pk=offer.pk).update(term_months=7) == 1
    live = build.published()
    assert Offer.objects.filter(pk=live.pk).update(name="新名字", conditions_en="In English") == 1


def test_what_is_live_is_never_unpublished_nor_dated_otherwise() -> None:
    rows = Offer.objects.filter(pk=build.published().pk)
    assert refused(rows, published_at=None) == "offer_terms_fixed"
    assert refused(rows, published_at=NOON) == "offer_terms_fixed"


def test_what_is_announced_may_be_taken_back() -> None:
    ahead = clock.now() + timedelta(hours=1)
    rows = Offer.objects.filter(pk=build.published(as_of=ahead).pk)
    assert rows.update(published_at=None) == 1


@pytest.mark.parametrize("column", RULE_OTHER)
def test_a_published_rule_keeps_what_it_is_worth(column: str) -> None:
    rule = build.published_rule("eighty", build.published())
    rows = PriceRule.objects.filter(pk=rule.pk)
    assert refused(rows, **{column: RULE_OTHER[column]}) == "price_rule_terms_fixed"


@pytest.mark.parametrize(
    ("column", "law"),
    [("offers", "price_rule_offers_fixed"), ("with_offers", "price_rule_with_offers_fixed")],
)
def test_a_published_rule_stays_about_what_it_is_about(column: str, law: str) -> None:
    first, other = build.published(), build.published()
    rule = build.rule("eighty", first)
    rule.with_offers.set([first])
    publishing.publish_rule(rule_id=rule.pk, as_of=NOON)
    for verb, *given in (("add", other), ("clear",)):
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            getattr(getattr(rule, column), verb)(*given)
        assert violated(refusal.value) == law
    assert list(getattr(rule, column).all()) == [first]


def test_a_published_rule_stays_for_whom_it_is() -> None:
    rule = build.published_rule("eighty", build.published())
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        rule.segments.add(build.segment("KIDS"))
    assert violated(refusal.value) == "price_rule_segments_fixed"


def test_a_price_that_has_begun_is_not_taken_back() -> None:
    price = build.published().prices.get()
    rows = Price.objects.filter(pk=price.pk)
    assert refused(rows, withdrawn_at=NOON) == "price_taken_back_in_time"
    assert refused(rows, amounts_cents=[1]) == "price_fixed"


def test_what_is_taken_back_stays_so() -> None:
    offer = build.draft()
    price = build.price(offer, 100)
    rows = Price.objects.filter(pk=price.pk)
    assert rows.update(withdrawn_at=NOON) == 1
    assert refused(rows, withdrawn_at=None) == "price_taken_back_in_time"


def test_a_type_in_use_keeps_its_flow_and_its_way_of_counting() -> None:
    offer = build.published()
    rows = ProductType.objects.filter(pk=offer.type_id)
    assert refused(rows, flow="") == "product_type_keeps_flow"
    assert refused(rows, is_per_terminal=True) == "product_type_keeps_flow"
    assert rows.update(flow="APPOINTMENT") == 1


def test_no_offer_is_published_past_the_service_without_a_flow() -> None:
    offer = build.draft(type=build.product_type("undecided", flow=""))
    assert refused(Offer.objects.filter(pk=offer.pk), published_at=NOON) == "offer_published_with_flow"
