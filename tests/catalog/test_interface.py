"""What the open interface tells of what is sold and ordered, and to which token."""

import pytest

from operations.api import scopes
from tests.api.build import Api, error_of, token_of
from tests.catalog.orders import build

pytestmark = pytest.mark.django_db


def test_prices_of_an_account_are_for_tokens_that_may_read() -> None:
    """They tell of the customer: his tier, and why an offer is for him."""
    user, account = build.home()
    build.offer("basic")
    reader = Api(token_of(user, scopes.READ))
    other = Api(token_of(user, scopes.operation_scope(build.registry.get("package.order"))))
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
