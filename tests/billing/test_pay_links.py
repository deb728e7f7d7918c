"""Paying by a link without a log-in: what it shows, what it lets one do, and when it ends."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import BillingAccount, Contact, User
from billing.models import PayLink, PayLinkHistory, PayLinkState, Payment, PaymentState
from billing.services.payments import pay_links, payments
from billing.views import pay_links as pages
from billing.views.payments import STOP_POLLING
from core import clock, outbox
from core.models import AuditRow
from notices import vault
from notices.models import Delivery
from tests.admin.build import certify, staff_with
from tests.billing import build
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    cache.clear()
    with clock.stopped(NOON):
        yield


@pytest.fixture
def alice() -> User:
    return build.user()


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return build.account(alice)


@pytest.fixture
def visitor() -> Client:
    """Somebody at a browser who is not logged in."""
    return Client()


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return str(answer.content.decode())


def make(account: BillingAccount, **more: Any) -> str:
    """The path of a new link."""
    url = pay_links.create(account_id=account.pk, actor=build.ACTOR, as_of=NOON, **more)
    return url[url.index("/p/") :]


def pay(visitor: Client, path: str, cents: int, gateway: str = "alipay") -> Any:
    return visitor.post(path, {"gateway": gateway, "cents": str(cents)})


def started(visitor: Client, account: BillingAccount, cents: int = 2600) -> tuple[str, Payment]:
    """A link whose holder is at the cashier."""
    build.bill(account, cents)
    path = make(account)
    assert visitor.get(pay(visitor, path, cents)["Location"]).status_code == 302
    return path, Payment.objects.get()


def settle(payment: Payment) -> None:
    build.apply(payment, build.report(payment))
    outbox.dispatch(as_of=NOON)


# Making and sending


def test_only_the_digest_of_a_link_is_kept(account: BillingAccount) -> None:
    path = make(account)
    token = path.split("/")[2]
    row = PayLink.objects.values().get()
    assert len(token) >= 22
    assert row["token_digest"] == pay_links.digest(token)
    assert token not in str(row)
    assert token not in str(list(PayLinkHistory.objects.values()))


def test_a_link_is_of_its_own_account(account: BillingAccount) -> None:
    with pytest.raises(pay_links.BillOfOtherAccount):
        make(account, bill_id=build.bill(build.account()).pk)
    for cents in (0, -1, payments.MAX_CENTS + 1):
        with pytest.raises(payments.AmountOutOfRange):
            make(account, amount_cents=cents)
    assert not PayLink.objects.exists()


def send(account: BillingAccount, **more: Any) -> PayLink:
    given: dict[str, Any] = {"account_id": account.pk, "actor": build.ACTOR, "as_of": NOON}
    return pay_links.send(**(given | more))


@pytest.mark.django_db(transaction=True)
def test_a_link_is_sent_to_the_contact_phone_and_read_by_nobody_else(
    alice: User, account: BillingAccount
) -> None:
    build.bill(account)
    link = send(account)
    delivery = Delivery.objects.get()
    assert (delivery.address, delivery.body) == (alice.phone, "")
    body = vault.read(delivery.reference) or ""
    token = re.search(r"/p/([\w-]+)/", body)
    assert token is not None
    assert "¥26.00" in body
    assert pay_links.find(token[1]) == link
    everything = [AuditRow, Delivery, PayLink, PayLinkHistory]
    assert all(token[1] not in str(list(model._default_manager.values())) for model in everything)
    assert link.sent_to == f"139****{str(alice.phone)[-4:]}"
    assert link.expires_at == NOON + timedelta(hours=24)


def test_nothing_is_sent_where_nothing_is_owed_or_nobody_is_known(account: BillingAccount) -> None:
    with pytest.raises(pay_links.NothingOwed):
        send(account)
    build.bill(account)
    Contact.objects.all().delete()
    with pytest.raises(pay_links.NoContactPhone):
        send(account)
    assert not PayLink.objects.exists()
    assert not Delivery.objects.exists()
    assert not AuditRow.objects.exists()


def test_a_new_message_ends_the_link_before_it_and_their_number_is_limited(account: BillingAccount) -> None:
    build.bill(account)
    make(account)  # somebody else's to send: neither ended nor counted
    links = [send(account) for _ in range(pay_links.PER_DAY)]
    with pytest.raises(pay_links.TooManyLinks):
        send(account)
    states = [PayLink.objects.get(pk=link.pk).state for link in links]
    assert states == [PayLinkState.WITHDRAWN] * (pay_links.PER_DAY - 1) + [PayLinkState.OPEN]
    assert PayLink.objects.filter(state=PayLinkState.OPEN).count() == 2
    send(account, as_of=NOON + timedelta(days=1, seconds=1))


def test_staff_send_a_link_from_the_counter_and_do_not_see_it(account: BillingAccount) -> None:
    build.bill(account)
    desk = Client()
    rights = ("billing.take_counter_money", "operations.add_slip", "billing.view_paylink")
    desk.force_login(certify(staff_with(*rights, username="clerk")))
    answer = desk.post(reverse("admin:billing_counter_link"), {"account": account.number}, follow=True)
    assert "缴费链接已发送到 139****" in text(answer)
    link = PayLink.objects.get()
    page = text(desk.get(reverse("admin:billing_paylink_change", args=[link.pk])))
    assert link.token_digest not in page
    assert "/p/" not in page
    assert AuditRow.objects.filter(action="billing.pay_link.send").count() == 1


# What it shows


def test_the_page_tells_the_tail_the_masked_name_and_the_amount(
    visitor: Client, account: BillingAccount
) -> None:
    bill = build.bill(account)
    page = text(visitor.get(make(account)))
    main = page[page.index("<main") : page.index("</main>")]
    assert f"尾号 {account.number[-4:]}" in main
    assert "¥26.00" in main
    for secret in (account.number, account.customer.name, bill.number, "账单", "基本收视维护费"):
        assert secret not in main
    assert "noindex" in visitor.get(make(account))["X-Robots-Tag"]
    assert "no-store" in visitor.get(make(account))["Cache-Control"]


def test_without_an_amount_it_asks_for_what_is_owed_now(visitor: Client, account: BillingAccount) -> None:
    first = build.bill(account, 2600)
    whole, of_bill, fixed = make(account), make(account, bill_id=first.pk), make(account, amount_cents=500)
    build.bill(account, 1000)
    for path, shown in ((whole, "¥36.00"), (of_bill, "¥26.00"), (fixed, "¥5.00")):
        assert shown in text(visitor.get(path))


def test_nothing_owed_nothing_to_pay(visitor: Client, account: BillingAccount) -> None:
    path = make(account)
    assert "现在没有要缴的费用" in text(visitor.get(path))
    assert text(pay(visitor, path, 0), 409)
    assert not Payment.objects.exists()


# Paying


def test_confirming_leads_to_the_cashier_and_back_to_the_same_link(
    visitor: Client, account: BillingAccount
) -> None:
    path, payment = started(visitor, account)
    assert (payment.amount_cents, payment.payer, payment.state) == (2600, None, PaymentState.PENDING)
    assert set(payment.history.values_list("actor", flat=True)) == {f"link:{PayLink.objects.get().pk}"}
    back = visitor.get(f"/payments/return/alipay/?out_trade_no={payment.reference}&sign=x")
    assert back["Location"] == f"{path}?back=1"
    assert "正在确认支付结果" in text(visitor.get(back["Location"]))
    payment.refresh_from_db()
    assert (payment.state, payment.next_query_at) == (PaymentState.PENDING, NOON)
    settle(payment)
    page = text(visitor.get(path))
    assert "支付成功" in page
    assert payment.receipts.get().number in page
    assert account.number not in page
    assert PayLink.objects.get().state == PayLinkState.USED
    assert build.books_are_right()


def test_a_used_link_pays_nothing_more(visitor: Client, account: BillingAccount) -> None:
    path, payment = started(visitor, account)
    build.bill(account, 900)
    build.apply(payment, build.report(payment))  # before its news has arrived, and after
    for _ in range(2):
        assert "支付成功" in text(pay(visitor, path, 900))
        assert Payment.objects.count() == 1
        with pytest.raises(pay_links.LinkEnded):
            pay_links.pay(
                link_id=PayLink.objects.get().pk,
                gateway="alipay",
                shown_cents=900,
                actor=build.ACTOR,
                as_of=NOON,
            )
        outbox.dispatch(as_of=NOON)


def test_an_amount_that_changed_meanwhile_is_shown_anew(visitor: Client, account: BillingAccount) -> None:
    build.bill(account)
    path = make(account)
    build.bill(account, 1000)
    page = text(pay(visitor, path, 2600), 409)
    assert "金额刚刚有变化" in page
    assert 'name="cents" value="3600"' in page
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    "posted", [{}, {"gateway": "gold", "cents": "2600"}, {"gateway": "alipay", "cents": "x"}]
)
def test_what_does_not_fit_is_refused(
    visitor: Client, account: BillingAccount, posted: dict[str, str]
) -> None:
    build.bill(account)
    text(visitor.post(make(account), posted), 422)
    assert not Payment.objects.exists()


def test_paying_twice_is_one_payment_that_can_be_given_up(visitor: Client, account: BillingAccount) -> None:
    path, payment = started(visitor, account)
    assert "等待支付" in text(visitor.get(path))
    assert "等待支付" in text(pay(visitor, path, 2600))
    assert Payment.objects.get() == payment
    answer = visitor.post(f"{path}cancel/", follow=True)  # nobody answers at the address of the gateway
    assert "支付渠道正在处理这笔支付" in text(answer)
    payments.closed(payment_id=payment.pk, as_of=NOON, actor=build.ACTOR, reason="test")
    assert "上一笔支付已关闭" in text(visitor.get(path))
    assert pay(visitor, path, 2600).status_code == 302
    assert Payment.objects.count() == 2


def test_a_members_own_payment_is_neither_joined_nor_told_of(
    visitor: Client, alice: User, account: BillingAccount
) -> None:
    build.bill(account)
    theirs = payments.start(
        account_id=account.pk,
        amount_cents=2600,
        gateway="alipay",
        payer_id=alice.pk,
        as_of=NOON,
        actor=build.ACTOR,
    )
    page = text(pay(visitor, make(account), 2600), 409)
    assert theirs.reference not in page
    assert PayLink.objects.get().payment is None


# Its end


def test_an_old_link_and_a_withdrawn_one_open_nothing(visitor: Client, account: BillingAccount) -> None:
    build.bill(account)
    path = make(account)
    withdrawn = make(account)
    pay_links.withdraw(link_id=PayLink.objects.latest("pk").pk, actor=build.ACTOR, reason="test", as_of=NOON)
    with clock.stopped(NOON + timedelta(hours=24)):
        for address in (path, withdrawn):
            for page in (text(visitor.get(address), 410), text(pay(visitor, address, 2600), 410)):
                assert "¥" not in page
                assert account.number[-4:] not in page
    assert not Payment.objects.exists()
    with pytest.raises(pay_links.LinkEnded):
        pay_links.withdraw(link_id=PayLink.objects.latest("pk").pk, actor=build.ACTOR, reason="x", as_of=NOON)


def test_money_under_way_with_a_withdrawn_link_still_arrives(
    visitor: Client, account: BillingAccount
) -> None:
    path, payment = started(visitor, account)
    pay_links.withdraw(link_id=PayLink.objects.get().pk, actor=build.ACTOR, reason="test", as_of=NOON)
    settle(payment)
    assert "支付成功" in text(visitor.get(path))
    assert PayLink.objects.get().state == PayLinkState.USED
    assert list(PayLinkHistory.objects.order_by("pk").values_list("to_state", flat=True)) == [
        PayLinkState.OPEN, PayLinkState.WITHDRAWN, PayLinkState.USED,
    ]  # fmt: skip


def test_staff_withdraw_a_link_with_a_reason(account: BillingAccount) -> None:
    make(account)
    link = PayLink.objects.get()
    desk = Client()
    desk.force_login(staff_with("billing.view_paylink", "billing.change_paylink"))
    page = f"{reverse('admin:billing_paylink_act', args=['withdraw'])}?ids={link.pk}"
    desk.post(page, {"reason": "客户要求撤回"})
    link.refresh_from_db()
    assert link.state == PayLinkState.WITHDRAWN
    assert AuditRow.objects.get().reason == "客户要求撤回"


def test_asking_for_the_status(visitor: Client, account: BillingAccount) -> None:
    path, payment = started(visitor, account)
    status = f"{path}status/"
    assert visitor.get(status, {"seen": "waiting"}).status_code == 204
    assert visitor.get(status, {"seen": "checking"})["HX-Refresh"] == "true"
    waiting = visitor.get(status, {"seen": pages.QR})
    assert (waiting.status_code, waiting.has_header("HX-Redirect")) == (204, False)
    build.apply(payment, build.report(payment))
    assert visitor.get(status, {"seen": pages.QR})["HX-Redirect"] == path
    settled = text(visitor.get(status, {"seen": "waiting"}), STOP_POLLING)
    assert "<title>支付成功" in settled


# Strangers


@pytest.mark.parametrize("page", ["", "status/", "cashier/", "cancel/"])
def test_a_wrong_token_finds_nothing(visitor: Client, account: BillingAccount, page: str) -> None:
    path = make(account)
    before = (Payment.objects.count(), PayLinkHistory.objects.count())
    wrong = path[:-2] + ("A" if path[-2] != "A" else "B") + "/" + page
    for method in ("get", "post", "put", "delete"):
        assert getattr(visitor, method)(wrong).status_code in (404, 405)
    assert (Payment.objects.count(), PayLinkHistory.objects.count()) == before


def test_guessing_ends_soon(visitor: Client, account: BillingAccount) -> None:
    path = make(account)
    for n in range(pages.WRONG_PER_HOUR):
        assert visitor.get(f"/p/guess{n}/").status_code == 404
    assert visitor.get("/p/guess/").status_code == 429
    assert visitor.get(path).status_code == 429
    assert visitor.get(path, REMOTE_ADDR="10.1.2.3").status_code == 200


def test_one_links_holder_sees_nothing_of_another_account(visitor: Client, account: BillingAccount) -> None:
    _path, payment = started(visitor, account)
    for name in ("payment", "payment_status", "cashier"):
        address = reverse(f"billing:{name}", args=[payment.reference])
        assert "/account/login/" in visitor.get(address)["Location"]
    bob = Client()
    bob.force_login(build.user())
    assert bob.get(reverse("billing:payment", args=[payment.reference])).status_code == 404


def test_the_way_back_of_a_logged_in_customer_is_his_own(alice: User, account: BillingAccount) -> None:
    """The cookie of a link that he opened before does not catch his own payment's return."""
    client = Client()
    _path, by_link = started(client, account)
    payments.closed(payment_id=by_link.pk, as_of=NOON, actor=build.ACTOR, reason="test")
    client.force_login(alice)
    own = build.payment(account, 700)
    answer = client.get(f"/payments/return/alipay/?out_trade_no={own.reference}")
    assert "/p/" not in answer["Location"]
    assert "/p/" not in client.get("/payments/return/alipay/")["Location"]


def test_a_hall_without_keys_says_so(visitor: Client, account: BillingAccount, settings: Settings) -> None:
    build.bill(account)
    path = make(account)
    cashier = pay(visitor, path, 2600)["Location"]
    settings.ALIPAY_APP_ID = ""
    assert "支付渠道暂时连不上" in text(visitor.get(cashier, follow=True))
