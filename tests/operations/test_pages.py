"""The generic web form of an operation, the list of requests and the slip's page."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import BillingAccount, User
from core import clock
from core.actor import Actor
from operations import registry
from operations.context import Context
from operations.models import Channel, Slip, SlipState
from operations.quotes import Done
from operations.services import slips
from tests.operations import toys
from tests.operations.codes import another, last_code
from tests.operations.toys import SealedToy, Toy, effect_happened

BUY = "/operations/toy.buy/"
SEAL = "/operations/toy.seal/"
DATA = {"pieces": "2", "colour": "red"}
Commits = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def web(client: Client, alice: User, noon: datetime) -> Client:
    client.force_login(alice)
    return client


def hidden(page: Any) -> dict[str, Any]:
    """What the page's hidden fields would post."""
    fields: dict[str, Any] = {}
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.content.decode())
    for name, value in found:
        if name not in ("csrfmiddlewaretoken", "next", "theme", "text"):
            fields.setdefault(name, []).append(unescape(value))
    return fields


def quote_page(web: Client, address: str = BUY, data: dict[str, Any] | None = None) -> Any:
    start = hidden(web.get(address))
    return web.post(address, start | (data or DATA))


def submit(web: Client, page: Any, address: str = BUY, **changes: Any) -> Any:
    return web.post(address, hidden(page) | {"_step": "submit", "_agreed": "yes"} | changes)


def test_visitors_are_sent_to_log_in(client: Client, db: None) -> None:
    for address in ("/operations/", BUY, "/requests/", "/requests/S1/"):
        answer = client.get(address)
        assert answer.status_code == 302
        assert "/account/login/" in answer["Location"]


def test_the_list_shows_what_is_on_offer(web: Client) -> None:
    page = web.get("/operations/").content.decode()
    assert page.index(BUY) < page.index(SEAL)
    assert "买一件玩具" in page
    Toy.closed = True
    assert BUY not in web.get("/operations/").content.decode()


def test_an_operation_with_a_page_of_its_own_is_linked_there(web: Client) -> None:
    class WithPage(Toy):
        code = "toy.page"
        page_url_name = "operations:requests"

    registry.register(WithPage)
    try:
        page = web.get("/operations/").content.decode()
        assert "/operations/toy.page/" not in page
        assert web.get("/operations/toy.page/").status_code == 200  # the generic form stays
    finally:
        registry.unregister("toy.page")


def test_unknown_operation_is_404_and_closed_one_refused(web: Client) -> None:
    assert web.get("/operations/toy.none/").status_code == 404
    Toy.closed = True
    assert web.get(BUY).status_code == 403
    assert web.post(BUY, DATA).status_code == 403
    assert not Slip.objects.exists()


def test_the_form_is_filled_in_from_the_address(web: Client) -> None:
    page = web.get(BUY + "?pieces=3&colour=blue").content.decode()
    assert 'name="pieces" value="3"' in page
    assert re.search(r'value="blue" selected', page)


def test_form_quote_confirm_slip(web: Client, account: BillingAccount) -> None:
    data = DATA | {"extras": ["bow", "card"], "wrapped": "on", "account": account.number}
    page = quote_page(web, data=data)
    text = page.content.decode()
    assert page.status_code == 200
    assert "¥10.00" in text
    assert "2026年11月18日" in text
    assert "售出不退" in text
    assert "明天送到" in text
    assert not Slip.objects.exists()
    answer = submit(web, page)
    slip = Slip.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/requests/{slip.number}/"
    assert (slip.state, slip.channel) == (SlipState.DONE, Channel.WEB)
    assert slip.data["extras"] == ["bow", "card"]
    assert slip.data["wrapped"] is True
    assert slip.customer == account.customer
    shown = web.get(answer["Location"]).content.decode()
    assert slip.number in shown
    assert "已买好" in shown


