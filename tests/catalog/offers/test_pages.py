"""The pages and the interface: open to everybody, the same price on both, honest about what is missing."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Region
from catalog.models import OfferSeries, Tier
from catalog.offers.services import publishing
from content import search
from core import clock
from core.money import display
from tests.api.build import Api, error_of, token_of
from tests.billing import build as money
from tests.catalog.offers import build
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
LATER = date(2026, 12, 1)


@pytest.fixture
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return re.sub(r"\s+", " ", answer.content.decode())


def member(place: Region | None = None) -> tuple[Client, Any]:
    """A client who is logged in and owns an account there."""
    user, account = money.user(), build.account(place)
    Membership.objects.create(user=user, account=account, role=Membership.Role.OWNER, created_at=NOON)
    client = Client()
    client.force_login(user)
    return client, account


def test_a_visitor_reads_everything_without_logging_in(client: Client) -> None:
    offer = build.published("basic", 2600, penalty_kind="PERCENT", penalty_percent=30, term_months=12)
    build.price(offer, 2800, active_from=LATER, as_of=NOON)
    for address in ("/offers/", "/offers/basic/", "/offers/compare/", "/tariffs/products/", "/tariffs/"):
        text(client, address)
    page = text(client, "/offers/basic/")
    assert "¥26.00" in page
    assert "2026年12月1日 起 ¥28.00" in page
    assert "剩余月份费用的 30%" in page
    assert "按月计费，随时可退。" in page


def test_drafts_and_what_is_announced_are_not_found(client: Client) -> None:
    build.price(build.draft("draft"), 100)
    build.published("announced", 100, as_of=NOON + timedelta(minutes=1))
    for code in ("draft", "announced", "nothing"):
        assert client.get(f"/offers/{code}/").status_code == 404
    with clock.stopped(NOON + timedelta(minutes=1)):
        assert client.get("/offers/announced/").status_code == 200
        assert "产品 announced" in text(client, "/offers/")
        assert "产品 announced" in text(client, "/tariffs/products/")
        assert search.find("announced", as_of=clock.now()).hits


def test_where_somebody_lives_decides_and_is_remembered(client: Client) -> None:
    east, west = build.region("E"), build.region("W")
    offer = build.draft("local")
    offer.regions.set([east])
    build.price(offer, 2400, region_id=east.pk)
    publishing.publish_offer(offer_id=offer.pk, as_of=build.LONG_AGO)
    assert "请先选择地区" in text(client, "/offers/")
    assert "¥24.00" in text(client, "/offers/?region=E")
    assert client.cookies["region"].value == "E"
    assert "为您所在的区域E准备" in text(client, "/offers/local/")
    assert "产品 local" not in text(client, f"/offers/?region={west.code}")
    assert "¥24.00" in text(client, "/tariffs/products/")


def test_a_place_that_does_not_exist_is_no_choice(client: Client) -> None:
    build.region("E")
    build.published("basic", 2600)
    assert "¥26.00" in text(client, "/offers/?region=nowhere")


def test_a_member_sees_his_own_first_and_why() -> None:
    place = build.region("E")
    client, account = member(place)
    build.tier(account, "GOLD")
    gold = build.draft("gold", tiers=["GOLD"])
    build.price(gold, 900)
    publishing.publish_offer(offer_id=gold.pk, as_of=build.LONG_AGO)
    build.published("plain", 2600)
    page = text(client, "/offers/")
    assert "适合您的" in page
    assert "您的Gold卡等级可办" in page
    assert account.number in page


def test_another_members_account_is_no_choice() -> None:
    build.published("basic", 2600)
    client, own = member()
    _other, strange = member()
    page = text(client, f"/offers/?account={strange.number}")
    assert f"户号 {strange.number}" not in page
    assert f"户号 {own.number}" in page


def test_what_is_over_says_so_and_is_still_disclosed(client: Client) -> None:
    gone = build.published("gone", 2600)
    publishing.withdraw_offer(offer_id=gone.pk, ends_on=date(2026, 11, 1), as_of=build.LONG_AGO)
    assert "不再办理" in text(client, "/offers/gone/")
    assert "产品 gone" not in text(client, "/offers/")
    assert "近一年下架的产品" in text(client, "/tariffs/products/")


def test_two_to_four_are_compared(client: Client) -> None:
    for each in range(5):
        offer = build.draft(f"bb{each}")
        offer.specifications.add(build.specification(速率=f"{each}00M"))
        build.price(offer, 1000 + each)
        publishing.publish_offer(offer_id=offer.pk, as_of=build.LONG_AGO)
    page = text(client, "/offers/compare/?offer=bb0&offer=bb1")
    assert "100M" in page
    assert "¥10.01" in page
    many = text(client, "/offers/compare/?" + "&".join(f"offer=bb{each}" for each in range(5)))
    assert "只显示了前 4 项" in many
    assert "产品 bb4" not in many
    assert "请先勾选" in text(client, "/offers/compare/?offer=bb0")
    assert "请先勾选" in text(client, "/offers/compare/?offer=nothing&offer=bb0&offer=bb0")


def test_the_disclosure_is_searched_and_tells_discounts(client: Client) -> None:
    offer = build.published("basic", 2600)
    build.published_rule("eighty", offer, name="八折活动", floor_cents=500)
    page = text(client, "/tariffs/products/")
    assert "八折活动" in page
    assert "按价格的 80% 收取" in page
    assert "最低收 ¥5.00" in page
    assert "没有符合条件的产品" in text(client, "/tariffs/products/?q=%E6%B2%A1%E6%9C%89%E8%BF%99%E4%B8%AA")
    assert "产品 basic" in text(client, "/tariffs/products/?q=basic&type=basic")


def test_further_terminals_and_the_pause_are_told(client: Client) -> None:
    kind = build.product_type("tv", is_per_terminal=True)
    offer = build.draft("tv", type=kind, while_paused="FEE")
    build.price(offer, 2600, 500, 500, after_last="AGAIN")
    build.price(offer, 450, charge="PAUSE")
    publishing.publish_offer(offer_id=offer.pk, as_of=build.LONG_AGO)
    page = text(client, "/offers/tv/")
    assert "第 2 台 ¥5.00，第 3 台 ¥5.00，再多的从头按第 1 台起算" in page
    assert "停机保号费用" in page
    assert "¥4.50" in page


def test_web_and_interface_tell_the_same_price() -> None:
    place = build.region("E")
    offer = build.draft("basic")
    build.price(offer, 2600)
    build.price(offer, 2400, region_id=place.pk)
    publishing.publish_offer(offer_id=offer.pk, as_of=build.LONG_AGO)
    build.price(offer, 2500, region_id=place.pk, active_from=LATER, as_of=NOON)
    client, account = member(place)
    api = Api(token_of(account.memberships.get().user))
    [listed] = api.get(f"/api/offers/?account={account.number}").json()
    whole = api.get(f"/api/offers/basic/?account={account.number}").json()
    price = api.get(f"/api/offers/basic/price/?account={account.number}").json()
    assert listed["prices"] == whole["prices"] == price
    assert price[0]["amounts_cents"] == [2400]
    assert price[0]["changes"] == [{"amounts_cents": [2500], "active_from": "2026-12-01", "active_to": None}]
    page = text(client, "/offers/basic/")
    assert display(2400) in page
    assert f"2026年12月1日 起 {display(2500)}" in page
    ahead = api.get(f"/api/offers/basic/price/?account={account.number}&on=2026-12-01").json()
    assert ahead[0]["amounts_cents"] == [2500]


def test_the_interface_knows_no_drafts_and_nobody_elses_account() -> None:
    build.price(build.draft("draft"), 100)
    build.published("basic", 2600)
    _client, account = member()
    _other, strange = member()
    api = Api(token_of(account.memberships.get().user))
    for address in (
        "/api/offers/draft/",
        "/api/offers/draft/price/",
        f"/api/offers/?account={strange.number}",
        "/api/offers/?region=NOWHERE",
    ):
        assert error_of(api.get(address)) == (404, "NOT_FOUND")
    assert api.get("/api/offers/basic/price/?on=yesterday").status_code == 400
    assert [row["code"] for row in api.get("/api/offers/").json()] == ["basic"]


def test_english_readers_read_english(client: Client) -> None:
    build.published("basic", 2600, name_en="Basic TV", conditions_en="Charged by the month.")
    page = client.get("/offers/basic/", headers={"accept-language": "en"}).content.decode()
    assert "Basic TV" in page
    assert "Charged by the month." in page


def test_a_series_stands_together_on_the_shelf_in_its_order(client: Client) -> None:
    later = OfferSeries.objects.create(code="fibre", name="光纤系列", position=20)
    first = OfferSeries.objects.create(code="home", name="家庭系列", position=10)
    build.published("alone", 100)
    build.published("fibre-2", 300, series=later)
    build.published("home-1", 900, series=first)
    moved = build.published("fibre-1", 200)
    moved.series = later  # also while it is on sale: no price depends on it
    moved.save(update_fields=["series"])
    page = text(client, "/offers/")
    places = [page.index(f">{word}<") for word in (
        "家庭系列", "产品 home-1", "光纤系列", "产品 fibre-1", "产品 fibre-2", "产品 alone",
    )]  # fmt: skip
    assert places == sorted(places)
    assert page.count("光纤系列") == 1


def test_what_is_published_for_a_minute_is_on_every_page_from_that_minute_on(client: Client) -> None:
    """No job is between: a page asked for at that second shows it."""
    at = NOON + timedelta(minutes=7)
    offer = build.draft("evening")
    build.price(offer, 2600)
    publishing.publish_offer(offer_id=offer.pk, as_of=NOON, at=at)
    pages = ("/offers/", "/tariffs/products/")
    api = Api(token_of(money.user()))
    with clock.stopped(at - timedelta(seconds=1)):
        assert not any("evening" in client.get(page).content.decode() for page in pages)
        assert client.get("/offers/evening/").status_code == 404
        assert api.get("/api/offers/").json() == []
    with clock.stopped(at):
        assert all("evening" in client.get(page).content.decode() for page in pages)
        assert client.get("/offers/evening/").status_code == 200
        assert [each["code"] for each in api.get("/api/offers/").json()] == ["evening"]


def test_a_tier_is_called_by_its_name_and_never_by_its_code(client: Client) -> None:
    gold = build.published("best", 900, tiers=["T7"])
    Tier.objects.filter(code="T7").update(name="金卡", name_en="Gold card")
    build.published_rule("cheaper", gold, tiers=["T7"])
    for address in ("/offers/", "/offers/best/", "/tariffs/products/"):
        answer = client.get(address).content.decode()
        assert "T7" not in answer, address
        assert "金卡" in answer, address
        assert "Gold card" in client.get(address, headers={"Accept-Language": "en"}).content.decode(), address
    told = Api(token_of(money.user())).get("/api/offers/best/").json()
    assert told["refusals"] == ["须达到金卡等级"]
    one, account = member()
    build.tier(account, "T7")
    page = text(one, "/offers/best/")
    assert "您的金卡等级可办" in page
    assert "T7" not in page
