"""Staff pages: written as drafts, priced, published with a reason, and the calendar of what comes."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.offers.models import Offer
from catalog.offers.prices import Price, PriceException, PriceRule
from catalog.offers.selectors import impact
from catalog.offers.services import publishing
from core import clock
from core.models import Approval, AuditRow
from tests.admin import build as staff
from tests.catalog.offers import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
LATER = date(2026, 12, 1)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(staff.superuser())
    return client


def act(client: Client, model: str, name: str, row: Any, **data: Any) -> Any:
    address = f"{reverse(f'admin:catalog_{model}_act', args=[name])}?ids={row.pk}"
    assert client.get(address).status_code == 200
    answer = client.post(address, {"reason": "上新", **data}, follow=True)
    return answer.content.decode()


def test_an_offer_is_written_by_hand_priced_and_published(desk: Client) -> None:
    kind, owner = build.product_type(), build.owner()
    spot = {
        "relations-TOTAL_FORMS": 0,
        "relations-INITIAL_FORMS": 0,
        "prices-TOTAL_FORMS": 0,
        "prices-INITIAL_FORMS": 0,
    }
    fields = {
        "code": "basic", "type": kind.pk, "owner": owner.pk, "active_from": "2026-11-18", "name": "基本收视",
        "conditions": "按月计费", "cycle": "MONTHLY", "term_months": 0, "penalty_kind": "NONE", "penalty_percent": 0,
        "penalty_cents": 0, "change_effect": "MONTH_END", "cancel_effect": "MONTH_END", "return_days": 0,
        "while_paused": "NONE", "while_in_arrears": "NONE", "while_checked": "NONE", "most_per_account": 1,
        "family_limit": 0, "reason": "新产品",
    }  # fmt: skip
    answer = desk.post(reverse("admin:catalog_offer_add"), {**fields, **spot})
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    offer = Offer.objects.get(code="basic")
    assert "没有价格" in act(desk, "offer", "publish", offer)
    act(
        desk,
        "offer",
        "price",
        offer,
        charge="PERIOD",
        amounts="26.00",
        after_last="LAST",
        active_from="2026-11-18",
    )
    assert Price.objects.get().amounts_cents == [2600]
    assert "已发布" in act(desk, "offer", "publish", offer)
    offer.refresh_from_db()
    assert offer.published_at == NOON
    assert AuditRow.objects.filter(action="catalog.offer.publish", reason="上新").exists()


def test_published_terms_are_read_only_on_the_page_and_withdrawal_has_a_date(desk: Client) -> None:
    offer = build.published("basic")
    page = desk.get(reverse("admin:catalog_offer_change", args=[offer.pk])).content.decode()
    assert 'name="name"' in page
    assert 'name="conditions"' not in page
    assert 'name="term_months"' not in page
    act(desk, "offer", "withdraw", offer, ends_on="2026-11-19")
    offer.refresh_from_db()
    assert offer.active_to == date(2026, 11, 19)


def test_scheduled_to_the_minute(desk: Client) -> None:
    offer = build.draft("basic")
    build.price(offer, 2600)
    assert "已排定" in act(desk, "offer", "publish", offer, at="2026-11-18T13:30")
    offer.refresh_from_db()
    assert offer.published_at == NOON + timedelta(minutes=90)


def test_amounts_that_are_none_are_refused_in_the_form(desk: Client) -> None:
    offer = build.draft("basic")
    page = act(
        desk,
        "offer",
        "price",
        offer,
        charge="PERIOD",
        amounts="26,x",
        after_last="LAST",
        active_from="2026-11-18",
    )
    assert "金额无法识别" in page
    assert not Price.objects.exists()


def test_a_price_is_taken_back_and_tells_whom_it_meets(desk: Client) -> None:
    offer = build.published("basic", 2600)
    price = build.price(offer, 2800, active_from=LATER, as_of=NOON)
    page = desk.get(reverse("admin:catalog_price_change", args=[price.pk])).content.decode()
    assert "目前没有在用客户受影响" in page
    assert "已撤回" in act(desk, "price", "take-back", price)


def test_the_impact_counts_those_for_whom_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    east, west = build.region("E"), build.region("W")
    offer = build.published("basic", 2600)
    build.price(offer, 2400, region_id=west.pk, active_from=date(2026, 11, 20), as_of=NOON)
    price = build.price(offer, 2800, active_from=LATER, as_of=NOON)
    held = [(east.pk, "PERSONAL", 10), (west.pk, "PERSONAL", 7), (None, "ENTERPRISE", 2)]
    monkeypatch.setattr(impact, "_provider", [lambda offer_id, on: held])
    from catalog.offers.selectors import versions

    found = impact.of_price(offer.pk, "PERIOD", versions.of_row(price))
    assert [(each.region, each.holders, each.difference_cents) for each in found] == [
        ("区域E", 10, 2000),
        ("", 2, 400),
    ]


def test_an_exception_is_asked_for_and_waits(desk: Client) -> None:
    offer, account = build.published("basic"), build.account()
    page = act(
        desk, "offer", "exception", offer, account=account.number, charge="PERIOD", amount="13",
        active_from="2026-12-01", active_to="2027-06-01",
    )  # fmt: skip
    assert "须由另一人批准" in page
    assert Approval.objects.get().data["amount_cents"] == 1300
    assert not PriceException.objects.exists()


def test_rules_are_published_and_ended(desk: Client) -> None:
    rule = build.rule("eighty", build.published("basic"))
    assert "已发布" in act(desk, "pricerule", "publish", rule)
    page = desk.get(reverse("admin:catalog_pricerule_change", args=[rule.pk])).content.decode()
    assert 'name="value"' not in page
    act(desk, "pricerule", "end", rule, ends_on="2026-12-01")
    assert PriceRule.objects.get().active_to == LATER


def test_the_calendar_shows_what_comes(desk: Client, django_assert_max_num_queries: Any) -> None:
    offer = build.published("basic", 2600)
    build.price(offer, 2800, active_from=LATER, as_of=NOON)
    publishing.withdraw_offer(offer_id=build.published("gone").pk, ends_on=date(2026, 12, 5), as_of=NOON)
    build.published("announced", as_of=NOON + timedelta(days=3))
    build.published_rule("eighty", offer, active_to=date(2026, 12, 31))
    build.published("far", active_from=date(2027, 6, 1))
    with django_assert_max_num_queries(25):
        page = desk.get(reverse("admin:catalog_offer_calendar")).content.decode()
    for said in ("新价格", "¥28.00", "下架", "定时发布", "优惠结束"):
        assert said in page, said
    assert "产品 far" not in page


def test_lists_ask_so_many_queries(desk: Client, django_assert_max_num_queries: Any) -> None:
    for each in range(4):
        build.published_rule("", build.published(f"offer-{each}-x"))
    for model in ("offer", "price", "pricerule", "producttype", "productspecification", "priceexception"):
        with django_assert_max_num_queries(14):
            assert desk.get(reverse(f"admin:catalog_{model}_changelist")).status_code == 200


def test_who_may_only_look_publishes_nothing(client: Client) -> None:
    client.force_login(staff.staff_with("catalog.view_offer"))
    offer = build.draft("basic")
    build.price(offer, 2600)
    address = f"{reverse('admin:catalog_offer_act', args=['publish'])}?ids={offer.pk}"
    assert client.post(address, {"reason": "上新"}).status_code == 403
    assert Offer.objects.get(code="basic").published_at is None