def test_the_customer_goes_where_the_operation_says(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    done = Done("好了", url="/toys/1/")
    monkeypatch.setattr(Toy, "perform", lambda *_: done)
    assert submit(web, quote_page(web))["Location"] == "/toys/1/"


def test_times_are_those_of_the_customer(web: Client, noon: datetime) -> None:
    start = hidden(web.get(BUY))
    with clock.stopped(noon.replace(minute=5)):
        page = web.post(BUY, start | DATA)
    with clock.stopped(noon.replace(minute=9)):
        submit(web, page)
    slip = Slip.objects.get()
    assert slip.started_at == noon
    assert slip.quoted_at == noon.replace(minute=5)
    assert slip.confirmed_at == noon.replace(minute=9)


def test_forged_times_count_for_nothing(web: Client, noon: datetime) -> None:
    submit(web, quote_page(web), _trace="2001-01-01")
    assert Slip.objects.get().started_at == noon


def test_bad_input_comes_back_with_a_summary(web: Client) -> None:
    page = quote_page(web, data={"pieces": "77", "colour": "red"})
    text = page.content.decode()
    assert page.status_code == 422
    assert 'class="errors"' in text
    assert 'href="#id_pieces"' in text
    assert 'value="77"' in text
    assert not Slip.objects.exists()


def test_no_agreement_no_effect_and_a_clear_answer(web: Client) -> None:
    page = quote_page(web)
    again = submit(web, page, _agreed="")
    assert again.status_code == 422
    assert "请先确认办理内容" in again.content.decode()
    assert not effect_happened()
    assert hidden(again)["_key"] != hidden(page)["_key"]
    assert submit(web, again).status_code == 302
    assert effect_happened()
    assert sorted(Slip.objects.values_list("state", flat=True)) == ["DONE", "REFUSED"]


def test_double_click_and_back_button_find_the_first_slip(web: Client) -> None:
    page = quote_page(web)
    first, second = submit(web, page), submit(web, page)
    assert first["Location"] == second["Location"]
    assert Slip.objects.count() == 1


def test_a_second_tab_is_an_attempt_of_its_own(web: Client) -> None:
    one, two = quote_page(web), quote_page(web)
    submit(web, one)
    Toy.piece_cents = 700
    answer = submit(web, two)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "¥14.00" in text
    assert "请看过新的内容后再确认" in text
    assert [slip.refusal_code for slip in Slip.objects.order_by("pk")] == ["", "QUOTE_CHANGED"]
    toys.undo()
    assert submit(web, answer).status_code == 302


def test_a_used_key_with_other_data_is_explained(web: Client) -> None:
    page = quote_page(web)
    submit(web, page)
    answer = submit(web, page, pieces="3")
    assert answer.status_code == 409
    assert Slip.objects.get().number in answer.content.decode()


def test_a_refusal_of_the_operation_is_shown_with_its_slip(web: Client) -> None:
    page = quote_page(web)
    Toy.left = 1
    answer = submit(web, page)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "只剩 1 件，不够了" in text
    assert Slip.objects.get().number in text
    assert not effect_happened()


def test_no_quote_to_be_had_is_said_on_the_form(web: Client) -> None:
    Toy.left = 0
    answer = quote_page(web)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "只剩 0 件，不够了" in text
    assert 'name="pieces" value="2"' in text
    assert not Slip.objects.exists()


def test_a_code_for_bad_input_is_not_sent(web: Client) -> None:
    page = quote_page(web, SEAL)
    answer = web.post(SEAL, hidden(page) | {"_step": "code", "pieces": "0"})
    assert answer.status_code == 422
    assert 'class="errors"' in answer.content.decode()


def test_the_address_kept_as_evidence_is_the_customers_behind_trusted_proxies(
    web: Client, settings: Any
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    page = quote_page(web)
    forged = {"X-Forwarded-For": "203.0.113.66, 192.0.2.9"}
    web.post(BUY, hidden(page) | {"_step": "submit", "_agreed": "yes"}, headers=forged)
    assert Slip.objects.get().confirmation["ip"] == "192.0.2.9"


def test_input_that_went_bad_meanwhile_goes_back_to_the_form(web: Client) -> None:
    answer = submit(web, quote_page(web), pieces="0")
    assert answer.status_code == 422
    assert 'class="errors"' in answer.content.decode()
    assert not effect_happened()


def test_a_bug_is_told_politely(web: Client) -> None:
    page = quote_page(web)
    Toy.broken_in = "perform"
    answer = submit(web, page)
    assert answer.status_code == 500
    assert "a secret of the inside" not in answer.content.decode()
    assert Slip.objects.get().state == SlipState.FAILED


def test_back_to_the_form_keeps_what_was_filled_in(web: Client) -> None:
    page = web.post(BUY, hidden(quote_page(web)) | {"_step": "edit"})
    text = page.content.decode()
    assert 'name="pieces" value="2"' in text
    assert "_digest" not in hidden(page)


def test_pages_of_the_flow_are_kept_by_nobody(web: Client) -> None:
    for page in (web.get(BUY), quote_page(web)):
        assert "no-store" in page["Cache-Control"]


def test_forms_need_the_csrf_token(alice: User, noon: datetime) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(BUY, DATA).status_code == 403


def test_the_code_is_sent_from_the_quotes_page(
    web: Client, django_capture_on_commit_callbacks: Commits
) -> None:
    page = quote_page(web, SEAL)
    assert 'name="_code"' in page.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        page = web.post(SEAL, hidden(page) | {"_step": "code"})
    assert "139****0042" in page.content.decode()
    code = last_code(SealedToy.address)
    page = submit(web, page, SEAL, _code=another(code))
    assert page.status_code == 400
    assert "验证码不正确" in page.content.decode()
    assert "验证码已发送到 139****0042" in page.content.decode()  # still known, so that he need not ask again
    answer = submit(web, page, SEAL, _code=code)
    assert answer.status_code == 302
    assert Slip.objects.latest("pk").state == SlipState.IN_PROGRESS


def test_nothing_odd_is_shown_as_the_address_of_a_code(web: Client) -> None:
    page = submit(web, quote_page(web, SEAL), SEAL, _sent="<script>13900000042")
    assert "请先获取验证码" in page.content.decode()


def test_asking_for_a_code_too_often_is_said_on_the_page(
    web: Client, django_capture_on_commit_callbacks: Commits
) -> None:
    page = quote_page(web, SEAL)
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            page = web.post(SEAL, hidden(page) | {"_step": "code"})
    assert page.status_code == 429
    assert 'role="alert"' in page.content.decode()
    assert hidden(page)["_key"]


def _buy(user: User, as_of: datetime, number: int) -> Slip:
    ctx = Context(user=user, channel=Channel.WEB, as_of=as_of)
    toys.undo()
    return slips.submit(
        operation="toy.buy",
        ctx=ctx,
        raw=DATA,
        quote_digest=slips.quote(operation="toy.buy", ctx=ctx, raw=DATA).digest,
        confirmation={"agreed": "yes"},
        idempotency_key=f"key-{number:05d}",
    )


def test_requests_are_mine_newest_first_and_cheap(
    web: Client, alice: User, bob: User, noon: datetime
) -> None:
    assert "还没有办理记录" in web.get("/requests/").content.decode()
    mine = [_buy(alice, noon, number) for number in range(25)]
    other = _buy(bob, noon, 1)
    with CaptureQueriesContext(connection) as queries:
        page = web.get("/requests/").content.decode()
    assert len(queries) <= 8
    assert page.index(mine[24].number) < page.index(mine[23].number)
    assert "2026年11月18日 12:00 · 网上营业厅" in page
    assert mine[4].number not in page
    assert other.number not in page
    assert mine[4].number in web.get("/requests/?page=2").content.decode()
    assert web.get("/requests/?page=x").status_code == 200


def test_bob_gets_404_on_alices_slip(client: Client, alice: User, bob: User, noon: datetime) -> None:
    slip = _buy(alice, noon, 1)
    client.force_login(bob)
    assert client.get(f"/requests/{slip.number}/").status_code == 404
    assert client.get(f"/requests/{slip.number}/", headers={"HX-Request": "true"}).status_code == 404
    assert client.get("/requests/S0/").status_code == 404
    client.force_login(alice)
    assert client.get(f"/requests/{slip.number}/").status_code == 200


def test_a_slip_under_way_asks_for_itself_until_it_ends(
    web: Client, noon: datetime, django_capture_on_commit_callbacks: Commits
) -> None:
    page = quote_page(web, SEAL)
    with django_capture_on_commit_callbacks(execute=True):
        page = web.post(SEAL, hidden(page) | {"_step": "code"})
    address = submit(web, page, SEAL, _code=last_code(SealedToy.address))["Location"]
    shown = web.get(address).content.decode()
    assert f'hx-get="{address}"' in shown
    assert "正在制作" in shown
    assert web.get(address, headers={"HX-Request": "true"}).status_code == 204
    slips.finish(
        subject_kind="toy", subject_id="T1", state=SlipState.FAILED, as_of=noon, actor=Actor("job:toys"),
        result={"text": "做坏了"},
    )  # fmt: skip
    assert web.get(address, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    shown = web.get(address).content.decode()
    assert "hx-get" not in shown
    assert "做坏了" in shown


def test_refused_slips_and_those_of_forgotten_operations_can_be_read(web: Client, noon: datetime) -> None:
    Toy.left = 1
    page = submit(web, quote_page(web))
    slip = Slip.objects.get()
    assert slip.number in page.content.decode()
    registry.unregister("toy.buy")
    try:
        shown = web.get(f"/requests/{slip.number}/").content.decode()
        assert "toy.buy" in shown
        assert "只剩 1 件，不够了" in shown
        assert "toy.buy" in web.get("/requests/").content.decode()
    finally:
        registry.register(Toy)
