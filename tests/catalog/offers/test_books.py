"""Price books: right as of the statement that asks, in every place, for every kind, with few queries."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Region
from catalog.offers.models import Offer
from catalog.offers.prices import PriceException, PriceRule
from catalog.offers.selectors import books
from catalog.offers.services import publishing
from catalog.pricing.relations import eligible
from core.models import Approval
from tests.catalog.offers import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
LATER = date(2026, 12, 1)


def cents(code: str, region_id: int | None = None, kind: str = books.VISITOR) -> list[int]:
    return [rate.amounts_cents[0] for rate in books.book(region_id, kind).rates.get((code, "PERIOD"), ())]


def test_the_nearest_price_wins_and_one_for_the_kind() -> None:
    city = build.region("CITY")
    district, other = build.region("D", city, "DISTRICT"), build.region("O")
    offer = build.draft("basic")
    build.price(offer, 2600)
    build.price(offer, 2400, region_id=city.pk)
    build.price(offer, 2080, customer_kind="ENTERPRISE")
    build.price(offer, 1920, region_id=city.pk, customer_kind="ENTERPRISE")
    publishing.publish_offer(offer_id=offer.pk, as_of=NOON)
    assert cents("basic") == [2600]
    assert cents("basic", district.pk) == [2400]
    assert cents("basic", other.pk) == [2600]
    assert cents("basic", None, "ENTERPRISE") == [2080]
    assert cents("basic", district.pk, "ENTERPRISE") == [1920]


def test_drafts_and_what_was_taken_back_are_in_no_book() -> None:
    build.price(build.draft("draft"), 100)
    assert "draft" not in books.book(None).terms
    assert books.book(None).rates == {}


def test_the_same_book_comes_back_for_one_query(django_assert_num_queries: Any) -> None:
    build.published("basic", 2600)
    first = books.book(None)
    with django_assert_num_queries(1):
        assert books.book(None) is first
    with django_assert_num_queries(1):
        found = books.many([(None, "PERSONAL"), (None, "ENTERPRISE")])
    assert found[None, "PERSONAL"] is first


def test_a_changed_shelf_is_read_in_seven_queries(django_assert_num_queries: Any) -> None:
    for each in range(5):
        build.published(f"offer-{each}-x", 100)
    with django_assert_num_queries(7):
        books.book(None)


def _price_by_service() -> None:
    build.price(Offer.objects.get(code="basic"), 2800, active_from=LATER, as_of=NOON)


def _price_by_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_price SET active_to = '2026-12-24'")


def _rule() -> None:
    build.published_rule("eighty", Offer.objects.get(code="basic"))


def _rule_in_bulk() -> None:
    PriceRule.objects.bulk_create([PriceRule(code="r", effect="MINUS", value=1, active_from=LATER)])


def _relation() -> None:
    build.related(Offer.objects.get(code="basic"), "EXCLUDES", Offer.objects.get(code="other"))


def _end() -> None:
    Offer.objects.update(active_to=date(2027, 1, 1))


def _region_moves() -> None:
    Region.objects.update(parent=None)


@pytest.mark.parametrize(
    "change",
    [_price_by_service, _price_by_sql, _rule, _rule_in_bulk, _relation, _end, _region_moves],
    ids=lambda each: each.__name__,
)
def test_the_book_is_another_as_soon_as_anything_changed_and_the_old_one_when_it_is_undone(
    change: Any,
) -> None:
    build.region("D", build.region("CITY"))
    build.published("basic", 2600)
    build.published("other", 100)
    before = books.book(None)
    point = transaction.savepoint()
    change()
    inside = books.book(None)
    assert inside is not before
    transaction.savepoint_rollback(point)
    assert books.book(None) is before


def test_rules_of_other_places_are_not_in_the_book() -> None:
    east, west = build.region("E"), build.region("W")
    offer = build.published("basic", 2600)
    build.published_rule("east", offer, region=east)
    build.published_rule("everywhere", offer)
    build.rule("draft", offer)
    assert [rule.code for rule in books.book(east.pk).rules] == ["east", "everywhere"]
    assert [rule.code for rule in books.book(west.pk).rules] == ["everywhere"]


def test_a_rule_carries_all_its_conditions() -> None:
    first, beside = build.published("basic"), build.published("beside")
    row = build.rule(
        "full", first, tiers=["GOLD"], customer_kinds=["FAMILY"], terminals=[2], months=3, is_for_new=True,
        is_exclusive=True, priority=7, floor_cents=5, active_to=date(2027, 1, 1), type=first.type,
    )  # fmt: skip
    row.with_offers.set([beside])
    row.segments.set([build.segment("KIDS")])
    publishing.publish_rule(rule_id=row.pk, as_of=NOON)
    [rule] = books.book(None).rules
    about = [rule.offers, rule.types, rule.with_offers]
    whose = [rule.kinds, rule.tiers, rule.segments]
    assert [list(each) for each in about] == [["basic"], ["basic"], ["beside"]]
    assert [list(each) for each in whose] == [["FAMILY"], ["GOLD"], ["KIDS"]]
    assert rule.terminals == {2}
    assert (rule.months, rule.is_for_new, rule.is_exclusive, rule.priority, rule.floor_cents) == (
        3,
        True,
        True,
        7,
        5,
    )
    assert (rule.begins_on, rule.ends_on) == (build.TODAY, date(2027, 1, 1))


def test_terms_carry_relations_between_published_offers() -> None:
    pack, basic, draft = build.published("pack"), build.published("basic"), build.draft("draft")
    for kind in ("NEEDS", "MUST_BUY", "EXCLUDES", "UPGRADES_TO", "DOWNGRADES_TO"):
        build.related(pack, kind, basic)
    build.related(pack, "EXCLUDES", draft)
    terms = books.book(None).terms["pack"]
    named = (terms.needs, terms.must_buy, terms.excludes, terms.upgrades_to, terms.downgrades_to)
    assert set(named) == {frozenset({"basic"})}


def test_facts_of_many_accounts_in_one_query(django_assert_num_queries: Any) -> None:
    place = build.region("E")
    one, other = build.account(place), build.account(kind="ENTERPRISE")
    build.tier(one, "SILVER", active_from=date(2026, 11, 1))
    build.segment("KIDS", one)
    offer = build.published("basic")
    exception(one, offer)
    with django_assert_num_queries(1):
        found = books.facts_of([one.pk, other.pk], build.TODAY)
    facts = found[one.pk]
    assert (facts.region_id, facts.kind, facts.customer.tier) == (place.pk, "PERSONAL", "SILVER")
    assert facts.customer.segments == {"KIDS"}
    assert [each.amount_cents for each in facts.customer.exceptions] == [1000]
    assert found[other.pk].customer == books.customer(other.pk, build.TODAY)
    assert (found[other.pk].kind, found[other.pk].customer.tier) == ("ENTERPRISE", "")
    assert books.customer(one.pk, date(2026, 10, 31)).tier == ""


def exception(account: Any, offer: Offer) -> PriceException:
    approval = Approval.objects.create(
        kind="catalog.price_exception", object_type="accounts.BillingAccount", object_id=str(account.pk),
        amount_cents=0, data={}, reason="x", requested_by="user:1", requested_at=NOON,
    )  # fmt: skip
    return PriceException.objects.create(
        account=account, offer=offer, amount_cents=1000, reason="x", approval=approval,
        active_from=build.TODAY, active_to=LATER, created_at=NOON,
    )  # fmt: skip


def test_conditions_know_what_is_published_by_then() -> None:
    place = build.region("E")
    offer = build.draft("local", tiers=["GOLD"])
    offer.regions.set([place])
    build.price(offer, 100)
    publishing.publish_offer(offer_id=offer.pk, as_of=NOON, at=NOON + timedelta(hours=1))
    assert books.conditions(NOON) == {}
    conditions = books.conditions(NOON + timedelta(hours=1))["local"]
    account = build.account(place)
    build.tier(account, "GOLD")
    buyer = books.buyer(books.facts(account.pk, build.TODAY))
    assert eligible(buyer, conditions, build.TODAY).is_eligible
    assert not eligible(
        books.buyer(books.facts(build.account().pk, build.TODAY)), conditions, build.TODAY
    ).is_eligible
