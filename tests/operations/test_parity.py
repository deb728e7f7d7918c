"""One operation, three ways in: a hand-made page, the generic form and the API give the same slip and refusal."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from accounts.models import User
from core.models import CalendarDay
from operations import flow
from operations.models import Slip
from tests.api.build import token_of
from tests.operations.test_api import Api
from tests.operations.test_pages import hidden
from tests.operations.toys import Toy

# One worker runs them all: the ways are compared with each other.
pytestmark = [pytest.mark.urls(__name__), pytest.mark.xdist_group("toy-parity")]
Way = Callable[[dict[str, Any], Callable[[], None]], Any]


def hand_made(request: HttpRequest) -> HttpResponse:
    """What a page of its own has to write: which operation, and its templates."""
    return flow.respond(request, operation="toy.buy", initial={"pieces": "1"}, extra={"headline": "玩具节"})


urlpatterns = [path("toy-festival/", hand_made), path("", include(settings.ROOT_URLCONF))]


@pytest.fixture(params=["page", "form", "api"])
def way(request: pytest.FixtureRequest, alice: User, noon: datetime) -> Way:
    """Quotes, lets something happen meanwhile, submits."""
    cache.clear()
    web = Client(raise_request_exception=False)
    web.force_login(alice)
    api = Api(token_of(alice))
    address = {"page": "/toy-festival/", "form": "/operations/toy.buy/"}.get(request.param, "")

    def by_page(data: dict[str, Any], meanwhile: Callable[[], None]) -> Any:
        page = web.post(address, data)
        meanwhile()
        return web.post(address, hidden(page) | {"_step": "submit", "_agreed": "yes"})

    def by_api(data: dict[str, Any], meanwhile: Callable[[], None]) -> Any:
        digest = api.quote(data).json().get("quote_digest", "x")
        meanwhile()
        return api.submit(data, quote_digest=digest)

    return by_page if address else by_api


FIELDS = (
    "operation", "operation_version", "state", "data", "quote", "quote_digest", "price_cents", "refusal_code",
    "refusal_text", "result", "customer_id", "region_id", "actor_id",
)  # fmt: skip
_seen: dict[str, dict[str, Any]] = {}  # the first way's slip, for the others to equal


def _same_for_all(case: str, slip: Slip) -> None:
    found = {name: getattr(slip, name) for name in FIELDS if name != "actor_id"}
    found["confirmed"] = slip.confirmation.get("kind")
    found["steps"] = [
        list(step) for step in slip.history.order_by("pk").values_list("from_state", "to_state")
    ]
    assert found == _seen.setdefault(case, found)


def _nothing() -> None:
    return None


def test_done(way: Way) -> None:
    answer = way({"pieces": "2", "colour": "red", "extras": ["bow"]}, _nothing)
    assert answer.status_code in (201, 302)
    slip = Slip.objects.get()
    assert slip.price_cents == 1000
    assert CalendarDay.objects.count() == 1
    _same_for_all("done", slip)


def _cheaper() -> None:
    Toy.piece_cents = 400


def _sold_out() -> None:
    Toy.left = 0


def _closed() -> None:
    Toy.closed = True


def _broken() -> None:
    Toy.broken_in = "perform"


@pytest.mark.parametrize(
    ("meanwhile", "code", "status"),
    [
        (_cheaper, "QUOTE_CHANGED", 409),
        (_sold_out, "SOLD_OUT", 409),
        (_closed, "FORBIDDEN", 403),
        (_broken, "ERROR", 500),
    ],
)
def test_refused(way: Way, meanwhile: Callable[[], None], code: str, status: int) -> None:
    answer = way({"pieces": "2", "colour": "red"}, meanwhile)
    assert answer.status_code == status
    slip = Slip.objects.get()
    assert slip.refusal_code == code
    assert slip.number in answer.content.decode()
    assert not CalendarDay.objects.exists()
    _same_for_all(code, slip)
