"""Bills, paying, payments and receipts as pages."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import BillingAccount, Membership, User
from billing.models import Payment, PaymentState
from billing.services.payments import payments
from billing.views.payments import STOP_POLLING
from core import clock
from operations.models import Slip, SlipState
from tests.billing import build
from tests.conftest import NOON
from tests.gateways import keys

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]
BILLS_QUERIES = 8


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
def client(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return str(answer.content.decode())


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the form that confirms."""
    form = page[page.index('id="confirm"') :]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


def pay(client: Client, account: BillingAccount, amount: str = "26", **changes: str) -> Any:
    """All steps of paying as a browser posts them; the answer to the last."""
    raw = {"account": account.number, "amount": amount, "gateway": "alipay", **changes}
    shown = text(client.post("/pay/", raw | {"_step": "quote"}))
    return client.post("/pay/", hidden(shown) | {"_step": "submit", "_agreed": "yes"})


# Bills


def test_bills_of_six_months_and_what_is_owed_from_before(client: Client, account: BillingAccount) -> None:
    paid_long_ago = build.bill(account, 1000, issued_on=date(2026, 4, 1))
    first = build.payment(account, 1000)
    build.apply(first, build.report(first))
    owed_long_ago = build.bill(account, 1100, issued_on=date(2026, 3, 1))
    oldest_shown = build.bill(account, 1200, issued_on=date(2026, 6, 1))
    page = text(client.get("/bills/"))
    assert oldest_shown.number in page
    assert owed_long_ago.number in page
    assert paid_long_ago.number not in page
    assert paid_long_ago.number in text(client.get("/bills/?period=all"))


def test_bills_of_one_account(client: Client, alice: User, account: BillingAccount) -> None:
    other = build.account(alice)
    mine, its = build.bill(account), build.bill(other)
    page = text(client.get("/bills/", {"account": account.number}))
    assert mine.number in page
    assert its.number not in page
    assert client.get("/bills/", {"account": build.account().number}).status_code == 404


@pytest.mark.parametrize("bills", [1, 60])
def test_the_list_costs_the_same_whatever_the_history(
    client: Client, account: BillingAccount, django_assert_max_num_queries: Any, bills: int
) -> None:
    for month in range(bills):
        build.bill(account, issued_on=date(2026, 11, 1) - timedelta(days=30 * month))
    text(client.get("/bills/?period=all"))
    with django_assert_max_num_queries(BILLS_QUERIES):
        text(client.get("/bills/?period=all"))


def test_pages_of_the_list_keep_the_filter(client: Client, account: BillingAccount) -> None:
    for day in range(25):
        build.bill(account, issued_on=date(2026, 11, 1) - timedelta(days=day))
    page = text(client.get("/bills/", {"account": account.number, "period": "all"}))
    assert f"?account={account.number}&amp;period=all&amp;page=2" in page


def test_a_bill_shows_lines_and_receipts_and_leads_to_paying(client: Client, account: BillingAccount) -> None:
    bill = build.bill(account, 2600)
    part = build.payment(account, 1000)
    build.apply(part, build.report(part))
    page = text(client.get(reverse("billing:bill", args=[bill.number])))
    assert "基本收视维护费" in page
    assert reverse("billing:receipt", args=[part.receipts.get().number]) in page
    assert f"/pay/?bill={bill.number}" in page
    assert "¥16.00" in page


def test_who_may_only_look_is_offered_no_paying(client: Client, alice: User) -> None:
    account = build.account()
    Membership.objects.create(user=alice, account=account, role=Membership.Role.VIEWER, created_at=NOON)
    bill = build.bill(account)
    assert "/pay/?bill=" not in text(client.get(reverse("billing:bill", args=[bill.number])))
    # As a member he sees that it exists; money of his own he may pay in as anybody may.
    answer = client.get("/pay/", {"account": account.number})
    assert answer["Location"] == f"/pay/other/?account_number={account.number}"
    payment = build.payment(account)
    page = text(client.get(reverse("billing:payment", args=[payment.reference])))
    assert "取消这笔支付" not in page
    for name in ("cashier", "cancel"):
        address = reverse(f"billing:{name}", args=[payment.reference])
        answer = client.get(address) if name == "cashier" else client.post(address)
        assert answer.status_code == 403
    payment.refresh_from_db()
    assert payment.state == PaymentState.PENDING


