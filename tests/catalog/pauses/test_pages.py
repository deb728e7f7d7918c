"""Pause and resume by page, by the generic form and by the API: the same; and the state on the service's page."""

import html
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from catalog.models import Pause, Suspension
from core import clock
from core.errors import HallError
from operations.models import Slip
from tests.api.build import token_of
from tests.billing import build as money
from tests.catalog.charging import build as charging
from tests.catalog.orders import build as orders
from tests.catalog.pauses import build
from tests.catalog.pauses.test_pausing import REFUSED
from tests.conftest import NOON
from tests.operations.test_api import Api
from tests.operations.test_pages import hidden

# One worker runs them all: the ways are compared with each other.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("pause-parity")]
PAGES = {"service.pause": "/services/pause/", "service.resume": "/services/resume/"}
_seen: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    cache.clear()
    with clock.stopped(NOON):
        yield


@pytest.fixture(params=["page", "form", "api"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def submit(way: str, user: Any, operation: str, data: dict[str, Any]) -> None:
    """Quote, confirm, submit by this way; refused or not."""
    code = orders.code(orders.ctx(user), operation, data) if operation == "service.pause" else ""
    if way == "api":
        api = Api(token_of(user))
        digest = api.quote(data, operation).json().get("quote_digest", "x")
        given = {"agreed": "yes"} | ({"code": code} if code else {})
        api.submit(data, code=operation, quote_digest=digest, confirmation=given)
        return
    web = Client(raise_request_exception=False)
    web.force_login(user)
    address = PAGES[operation] if way == "page" else f"/operations/{operation}/"
    page = web.post(address, data)
    filled = {"_digest": "x", "_key": "parity-key-1"} | data | hidden(page)
    web.post(address, filled | {"_step": "submit", "_agreed": "yes", "_code": code})


def same_for_all(case: str, account: Any, row: Any) -> None:
    slip = Slip.objects.order_by("pk").last()
    assert slip is not None
    names = ("operation", "state", "price_cents", "refusal_code", "refusal_text")
    found: dict[str, Any] = {name: getattr(slip, name) for name in names}
    found["lines"] = [line for line in slip.quote.get("lines", []) if line["label"] != "户号"]
    found["confirmed"] = slip.confirmation.get("kind")
    plain = repr(found).replace(account.number, "*").replace(row.number, "*")
    assert plain == _seen.setdefault(case, plain)


def test_paused_and_resumed(way: str) -> None:
    user, account = build.home()
    row = build.line(account)
    submit(way, user, "service.pause", build.data(row))
    assert Pause.objects.count() == 1
    same_for_all("paused", account, row)
    submit(way, user, "service.resume", {"subscription": row.number})
    assert not build.is_off(row)
    same_for_all("resumed", account, row)


def test_refused_for_arrears(way: str) -> None:
    user, account = build.home()
    row = build.line(account)
    money.bill(account, issued_on=date(2026, 10, 1))
    submit(way, user, "service.pause", build.data(row))
    assert Slip.objects.get().refusal_code == "PAUSE_BILLS_OVERDUE"
    assert not Suspension.objects.exists()
    same_for_all("overdue", account, row)


def page(user: Any, address: str) -> str:
    web = Client()
    web.force_login(user)
    answer = web.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_services_page_leads_to_the_pause_and_back() -> None:
    user, account = build.home()
    row = build.line(account)
    assert f"/services/pause/?subscription={row.number}" in page(user, f"/services/{row.number}/")
    build.paused(user, row)
    with clock.stopped(charging.noon(date(2027, 1, 1))):
        text = page(user, f"/services/{row.number}/")
    assert "还有 9 天" in text
    assert f"/services/resume/?subscription={row.number}" in text
    assert "/services/pause/" not in text


def test_the_form_says_nothing_to_do_where_nothing_is() -> None:
    user, account = build.home()
    assert "没有可以办理的业务" in page(user, "/services/pause/")
    row = build.line(account)
    assert row.number in page(user, "/services/pause/")
    assert "没有可以办理的业务" in page(user, "/services/resume/")


def test_the_quotes_page_shows_fee_and_bills_without_script() -> None:
    user, account = build.home()
    row = build.line(account)
    web = Client()
    web.force_login(user)
    text = web.post("/services/pause/", build.data(row) | {"_step": "quote"}).content.decode()
    assert "每月 ¥5.00" in text
    assert "¥19.17" in text
    assert 'name="_code"' in text


def test_who_lacks_a_contact_finds_the_field_on_the_same_page() -> None:
    user, account = build.home(contacts=1)
    row = build.line(account)
    web = Client()
    web.force_login(user)
    answer = web.post("/services/pause/", build.data(row) | {"_step": "quote"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "请留下另一个手机或邮箱" in text
    assert 'name="contact"' in text


# Where the page leads whom it refuses; "" is the page itself, on which he mends it.
WAYS_ON = {
    "PAUSE_BILLS_OVERDUE": "/pay/?account=",
    "PAUSE_ALREADY_OFF": "/services/",
    "PAUSE_NOT_OFFERED": "/halls/",
    "PAUSE_CONTACT_NEEDED": "",
}


@pytest.mark.parametrize("case", REFUSED)
def test_each_refusal_is_told_on_the_page_with_the_way_on(case: str) -> None:
    user, account = build.home()
    row = build.line(account)
    spoil, code = REFUSED[case]
    spoil(account, row)
    before = Suspension.objects.count()
    with pytest.raises(HallError) as refused:
        orders.quoted(user, "service.pause", build.data(row))
    web = Client()
    web.force_login(user)
    answer = web.post("/services/pause/", build.data(row) | {"_step": "quote"})
    text = html.unescape(answer.content.decode())
    main = text.partition("<main")[2]
    assert (answer.status_code, refused.value.code) == (409, code)
    assert 'role="alert"' in main
    assert refused.value.text in text
    assert WAYS_ON.get(code, "") in main
    assert "%(" not in text
    assert (Suspension.objects.count(), Pause.objects.count()) == (before, 0)


@pytest.mark.parametrize(("days", "told"), [(1, "最短"), (900, "最长")])
def test_a_day_out_of_reach_is_told_with_the_days_that_are_not(days: int, told: str) -> None:
    user, account = build.home()
    row = build.line(account)
    web = Client()
    web.force_login(user)
    raw = build.data(row, build.TODAY + timedelta(days=days)) | {"_step": "quote"}
    text = web.post("/services/pause/", raw).content.decode()
    assert told in text
    assert "之间的复机日" in text


def test_strangers_and_visitors_see_nothing() -> None:
    _user, account = build.home()
    row = build.line(account)
    stranger, _own = build.home()
    assert row.number not in page(stranger, "/services/pause/")
    assert Client().get("/services/pause/").status_code == 302
