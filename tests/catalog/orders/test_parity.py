"""The same order by its page, by the generic form and by the API: one price, one slip, the same refusals."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from catalog.models import Offer, Order, OrderLine, Subscription
from core import clock
from operations.models import Channel, Slip
from operations.services import slips
from tests.api.build import token_of
from tests.billing import build as money
from tests.catalog.orders import build
from tests.conftest import NOON
from tests.operations.test_api import Api
from tests.operations.test_pages import hidden

# One worker runs them all: the ways are compared with each other.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("order-parity")]
FIELDS = ("operation", "state", "price_cents", "refusal_code", "refusal_text")
_seen: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def noon() -> Iterator[datetime]:
    cache.clear()
    with clock.stopped(NOON):
        yield NOON


@pytest.fixture(params=["page", "form", "api"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def submit(way: str, user: Any, data: dict[str, Any]) -> None:
    """Quote, code, submit by this way; refused or not."""
    if way == "api":
        api = Api(token_of(user))
        digest = api.quote(data, "package.order").json().get("quote_digest", "x")
        given = {"agreed": "yes", "code": build.code(build.ctx(user), "package.order", data)}
        api.submit(data, code="package.order", quote_digest=digest, confirmation=given)
        return
    web = Client(raise_request_exception=False)
    web.force_login(user)
    address = {"page": "/orders/new/", "form": "/operations/package.order/"}[way]
    page = web.post(address, data)
    code = build.code(build.ctx(user), "package.order", data)
    web.post(
        address,
        {"_digest": "x", "_key": "parity-key-1"}
        | data
        | hidden(page)
        | {"_step": "submit", "_agreed": "yes", "_code": code},
    )


def same_for_all(case: str) -> None:
    slip = Slip.objects.get()
    found = {name: getattr(slip, name) for name in FIELDS}
    found["quote"] = [
        line for line in slip.quote.get("lines", []) if line["label"] != "户号"
    ]  # the account's number differs
    found["steps"] = list(slip.history.order_by("pk").values_list("from_state", "to_state"))
    found["lines"] = list(OrderLine.objects.values_list("offer__code", "amount_cents", "state"))
    found["confirmed"] = slip.confirmation.get("kind")
    assert found == _seen.setdefault(case, found)


def test_done(way: str) -> None:
    user, account = build.home()
    build.offer("hd", 3000, once=5000)
    submit(way, user, {"account": account.number, "offers": ["hd"], "address": "东街 1 号"})
    assert Order.objects.get().bill is not None
    assert Slip.objects.get().price_cents == 5000
    same_for_all("done")


def test_every_channel_has_the_same_price() -> None:
    user, account = build.home()
    build.offer("hd", 3000, once=5000)
    raw = {"account": account.number, "offers": ["hd"]}
    channels = (Channel.WEB, Channel.API, Channel.HOTLINE, Channel.SMS, Channel.KIOSK)
    found = {
        slips.quote(operation="package.order", ctx=build.ctx(user, channel=channel), raw=raw).digest
        for channel in channels
    }
    assert len(found) == 1


def _overdue(account: Any) -> None:
    money.bill(account, issued_on=date(2026, 10, 1))


def _held(account: Any) -> None:
    Subscription.objects.create(
        number="U2026111800000000881",
        account=account,
        payer=account,
        offer=Offer.objects.get(code="hd"),
        begins_on=date(2026, 11, 1),
        state="ACTIVE",
        created_at=NOON,
    )


@pytest.mark.parametrize(
    ("case", "code"), [(_overdue, "ORDER_BILLS_OVERDUE"), (_held, "ORDER_TOO_MANY")], ids=["overdue", "held"]
)
def test_refused(way: str, case: Callable[[Any], None], code: str) -> None:
    user, account = build.home()
    build.offer("hd", 3000)
    case(account)
    submit(way, user, {"account": account.number, "offers": ["hd"]})
    slip = Slip.objects.get()
    assert slip.refusal_code == code
    assert not Order.objects.exists()
    assert slip.refusal_text.replace(account.number, "*") == _seen.setdefault(
        code, slip.refusal_text.replace(account.number, "*")
    )