# Paying


def test_the_form_proposes_what_is_owed(client: Client, account: BillingAccount) -> None:
    build.bill(account, 2600)
    build.bill(account, 1500)
    page = text(client.get("/pay/"))
    assert 'value="41.00"' in page
    assert f'value="{account.number}"' in page


def test_the_form_for_one_bill_proposes_that_bill(client: Client, account: BillingAccount) -> None:
    build.bill(account, 2600)
    bill = build.bill(account, 1500)
    page = text(client.get("/pay/", {"bill": bill.number}))
    assert 'value="15.00"' in page
    assert f'value="{bill.number}"' in page


def test_a_settled_bill_is_not_paid_again(client: Client, account: BillingAccount) -> None:
    bill = build.bill(account)
    done = build.payment(account)
    build.apply(done, build.report(done))
    answer = client.get("/pay/", {"bill": bill.number})
    assert answer["Location"] == reverse("billing:bill", args=[bill.number])


def test_nothing_bound_nothing_to_pay(client: Client) -> None:
    page = text(client.get("/pay/"))
    assert "还没有可以缴费的户号" in page
    assert "<form" not in page[page.index("<main") : page.index("</main>")]


def test_confirming_leads_to_the_cashier_with_a_slip_and_a_payment(
    client: Client, account: BillingAccount
) -> None:
    build.bill(account, 2600)
    answer = pay(client, account)
    payment = Payment.objects.get()
    assert answer["Location"] == reverse("billing:cashier", args=[payment.reference])
    assert (payment.amount_cents, payment.state) == (2600, PaymentState.CREATED)
    slip = Slip.objects.get()
    assert (slip.state, slip.subject_id) == (SlipState.IN_PROGRESS, payment.reference)


@pytest.mark.parametrize("amount", ["0", "-1", "1.234", "1e3", "２６", "1,000", "50000.01", "abc", ""])
def test_an_amount_that_cannot_be_paid_is_refused_beside_the_field(
    client: Client, account: BillingAccount, amount: str
) -> None:
    raw = {"account": account.number, "amount": amount, "gateway": "alipay", "_step": "quote"}
    page = text(client.post("/pay/", raw), 422)
    assert 'aria-invalid="true"' in page
    assert not Payment.objects.exists()


def test_a_strangers_account_cannot_be_paid_into(client: Client, account: BillingAccount) -> None:
    theirs = build.account()
    build.bill(theirs)
    raw = {"account": theirs.number, "amount": "26", "gateway": "alipay", "_step": "quote"}
    assert theirs.number not in text(client.post("/pay/", raw), 422).replace(f'value="{theirs.number}"', "")
    assert client.get("/pay/", {"account": theirs.number}).status_code == 404
    assert not Payment.objects.exists()


def test_a_payment_in_the_way_is_named_with_the_way_to_it(client: Client, account: BillingAccount) -> None:
    build.bill(account, 2600)
    first = build.payment(account, 1000)
    assert reverse("billing:payment", args=[first.reference]) in text(client.get("/pay/"))
    page = text(pay(client, account), 409)
    assert reverse("billing:payment", args=[first.reference]) in page
    assert Payment.objects.count() == 1
    assert Slip.objects.get().refusal_code == "PAYMENT_IN_PROGRESS"


def test_a_double_click_starts_one_payment(client: Client, account: BillingAccount) -> None:
    build.bill(account)
    raw = {"account": account.number, "amount": "26", "gateway": "alipay", "_step": "quote"}
    form = hidden(text(client.post("/pay/", raw))) | {"_step": "submit", "_agreed": "yes"}
    assert client.post("/pay/", form)["Location"] == client.post("/pay/", form)["Location"]
    assert (Payment.objects.count(), Slip.objects.count()) == (1, 1)


