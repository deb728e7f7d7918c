"""What the open interface tells of what is sold and ordered, and to which token."""

import pytest

from operations import registry
from operations.api import scopes
from tests.api.build import Api, error_of, token_of
from tests.catalog.offers import build as shop
from tests.catalog.orders import build

pytestmark = pytest.mark.django_db


def test_prices_of_an_account_are_for_tokens_that_may_read() -> None:
    """They tell of the customer: his tier, and why an offer is for him."""
    user, account = build.home()
    build.offer("basic")
    reader = Api(token_of(user, scopes.READ))
    other = Api(token_of(user, scopes.operation_scope(registry.get("package.order"))))
    for address in ("/api/offers/", "/api/offers/basic/", "/api/offers/basic/price/"):
        assert other.get(address).status_code == 200
        assert reader.get(f"{address}?account={account.number}").status_code == 200
        assert error_of(other.get(f"{address}?account={account.number}")) == (403, "INSUFFICIENT_SCOPE")


def test_orders_name_what_was_ordered_in_the_readers_language() -> None:
    user, account = build.home()
    build.ordered(user, account, build.offer("hd", name="高清包", name_en="HD pack"))
    api = Api(token_of(user, scopes.READ))
    for language, name in (("en", "HD pack"), ("zh-hans", "高清包")):
        [order] = api.get("/api/orders/", **{"Accept-Language": language}).json()["results"]
        assert order["lines"][0]["offer_name"] == name


def test_offers_are_told_in_the_readers_language() -> None:
    user, _account = build.home()
    offer = build.offer(
        "hd",
        name="高清包",
        name_en="HD pack",
        summary="看得清",
        summary_en="Clear",
        conditions="按月计费。",
        conditions_en="By the month.",
    )
    rule = shop.published_rule(
        "gold", offer, name="九折", name_en="Ten per cent off", conditions_en="For all."
    )
    api = Api(token_of(user, scopes.READ))
    english = api.get("/api/offers/hd/", **{"Accept-Language": "en"}).json()
    assert (english["summary"], english["conditions"]) == ("Clear", "By the month.")
    assert [(each["name"], each["conditions"]) for each in english["discounts"]] == [
        (rule.name_en, "For all.")
    ]
    chinese = api.get("/api/offers/hd/", **{"Accept-Language": "zh-hans"}).json()
    assert (chinese["summary"], chinese["discounts"][0]["name"]) == ("看得清", "九折")


def test_a_place_that_is_none_is_not_found_and_what_is_no_number_is_told_by_its_field() -> None:
    user, _account = build.home()
    api = Api(token_of(user, scopes.READ))
    assert error_of(api.get("/api/numbers/?region=NOWHERE")) == (404, "NOT_FOUND")
    told = api.get("/api/numbers/?region=NOWHERE&ends_with=x")
    assert error_of(told) == (400, "INVALID_INPUT")
    assert told.json()["fields"]["ends_with"] == ["只填数字"]
    assert api.get("/api/numbers/?region=&ends_with=").status_code == 200
    assert api.get("/api/offers/?region=").status_code == 200
