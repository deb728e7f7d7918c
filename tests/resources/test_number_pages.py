"""Choosing a number on the page and by JSON: the same search, holds and refusals; nobody touches a stranger's hold."""

from collections.abc import Iterator

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core import clock
from operations.models import Slip, SlipState
from resources.models import NumberPeriod, NumberSearch
from resources.services import numbers
from tests.billing import build as billing
from tests.conftest import NOON
from tests.resources import build
from tests.resources.build import ACTOR, minutes

pytestmark = pytest.mark.django_db
DIGITS = "13812345678"
PAGE = "/numbers/"


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def alice() -> User:
    return billing.user()


@pytest.fixture
def client(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def press(client: Client, action: str, digits: str = DIGITS, query: str = "") -> str:
    """The message that the page then shows."""
    answer = client.post(reverse(f"resources:{action}", args=[digits]), {"query": query})
    assert answer.status_code == 302
    assert answer["Location"] == PAGE + (f"?{query}" if query else "")
    return [str(message) for message in get_messages(answer.wsgi_request)][-1]


def test_whatever_was_asked_for_an_address_comes_of_it(client: Client) -> None:
    build.number()
    answer = client.post(reverse("resources:hold", args=[DIGITS]), {"query": "region=城东&most=1#y"})
    assert answer["Location"] == f"{PAGE}?region=%E5%9F%8E%E4%B8%9C&most=1%23y"
    answer = client.post(reverse("resources:hold", args=[DIGITS]), {"query": "most=1\0"})
    assert answer["Location"] == PAGE


def test_a_visitor_looks_and_is_sent_to_the_log_in() -> None:
    build.number()
    visitor = Client()
    text = visitor.get(PAGE).content.decode()
    assert DIGITS in text
    assert "登录后选号" in text
    answer = visitor.post(reverse("resources:hold", args=[DIGITS]))
    assert answer["Location"].startswith(reverse("account_login"))
    assert not NumberPeriod.objects.exists()


def test_the_filters_are_those_of_the_search(client: Client) -> None:
    nice = build.number_class("NICE", price_cents=50_000)
    build.number("13856708888", of=nice)
    build.number("13845671122")
    for query, found in (
        ({"pattern": "AABB"}, ["13845671122"]),
        ({"no_four": "on"}, ["13856708888"]),
        ({"ends_with": "888"}, ["13856708888"]),
        ({"anywhere": "4567"}, ["13845671122"]),
        ({"number_class": "NICE"}, ["13856708888"]),
        ({"most": "499.99"}, ["13845671122"]),
        ({"ends_with": "00"}, []),
    ):
        page = client.get(PAGE, query)
        assert [number.digits for number in page.context["found"]] == found
    assert NumberSearch.objects.filter(is_found=False).count() == 1


@pytest.mark.parametrize(
    "query",
    [
        {"most": "1.234"},
        {"ends_with": "abc"},
        {"pattern": "XYZ"},
        {"region": "nowhere"},
        {"anywhere": "1" * 9},
    ],
)
def test_a_wish_that_cannot_be_read_is_said_and_not_searched(client: Client, query: dict[str, str]) -> None:
    build.number()
    page = client.get(PAGE, query)
    assert page.status_code == 200
    assert page.context["form"].errors
    assert page.context["found"] == []
    assert not NumberSearch.objects.exists()


def test_one_press_holds_the_number_and_leaves_a_slip(client: Client, alice: User) -> None:
    build.number()
    assert press(client, "hold", query="ends_with=78") == f"已为您预占 {DIGITS}，请在 12:15 前办理"
    assert NumberPeriod.objects.get().holder == f"user:{alice.pk}"
    slip = Slip.objects.get()
    assert (slip.operation, slip.state, slip.channel) == ("number.hold", SlipState.DONE, "WEB")
    page = client.get(PAGE)
    assert page.context["found"] == []
    [own] = page.context["holds"]
    assert (own.period.number.digits, own.seconds_left) == (DIGITS, 900)
    assert "保留到 12:15" in page.content.decode()


def test_what_somebody_else_holds_is_refused_with_a_slip(client: Client) -> None:
    build.number()
    build.hold(holder="user:0")
    assert press(client, "hold") == "这个号码刚刚被别人选走了，请另选一个"
    slip = Slip.objects.get()
    assert (slip.state, slip.refusal_code) == (SlipState.REFUSED, "NUMBER_TAKEN")
    assert NumberPeriod.objects.get().holder == "user:0"


def test_a_strangers_hold_is_neither_extended_nor_released(client: Client) -> None:
    build.number()
    build.hold(holder="user:0")
    for action in ("extend", "release"):
        assert press(client, action) == "预占已到期或已放弃，请重新选号"
    assert NumberPeriod.objects.get().ends_at == minutes(15)


def test_own_holds_are_extended_and_released(client: Client) -> None:
    build.number()
    press(client, "hold")
    with clock.stopped(minutes(10)):
        assert press(client, "extend") == "预占已延长到 12:25"
        assert press(client, "release") == f"已放弃 {DIGITS}"
        assert client.get(PAGE).context["holds"] == []


def test_what_is_not_there_is_404_and_nobody_is_sent_elsewhere(client: Client) -> None:
    assert client.post(reverse("resources:hold", args=["13800009999"]), {}).status_code == 404
    build.number()
    answer = client.post(reverse("resources:hold", args=[DIGITS]), {"query": "a=1\r\nX-Evil: 1"})
    assert answer["Location"] == PAGE
    assert client.get(reverse("resources:hold", args=[DIGITS])).status_code == 405


def test_the_page_takes_few_queries_however_many_numbers(
    client: Client, django_assert_max_num_queries: object
) -> None:
    for n in range(60):
        build.number(f"1380000{n:04d}")
    press(client, "hold", "13800000000")
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        page = client.get(PAGE)
    assert len(page.context["found"]) == 40
    assert page.context["has_more"]


def test_the_interface_finds_holds_extends_and_releases(client: Client, alice: User) -> None:
    number = build.number()
    [found] = client.get("/api/numbers/", {"ends_with": "678"}).json()
    assert found == {
        "digits": DIGITS,
        "number_class": "PLAIN",
        "class_name": "PLAIN",
        "region": number.region.code,
        "price_cents": 0,
    }
    numbers.hold(digits=DIGITS, holder=f"user:{alice.pk}", actor=ACTOR, as_of=NOON)
    [held] = client.get("/api/number-holds/").json()
    assert held["digits"] == DIGITS
    assert client.get("/api/numbers/").json() == []
    with clock.stopped(minutes(10)):
        answer = client.post(f"/api/number-holds/{DIGITS}/", content_type="application/json")
        assert answer.status_code == 200
        assert answer.json()["held_until"] > held["held_until"]
        assert client.delete(f"/api/number-holds/{DIGITS}/").status_code == 204
        again = client.delete(f"/api/number-holds/{DIGITS}/")
    assert (again.status_code, again.json()["code"]) == (409, "NUMBER_NOT_HELD")
    assert client.get("/api/numbers/", {"most": "x"}).status_code in (400, 422)
    assert Client().get("/api/number-holds/").status_code in (401, 403)


def test_the_operation_is_the_same_by_the_interface(client: Client) -> None:
    build.number()
    quoted = client.post(
        "/api/operations/number.hold/quote/", {"data": {"digits": DIGITS}}, content_type="application/json"
    ).json()
    given = {
        "data": {"digits": DIGITS},
        "quote_digest": quoted["quote_digest"],
        "confirmation": {"agreed": "yes"},
    }
    answer = client.post(
        "/api/operations/number.hold/submit/",
        given,
        content_type="application/json",
        headers={"Idempotency-Key": "a-key-of-alice"},
    )
    assert answer.status_code == 201
    assert NumberPeriod.objects.filter(kind="HOLD").count() == 1
    assert Slip.objects.get().channel == "API"