# On the way


def test_the_cashier_gets_our_own_absolute_addresses(
    client: Client, account: BillingAccount, settings: Settings
) -> None:
    settings.BASE_URL = "https://hall.example"
    build.bill(account)
    answer = client.get(pay(client, account)["Location"])
    assert answer.status_code == 302
    sent = parse_qs(urlsplit(answer["Location"]).query)
    assert sent["return_url"] == ["https://hall.example/payments/return/alipay/"]
    assert sent["notify_url"] == ["https://hall.example/payments/callbacks/alipay/"]
    assert Payment.objects.get().state == PaymentState.PENDING


@pytest.mark.parametrize("how", ["paid", "closed", "unknown", "late"])
def test_nobody_is_sent_to_the_cashier_with_a_payment_that_may_not_be_paid(
    client: Client, account: BillingAccount, how: str
) -> None:
    payment = build.payment(account)
    if how == "paid":
        build.apply(payment, build.report(payment))
    if how == "closed":
        payments.closed(payment_id=payment.pk, as_of=NOON, actor=build.ACTOR, reason="test")
    if how == "unknown":
        payments.gateway_silent(payment_id=payment.pk, as_of=NOON, actor=build.ACTOR, reason="test")
    with clock.stopped(NOON + timedelta(minutes=31 if how == "late" else 0)):
        answer = client.get(reverse("billing:cashier", args=[payment.reference]))
    assert answer["Location"] == reverse("billing:payment", args=[payment.reference])


def test_a_hall_without_keys_says_so_and_takes_nothing(
    client: Client, account: BillingAccount, settings: Settings
) -> None:
    payment = build.payment(account)
    settings.ALIPAY_APP_ID = ""
    answer = client.get(reverse("billing:cashier", args=[payment.reference]), follow=True)
    assert "支付渠道暂时连不上" in text(answer)


def test_the_page_of_a_payment_in_each_state(client: Client, account: BillingAccount) -> None:
    payment = build.payment(account)
    address = reverse("billing:payment", args=[payment.reference])
    waiting = text(client.get(address))
    assert "等待支付" in waiting
    assert "取消这笔支付" in waiting
    assert 'http-equiv="refresh"' in waiting
    checking = text(client.get(address, {"back": "1"}))
    assert "正在确认支付结果" in checking
    assert reverse("billing:cashier", args=[payment.reference]) not in checking
    payments.gateway_silent(payment_id=payment.pk, as_of=NOON, actor=build.ACTOR, reason="test")
    unknown = text(client.get(address))
    assert "正在确认支付结果" in unknown
    assert "失败" not in unknown
    assert reverse("billing:cashier", args=[payment.reference]) not in unknown
    build.apply(payment, build.report(payment))
    paid = text(client.get(address))
    assert "支付成功" in paid
    assert reverse("billing:receipt", args=[payment.receipts.get().number]) in paid
    assert 'http-equiv="refresh"' not in paid


def test_a_closed_payment_and_money_that_came_after(client: Client, account: BillingAccount) -> None:
    payment = build.payment(account)
    payments.closed(payment_id=payment.pk, as_of=NOON, actor=build.ACTOR, reason="test")
    address = reverse("billing:payment", args=[payment.reference])
    assert "重新缴费" in text(client.get(address))
    build.apply(payment, build.report(payment))
    late = text(client.get(address))
    assert "钱已到账" in late
    assert reverse("billing:receipt", args=[payment.receipts.get().number]) in late


def test_asking_for_the_status(client: Client, account: BillingAccount) -> None:
    payment = build.payment(account)
    address = reverse("billing:payment_status", args=[payment.reference])
    assert client.get(address, {"seen": "waiting"}).status_code == 204
    assert client.get(address, {"seen": "checking"})["HX-Refresh"] == "true"
    build.apply(payment, build.report(payment))
    settled = text(client.get(address, {"seen": "waiting"}), STOP_POLLING)
    assert "<title>支付成功" in settled
    assert "<html" not in settled


