"""The same number had back by its page, by the generic form and over the interface: one price, the same refusals."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from arrears.operations.number_restore import CODE
from catalog.models import Order, Subscription
from core import clock
from operations.models import Slip
from tests.api.build import token_of
from tests.arrears import build_restore
from tests.arrears.build import noon
from tests.arrears.build_restore import DIGITS, LATER, Cut
from tests.catalog.orders import build as orders
from tests.operations.test_api import Api
from tests.operations.test_pages import hidden

# One worker runs them all: the ways are compared with each other.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("restore-parity")]
FIELDS = ("operation", "state", "price_cents", "refusal_code", "refusal_text")
_seen: dict[str, Any] = {}


@pytest.fixture(params=["page", "form", "api"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def later() -> Iterator[datetime]:
    cache.clear()
    with clock.stopped(noon(LATER)):
        yield noon(LATER)


def submit(way: str, at: Cut) -> None:
    """Quote, code, submit by this way; refused or not."""
    asker = orders.ctx(at.user, noon(LATER))
    if way == "api":
        with clock.stopped(datetime.now(tz=noon(LATER).tzinfo)):
            token = token_of(at.user)  # of the real today
        api = Api(token)
        digest = api.quote(at.raw, CODE).json().get("quote_digest", "x")
        given = {"agreed": "yes", "code": orders.code(asker, CODE, at.raw)}
        api.submit(at.raw, code=CODE, quote_digest=digest, confirmation=given)
        return
    web = Client(raise_request_exception=False)
    web.force_login(at.user)
    address = {"page": "/arrears/restore/", "form": f"/operations/{CODE}/"}[way]
    page = web.post(address, at.raw)
    code = orders.code(asker, CODE, at.raw)
    steps = {"_step": "submit", "_agreed": "yes", "_code": code}
    web.post(address, {"_digest": "x", "_key": "parity-key-1"} | at.raw | hidden(page) | steps)


def same_for_all(case: str, at: Cut) -> None:
    slip = Slip.objects.get(operation=CODE)
    found = {name: getattr(slip, name) for name in FIELDS}
    found["refusal_text"] = slip.refusal_text.replace(at.account.number, "*")
    found["quote"] = [line for line in slip.quote.get("lines", []) if line["label"] != "户号"]
    found["steps"] = list(slip.history.order_by("pk").values_list("from_state", "to_state"))
    found["confirmed"] = slip.confirmation.get("kind")
    assert found == _seen.setdefault(case, found)


def test_done(way: str) -> None:
    at = build_restore.cut()
    build_restore.sim()
    build_restore.pay(at)
    submit(way, at)
    assert Subscription.objects.get(offer__code="sim").service_number == DIGITS
    assert Slip.objects.get(operation=CODE).state == "DONE"
    same_for_all("done", at)


def test_refused(way: str) -> None:
    at = build_restore.cut()
    build_restore.sim()
    submit(way, at)
    assert Slip.objects.get(operation=CODE).refusal_code == "NUMBER_RESTORE_ARREARS"
    assert not Order.objects.exists()
    same_for_all("refused", at)


def test_the_page_shows_what_is_owed_where_to_pay_it_and_the_offers() -> None:
    at = build_restore.cut()
    build_restore.sim()
    web = Client()
    web.force_login(at.user)
    text = web.get("/arrears/restore/").content.decode()
    for shown in (DIGITS, "2026年12月4日", "¥26.00", f"/pay/?account={at.account.number}", 'value="sim"'):
        assert shown in text
    build_restore.pay(at)
    text = web.get(f"/arrears/restore/?subscription={at.line.number}").content.decode()
    assert "¥26.00" not in text
    assert 'type="submit"' in text
    stranger = Client()
    stranger.force_login(build_restore.cut("13900001111").user)
    assert DIGITS not in stranger.get(f"/arrears/restore/?subscription={at.line.number}").content.decode()
