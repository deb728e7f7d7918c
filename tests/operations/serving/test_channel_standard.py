"""渠道规范: the same price, refusal and slip on every declared channel; the staff's page says so.

Channels that are not open yet are asked at the one way in, so that whoever opens them begins with what holds.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, User
from core.errors import HallError
from core.models import CalendarDay
from operations import channels, registry
from operations.channels import DEMANDS, STANDARDS, Standard
from operations.context import ByClerk, Context
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from operations.serving.models import ServingSession
from tests.accounts.sms import code_to
from tests.admin import build as staff
from tests.api.build import token_of
from tests.conftest import NOON
from tests.operations.serving import clerks
from tests.operations.test_api import Api
from tests.operations.test_pages import hidden
from tests.operations.toys import Toy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("noon", "empty_vault")]
DATA = {"pieces": "2", "colour": "red"}
FORM = "/operations/toy.buy/"
PAGE = reverse("admin:operations_slip_channels")
SAME: tuple[str, ...] = (
    "operation",
    "operation_version",
    "state",
    "data",
    "quote",
    "quote_digest",
    "price_cents",
)
SAME += ("refusal_code", "refusal_text", "result")
_seen: dict[str, dict[str, Any]] = {}  # the first channel's slip, for the others to equal
Do = Callable[..., None]


def _nothing() -> None:
    return None


class Way:
    """The customer, or staff for him, on one channel: quotes, lets something happen, submits."""

    def __init__(self, standard: Standard, alice: User, account: BillingAccount, clerk: User) -> None:
        self.channel, self.alice, self.account, self.clerk = standard.channel, alice, account, clerk
        ways: dict[Channel, Do] = {
            Channel.WEB: self.web,
            Channel.API: self.api,
            Channel.COUNTER: self.counter,
        }
        # A channel that opens without a way of its own here has not been shown to conform.
        self.go: Do = ways[standard.channel] if standard.is_open else self.core

    def web(self, meanwhile: Callable[[], None] = _nothing, agreed: str = "yes") -> None:
        browser = clerks.log_in(self.alice)
        page = browser.post(FORM, DATA)
        meanwhile()
        browser.post(FORM, hidden(page) | {"_step": "submit", "_agreed": agreed})

    def api(self, meanwhile: Callable[[], None] = _nothing, agreed: str = "yes") -> None:
        api = Api(token_of(self.alice))
        digest = api.quote(DATA).json()["quote_digest"]
        meanwhile()
        api.submit(DATA, quote_digest=digest, confirmation={"agreed": agreed} if agreed else {})

    def counter(self, meanwhile: Callable[[], None] = _nothing, agreed: str = "yes") -> None:
        browser = clerks.browser(self.clerk, self.account, self.alice)
        page = browser.post(FORM, DATA)
        sent = browser.post(FORM, hidden(page) | {"_step": "code"})
        meanwhile()
        given = {"_step": "submit", "_agreed": agreed, "_code": code_to(clerks.PHONE)}
        browser.post(FORM, hidden(sent) | given)

    def core(self, meanwhile: Callable[[], None] = _nothing, agreed: str = "yes") -> None:
        ctx = Context(user=self.alice, channel=self.channel, as_of=NOON)
        quoted = slips.quote(operation="toy.buy", ctx=ctx, raw=DATA)
        meanwhile()
        given: dict[str, Any] = {
            "raw": DATA,
            "quote_digest": quoted.digest,
            "confirmation": {"agreed": agreed},
        }
        try:
            slips.submit(operation="toy.buy", ctx=ctx, idempotency_key="key-00001", **given)
        except HallError:
            return


@pytest.fixture(params=STANDARDS, ids=[str(each.channel) for each in STANDARDS])
def way(request: pytest.FixtureRequest, alice: User, account: BillingAccount, clerk: User) -> Way:
    cache.clear()
    return Way(request.param, alice, account, clerk)


def same_for_all(case: str, way: Way) -> Slip:
    slip = Slip.objects.get()
    found = {name: getattr(slip, name) for name in SAME}
    found["steps"] = list(slip.history.order_by("pk").values_list("from_state", "to_state"))
    assert found == _seen.setdefault(case, found)
    assert slip.channel == way.channel
    assert (slip.on_behalf_of or slip.actor) == way.alice
    assert Slip.objects.for_user(way.alice).get() == slip  # wherever it was done, he can read it
    return slip


def test_done(way: Way) -> None:
    way.go()
    slip = same_for_all("done", way)
    assert (slip.state, slip.price_cents) == (SlipState.DONE, 1000)
    assert slip.confirmation["at"]
    assert CalendarDay.objects.count() == 1


def _dearer() -> None:
    Toy.piece_cents = 700


def _sold_out() -> None:
    Toy.left = 0


def _closed() -> None:
    Toy.closed = True


@pytest.mark.parametrize(
    ("meanwhile", "code"), [(_dearer, "QUOTE_CHANGED"), (_sold_out, "SOLD_OUT"), (_closed, "FORBIDDEN")]
)
def test_refused(way: Way, meanwhile: Callable[[], None], code: str) -> None:
    way.go(meanwhile)
    slip = same_for_all(code, way)
    assert slip.refusal_code == code
    assert not CalendarDay.objects.exists()


def test_nothing_without_the_second_confirmation(way: Way) -> None:
    way.go(agreed="")
    assert same_for_all("not agreed", way).refusal_code == "NOT_CONFIRMED"
    assert not CalendarDay.objects.exists()


def test_every_channel_of_customers_is_declared_once() -> None:
    declared = [each.channel for each in STANDARDS]
    assert sorted(declared) == sorted(each for each in Channel if each != Channel.BATCH)
    assert channels.of(Channel.WEB).is_open
    assert [each.channel for each in STANDARDS if each.is_open] == ["WEB", "API", "COUNTER"]


def test_the_hall_meets_all_that_it_demands_of_itself() -> None:
    """A new operation that no channel reaches, or that asks on which channel it is, is named here."""
    for lines in channels.checklist():
        for line in lines:
            if not line.is_unknown:
                assert [each.code for each in line.unmet] == [], (line.demand.code, line.standard.channel)
                assert line.met


def test_what_is_left_out_is_what_the_registry_says() -> None:
    offered = next(lines for lines in channels.checklist() if lines[0].demand.code == "OPERATIONS")
    excused = {line.standard.channel: {each.by_clerk for each in line.excused} for line in offered}
    assert excused[Channel.WEB] == excused[Channel.API] == {ByClerk.AT_DESK}
    assert excused[Channel.COUNTER] == {ByClerk.NEVER}


class PortalPrice(Toy):
    code = "toy.portal"

    def quote(self, ctx: Context, data: dict[str, Any]) -> Any:
        prices = [each for each in (self.piece_cents,) if ctx.channel == Channel.WEB]
        return super().quote(ctx, data) if prices else None


class NoPage(Toy):
    code = "toy.lost"
    page_url_name = "nowhere:at_all"


class DeskOnly(Toy):
    code = "toy.desk"

    def available(self, ctx: Context) -> bool:
        return ctx.channel == Channel.COUNTER


@pytest.mark.parametrize(
    ("wrong", "demand"), [(PortalPrice, "PRICE"), (NoPage, "OPERATIONS"), (DeskOnly, "REFUSAL")]
)
def test_what_does_not_conform_is_found(wrong: type[Toy], demand: str) -> None:
    for asked in DEMANDS:
        unmet = [each for each in STANDARDS if channels.line(asked, each, [wrong()]).tone == "bad"]
        assert bool(unmet) == (asked.code == demand), asked.code


def test_a_page_that_staff_may_not_send_is_no_way(settings: Any) -> None:
    settings.SERVING_POSTS = frozenset({"api:submit"})
    demand = next(each for each in DEMANDS if each.code == "OPERATIONS")
    assert channels.line(demand, channels.of(Channel.COUNTER), [Toy()]).unmet
    assert not channels.line(demand, channels.of(Channel.WEB), [Toy()]).unmet


def test_the_staffs_page_has_it_from_the_registry(client: Client, session: ServingSession) -> None:
    client.force_login(staff.superuser())
    page = client.get(PAGE)
    [operations, *_others] = page.context["rows"]
    total = len([each for each in registry.everything() if each.by_clerk is not ByClerk.AT_DESK])
    assert [(cell["tone"], cell["met"]) for cell in operations["cells"]][:2] == [("ok", total)] * 2
    assert [cell["is_unknown"] for cell in operations["cells"]] == [False] * 3 + [True] * 3
    text = page.content.decode()
    assert "未开放" in text
    assert "不符合</strong>" not in text
    registry.register(PortalPrice)
    try:
        page = client.get(PAGE)
    finally:
        registry.unregister(PortalPrice.code)
    assert "不符合</strong>" in page.content.decode()
    price = next(row for row in page.context["rows"] if row["demand"].code == "PRICE")
    assert {cell["tone"] for cell in price["cells"]} == {"bad"}


def test_the_page_is_for_who_sees_slips(client: Client, clerk: User, alice: User) -> None:
    assert clerks.log_in(clerk).get(PAGE).status_code == 200
    client.force_login(alice)
    assert client.get(PAGE).status_code in (302, 403)
    client.force_login(staff.staff_with("billing.view_bill", username="other"))
    assert client.get(PAGE).status_code == 403
