"""An English reader's pages of what is sold and held: no sign that only Chinese is written with."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import BillingAccount, User
from catalog.models import Offer, OfferSeries, Subscription
from catalog.offers.services import publishing
from core import clock
from tests.architecture.test_messages import SIGNS
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
ENGLISH: dict[str, Any] = {"headers": {"Accept-Language": "en"}}


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def user() -> User:
    return money.user()


@pytest.fixture
def account(user: User) -> BillingAccount:
    found = money.account(user)
    found.address = "Peace Road 1"
    found.save(update_fields=["address"])
    return found


@pytest.fixture
def web(client: Client, user: User, account: BillingAccount) -> Client:
    client.force_login(user)
    return client


def english(code: str, *amounts: int, **more: Any) -> Any:
    """An offer with everything that a page can say of it, in English."""
    given = {"name": code, "name_en": code.title(), "conditions_en": "Billed by month.", "conditions": "x"}
    return build.offer(code, *amounts, **(given | more))


def everything() -> None:
    """Two offers of a group in a series, for tiers, terminals, with features, partners, discounts and days of end."""
    shop.product_type("basic", name_en="Television", is_per_terminal=True)
    series = OfferSeries.objects.create(code="home", name="家", name_en="Home")
    end = NOON.date() + timedelta(days=90)
    small = english("small", 1000, 500, group="tv", series=series, active_to=end, while_paused="FULL")
    big = english("big", 3000, group="tv", series=series, return_days=7, once=500)
    gold = english(
        "gold", 3000, group="tv", tiers=["GOLD"], term_months=12, penalty_kind="FIXED", penalty_cents=1
    )
    spec = shop.specification("one")
    type(spec).objects.filter(pk=spec.pk).update(name_en="Channels")
    spec.features.create(name="a", name_en="HD", value="b", value_en="60")
    spec.features.create(name="c", name_en="4K", value="d", value_en="2")
    big.specifications.add(spec)
    shop.related(small, "UPGRADES_TO", big)
    shop.related(big, "EXCLUDES", gold)
    for name in ("half", "less"):
        rule = shop.rule(
            name, big, small, name_en=name.title(), conditions_en="For all.", active_to=end, value=90
        )
        publishing.publish_rule(rule_id=rule.pk, as_of=NOON)


def signs(answer: Any) -> list[str]:
    """What of the page is written with signs of Chinese."""
    assert answer.status_code in (200, 409), answer.status_code
    text = re.sub(r"<(script|style|select).*?</\1>", "", answer.content.decode(), flags=re.DOTALL)
    main = text[text.index("<main") : text.index("</main>")]
    words = html.unescape(re.sub(r"<[^>]+>", "\n", main))
    return [line.strip() for line in words.splitlines() if SIGNS.search(line)]


def test_no_page_of_what_is_sold_shows_one(web: Client) -> None:
    everything()
    paths = ("/offers/", "/offers/small/", "/offers/big/", "/offers/gold/", "/tariffs/products/", "/numbers/",
             "/offers/compare/?offer=big&offer=small")  # fmt: skip
    assert {path: found for path in paths if (found := signs(web.get(path, **ENGLISH)))} == {}


def test_no_page_of_what_is_held_and_ordered_shows_one(
    web: Client, user: User, account: BillingAccount
) -> None:
    everything()
    small = Offer.objects.get(code="small")
    order = build.ordered(user, account, small)
    held = Subscription.objects.get()
    paths = (
        "/orders/", f"/orders/{order.number}/", "/orders/new/?offer=big", "/orders/new/?offer=gold",
        f"/orders/change/?subscription={held.number}", f"/orders/cancel/?subscription={held.number}",
        "/services/", f"/services/{held.number}/", "/services/family/", "/services/advice/", "/bills/next/",
    )  # fmt: skip
    found = {path: signs(web.get(path, **ENGLISH)) for path in paths}
    change = {"subscription": held.number, "offer": "big"}
    found["change"] = signs(web.post("/orders/change/", change, **ENGLISH))
    found["cancel"] = signs(web.post("/orders/cancel/", {"subscription": held.number}, **ENGLISH))
    new = {"account": account.number, "offers": ["gold"]}
    found["refused"] = signs(web.post("/orders/new/", new, **ENGLISH))
    assert {path: each for path, each in found.items() if each} == {}
