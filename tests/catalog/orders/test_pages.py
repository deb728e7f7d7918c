"""The pages of ordering, as a browser without scripts sees them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import BillingAccount, User
from catalog.models import Order, OrderState, PriceRule, Subscription
from catalog.offers.services import publishing
from core import clock
from tests.api.build import Api, token_of
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.conftest import NOON
from tests.operations.test_pages import hidden

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon() -> Iterator[datetime]:
    cache.clear()
    with clock.stopped(NOON):
        yield NOON


@pytest.fixture
def user() -> User:
    return money.user()


@pytest.fixture
def account(user: User) -> BillingAccount:
    return money.account(user)


@pytest.fixture
def web(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def text(page: Any) -> str:
    return str(page.content.decode())


def test_what_the_customer_came_for_is_ticked_and_nothing_else(web: Client, account: BillingAccount) -> None:
    hd, base = build.offer("hd"), build.offer("base")
    shop.related(hd, "MUST_BUY", base)
    page = text(web.get("/orders/new/?offer=hd"))
    assert 'value="hd" id="offer-hd" checked' in page
    assert 'value="base" id="offer-base">' in page
    assert "¥30.00" in page


def test_what_is_held_already_is_not_offered_as_something_that_lacks(
    web: Client, user: User, account: BillingAccount
) -> None:
    hd, base = build.offer("hd"), build.offer("base")
    shop.related(hd, "NEEDS", base)
    assert "offer-base" in text(web.get("/orders/new/?offer=hd"))
    build.ordered(user, account, base)
    assert "offer-base" not in text(web.get("/orders/new/?offer=hd"))


def test_the_quote_shows_the_next_bills_before_and_after(web: Client, account: BillingAccount) -> None:
    build.offer("hd", 3000)
    page = text(web.post("/orders/new/", {"account": account.number, "offers": ["hd"]}))
    assert "2026年11月" in page
    assert "2026年12月" in page
    assert "¥13.00" in page  # 13 of 30 days
    assert "+¥30.00" in page
    assert "获取验证码" in page


def test_ordering_from_the_form_to_the_order(web: Client, user: User, account: BillingAccount) -> None:
    build.offer("hd", 3000, once=5000)
    data = {"account": account.number, "offers": ["hd"]}
    quote = web.post("/orders/new/", data)
    code = build.code(build.ctx(user), "package.order", data)
    answer = web.post("/orders/new/", hidden(quote) | {"_step": "submit", "_agreed": "yes", "_code": code})
    order = Order.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/orders/{order.number}/")
    page = text(web.get(answer["Location"]))
    assert "去付款" in page
    assert order.bill is not None
    assert f"/pay/?bill={order.bill.number}" in page
    assert order.number in text(web.get("/orders/"))
    assert "待付款的订单" in text(web.get("/"))


def test_a_refusal_stands_on_the_page_with_the_way_on(web: Client, account: BillingAccount) -> None:
    build.offer("hd")
    money.bill(account, issued_on=NOON.date().replace(month=10, day=1))
    page = web.post("/orders/new/", {"account": account.number, "offers": ["hd"]})
    assert page.status_code == 409
    assert f"?account={account.number}" in text(page)
    assert "去缴费" in text(page)


def test_change_and_cancel_start_at_what_is_held(web: Client, user: User, account: BillingAccount) -> None:
    small, big = build.offer("small", 1000, group="tv"), build.offer("big", 3000, group="tv")
    shop.related(small, "UPGRADES_TO", big)
    build.ordered(user, account, small)
    held = Subscription.objects.get()
    page = text(web.get(f"/orders/change/?subscription={held.number}"))
    assert "产品 big" in page
    quote = text(web.post("/orders/change/", {"subscription": held.number, "offer": "big"}))
    assert "变更" in quote
    assert "2026年12月" in quote
    page = text(web.get(f"/orders/cancel/?subscription={held.number}"))
    assert f'value="{held.number}" checked' in page
    assert "2026年12月" in text(web.post("/orders/cancel/", {"subscription": held.number}))


def test_a_quote_reads_as_the_next_bill_does(web: Client, user: User, account: BillingAccount) -> None:
    """Both pages show two months by one renderer: the same items by the same names."""
    small, big = build.offer("small", 1000, group="tv"), build.offer("big", 3000, group="tv")
    shop.related(small, "UPGRADES_TO", big)
    shop.rule("gift", big, name="新装优惠", value=50)
    publishing.publish_rule(rule_id=PriceRule.objects.get(code="gift").pk, as_of=NOON)
    build.ordered(user, account, small)
    held = Subscription.objects.get()
    answer = web.post("/orders/change/", {"subscription": held.number, "offer": "big"})
    assert any(each.name == "catalog/offers/beside.html" for each in answer.templates)
    quote = text(answer)
    items = ("产品 small", "产品 big", "优惠“新装优惠”：产品 big")
    assert all(f'scope="row">{item}</th>' in quote for item in items)
    build.changed(user, held, big)
    shown = web.get("/bills/next/")
    assert any(each.name == "catalog/offers/beside.html" for each in shown.templates)
    assert all(f'scope="row">{item}</th>' in text(shown) for item in items[1:])


def test_strangers_find_nothing(web: Client, account: BillingAccount) -> None:
    bob, others = build.home()
    order = build.ordered(bob, others, build.offer("hd"))
    assert web.get(f"/orders/{order.number}/").status_code == 404
    assert order.number not in text(web.get("/orders/"))
    assert web.get(f"/orders/new/?account={others.number}").status_code == 404


def test_visitors_log_in_first(client: Client) -> None:
    for path in ("/orders/", "/orders/new/", "/orders/change/", "/orders/cancel/", "/orders/O1/"):
        assert client.get(path).status_code == 302


def test_without_an_account_or_an_offer_the_page_says_what_to_do(web: Client, user: User) -> None:
    assert web.get("/orders/new/").status_code in (200, 403)
    money.account(user)
    assert "先挑一个产品" in text(web.get("/orders/new/"))


def test_the_page_asks_for_itself_until_the_order_is_over(
    web: Client, user: User, account: BillingAccount
) -> None:
    order = build.ordered(user, account, build.offer("hd", entitlements=("HD",)))
    asked: dict[str, Any] = {"headers": {"HX-Request": "true"}}
    path = f"/orders/{order.number}/"
    assert web.get(path, **asked).status_code == 204
    build.switch()
    assert web.get(path, **asked)["HX-Refresh"] == "true"
    assert Order.objects.get().state == OrderState.COMPLETED


def test_the_list_asks_the_same_however_long(web: Client, user: User, account: BillingAccount) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            web.get("/orders/")
        return len(caught)

    build.ordered(user, account, build.offer("a"))
    few = queries()
    for code in ("b", "c", "d"):
        build.ordered(user, account, build.offer(code))
    assert queries() == few


def test_orders_as_json(user: User, account: BillingAccount) -> None:
    order = build.ordered(user, account, build.offer("hd", once=5000))
    bob, others = build.home()
    strange = build.ordered(bob, others, build.offer("other"))
    api = Api(token_of(user))
    [found] = api.get("/api/orders/").json()["results"]
    assert (found["number"], found["state"]) == (order.number, "ACCEPTED")
    assert found["lines"][0]["amount_cents"] == 5000
    whole = api.get(f"/api/orders/{order.number}/").json()
    assert [step["state"] for step in whole["steps"]] == ["ACCEPTED", "SUBMITTED"]
    assert whole["next_step"]
    assert api.get(f"/api/orders/{strange.number}/").status_code == 404
    assert api.get("/api/orders/?state=COMPLETED").json()["results"] == []


def test_the_words_are_there_in_english(web: Client, user: User, account: BillingAccount) -> None:
    build.offer("hd", once=100, active_from=(NOON - timedelta(days=300)).date())
    quote = web.post(
        "/orders/new/",
        {"account": account.number, "offers": ["hd"]},
        headers={"Accept-Language": "en"},
    )
    assert quote.status_code == 200