def test_cancelling_needs_the_gateways_word(client: Client, account: BillingAccount) -> None:
    payment = build.payment(account)  # nobody answers at the address of the gateway
    answer = client.post(reverse("billing:cancel", args=[payment.reference]), follow=True)
    assert "支付渠道正在处理这笔支付" in text(answer)
    payment.refresh_from_db()
    assert payment.state == PaymentState.PENDING
    assert client.get(reverse("billing:cancel", args=[payment.reference])).status_code == 405


# Back from the cashier


def returned(payment: Payment, by: keys.Pair = keys.ALIPAY) -> str:
    fields = {
        "app_id": keys.APP_ID,
        "seller_id": keys.SELLER_ID,
        "charset": "utf-8",
        "out_trade_no": payment.reference,
        "trade_no": "T1",
        "total_amount": "26.00",
    }
    return f"/payments/return/alipay/?{keys.signed(fields, by=by).decode()}"


def test_coming_back_decides_nothing_but_has_the_gateway_asked_at_once(
    client: Client, account: BillingAccount
) -> None:
    payment = build.payment(account)
    answer = client.get(returned(payment))
    assert answer["Location"] == reverse("billing:payment", args=[payment.reference]) + "?back=1"
    payment.refresh_from_db()
    assert payment.state == PaymentState.PENDING
    assert payment.next_query_at == NOON
    assert not payment.receipts.exists()


def test_coming_back_again_asks_at_most_every_few_seconds(client: Client, account: BillingAccount) -> None:
    payment = build.payment(account)
    client.get(returned(payment))
    later = NOON + timedelta(minutes=1)
    Payment.objects.filter(pk=payment.pk).update(next_query_at=later)
    client.get(returned(payment))
    payment.refresh_from_db()
    assert payment.next_query_at == later


def test_a_return_that_nobody_signed_has_no_effect(client: Client, account: BillingAccount) -> None:
    payment = build.payment(account)
    answer = client.get(returned(payment, by=keys.STRANGER))
    assert answer["Location"] == reverse("billing:payment", args=[payment.reference])
    before = payment.next_query_at
    payment.refresh_from_db()
    assert payment.next_query_at == before


def test_a_return_for_somebody_elses_payment_is_not_found(client: Client) -> None:
    theirs = build.payment(build.account())
    before = theirs.next_query_at
    assert client.get(returned(theirs)).status_code == 404
    theirs.refresh_from_db()
    assert theirs.next_query_at == before


def test_the_plain_way_back_leads_to_the_payment_or_home(client: Client, account: BillingAccount) -> None:
    assert client.get("/payments/return/alipay/")["Location"] == "/"
    payment = build.payment(account)
    assert client.get("/payments/return/alipay/")["Location"].endswith(f"/{payment.reference}/")
    assert client.get("/payments/return/nobody/").status_code == 404


# Receipts


def test_a_receipt_says_what_the_money_was_used_for(client: Client, account: BillingAccount) -> None:
    build.bill(account, 2600)
    payment = build.payment(account, 3000)
    build.apply(payment, build.report(payment))
    receipt = payment.receipts.get()
    page = text(client.get(reverse("billing:receipt", args=[receipt.number])))
    for shown in (receipt.number, "¥30.00", "¥26.00", "存入账户余额", "¥4.00", "支付宝", receipt.trade_no):
        assert shown in page
    assert receipt.number in text(client.get("/receipts/"))


def test_visitors_are_asked_to_log_in(account: BillingAccount) -> None:
    payment = build.payment(account)
    for name, given in (("bills", []), ("pay", []), ("receipts", []), ("payment", [payment.reference])):
        address = reverse(f"billing:{name}", args=given)
        assert Client().get(address)["Location"] == f"/account/login/?next={address}"
