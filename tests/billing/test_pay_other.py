"""Paying for somebody else: by his number, with his name masked, learning nothing else; and he keeps his own way."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import names
from accounts.models import BillingAccount, User
from billing.models import AccountLookup, Payment, Receipt
from billing.selectors import payments as payment_reads
from billing.services.payments import lookups, payments
from core import clock, outbox
from notices.models import Delivery
from operations.context import Context
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from tests.billing import build
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]
PAGE = "/pay/other/"


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    cache.clear()
    with clock.stopped(NOON):
        yield


@pytest.fixture
def holder() -> User:
    return build.user()


@pytest.fixture
def account(holder: User) -> BillingAccount:
    found = build.account(holder)
    found.customer.name = "欧阳小明"
    found.customer.save(update_fields=["name"])
    return found


@pytest.fixture
def payer() -> User:
    user = build.user()
    user.name, user.phone_verified_at = "李雷", NOON
    user.save(update_fields=["name", "phone_verified_at"])
    return user


@pytest.fixture
def client(client: Client, payer: User) -> Client:
    client.force_login(payer)
    return client


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return str(answer.content.decode())


def ask(client: Client, number: str, amount: str = "50", **more: Any) -> Any:
    raw = {"account_number": number, "amount": amount, "gateway": "alipay", "_step": "quote"}
    return client.post(PAGE, raw, **more)


def pay(client: Client, number: str, amount: str = "50") -> Any:
    page = text(ask(client, number, amount))
    form = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page[page.index('id="confirm"') :])
    )
    return client.post(PAGE, form | {"_step": "submit", "_agreed": "yes"})


def paid(client: Client, account: BillingAccount, amount: str = "50") -> Receipt:
    pay(client, account.number, amount)
    payment = Payment.objects.latest("pk")
    build.apply(payment, build.report(payment))
    outbox.dispatch(as_of=NOON)
    return payment.receipts.get()


# What is told


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("王小明", "**明"),
        ("李雷", "*雷"),
        ("王", "*"),
        ("欧阳小明", "***明"),
        ("华强电子有限公司", "华****公司"),
        ("John Smith", "J*** S***"),
        ("  ", ""),
    ],
)
def test_names_are_masked(name: str, masked: str) -> None:
    assert names.masked(name) == masked


def test_the_quote_shows_the_masked_name_and_nothing_that_depends_on_what_is_owed(
    client: Client, account: BillingAccount
) -> None:
    def main() -> str:
        page = text(ask(client, account.number))
        shown = page[page.index("<main") : page.index("</main>")]
        return re.sub(r'name="(_key|_trace|csrfmiddlewaretoken)" value="[^"]*"', "", shown)

    before = main()
    assert "***明" in before
    assert "欧阳" not in before
    assert "多出部分存入该户号余额" in before
    build.bill(account, 2600)
    build.payment(account, 1000)
    assert main() == before


def test_an_unknown_number_is_refused_with_one_sentence(client: Client, account: BillingAccount) -> None:
    page = text(ask(client, "8199999999"), 404)
    assert "没有可以缴费的这个户号" in page
    assert not Payment.objects.exists()


@pytest.mark.parametrize("number", ["", "户号", "81'; --", "x" * 41])
def test_what_is_no_number_is_refused_beside_the_field(client: Client, number: str) -> None:
    assert 'aria-invalid="true"' in text(ask(client, number), 422)
    assert not AccountLookup.objects.exists()


@pytest.mark.parametrize("amount", ["0", "-1", "50000.01", "1e3", "x", ""])
def test_odd_amounts_are_refused(client: Client, account: BillingAccount, amount: str) -> None:
    text(ask(client, account.number, amount), 422)
    assert not Payment.objects.exists()


def test_visitors_are_asked_to_log_in() -> None:
    assert Client().get(PAGE)["Location"] == f"/account/login/?next={PAGE}"
    assert Client().post(PAGE)["Location"].startswith("/account/login/")


# Limits


def test_ten_numbers_an_hour_and_no_more(client: Client, payer: User, account: BillingAccount) -> None:
    for n in range(9):
        text(ask(client, f"82{n:08d}"), 404)
    text(ask(client, account.number))
    text(ask(client, account.number))  # the same question again
    assert AccountLookup.objects.filter(who=f"user:{payer.pk}").count() == 10
    assert "查询户号太频繁" in text(ask(client, build.account().number), 429)
    assert "***明" in text(ask(client, account.number))
    with clock.stopped(NOON + timedelta(minutes=61)):
        text(ask(client, build.account().number))


def test_one_address_with_many_users_is_limited_too(settings: Settings, account: BillingAccount) -> None:
    settings.LOOKUP_LIMITS = {"who_hour": 10, "client_hour": 3}
    for n in range(4):
        client = Client()
        client.force_login(build.user())
        status = 404 if n < 3 else 429
        text(ask(client, f"82{n:08d}", REMOTE_ADDR="10.9.9.9"), status)
    text(ask(client, account.number, REMOTE_ADDR="10.9.9.8"))


def test_a_network_of_ipv6_is_one_address(settings: Settings) -> None:
    settings.LOOKUP_LIMITS = {"who_hour": 10, "client_hour": 3}
    for n in range(4):
        client = Client()
        client.force_login(build.user())
        status = 404 if n < 3 else 429
        text(ask(client, f"82{n:08d}", REMOTE_ADDR=f"2001:db8:1:2::{n + 1:x}"), status)


@pytest.mark.django_db(transaction=True)
def test_refused_requests_leave_slips_and_stay_counted(payer: User) -> None:
    """Who submits without a quote asks as well: a refusal undoes what an operation did, but not the count."""
    ctx = Context(user=payer, channel=Channel.API, as_of=NOON, address="10.9.9.9")
    for n in range(11):
        with pytest.raises((lookups.NoSuchAccount, lookups.TooManyLookups)):
            slips.submit(
                operation="bill.pay_other",
                ctx=ctx,
                raw={"account_number": f"82{n:08d}", "amount": "1", "gateway": "alipay"},
                quote_digest="x",
                confirmation={"agreed": "yes"},
                idempotency_key=f"key-number-{n}",
            )
    codes = list(Slip.objects.order_by("pk").values_list("state", "refusal_code"))
    assert codes == [(SlipState.REFUSED, "NO_SUCH_ACCOUNT")] * 10 + [(SlipState.REFUSED, "TOO_MANY_LOOKUPS")]
    assert AccountLookup.objects.count() == 10
    assert Slip.objects.first().data["account_number"] == "8200000000"  # type: ignore[union-attr]  # there are eleven


def test_old_questions_are_forgotten(client: Client, account: BillingAccount) -> None:
    text(ask(client, account.number))
    assert lookups.forget_old(as_of=NOON + lookups.KEPT_FOR) == 0
    assert lookups.forget_old(as_of=NOON + lookups.KEPT_FOR + timedelta(seconds=1)) == 1


# Paying, and what each side sees


def test_the_money_settles_bills_and_the_rest_is_the_holders_credit(
    client: Client, payer: User, account: BillingAccount
) -> None:
    bill = build.bill(account, 2600)
    answer = pay(client, account.number)
    payment = Payment.objects.get()
    assert answer["Location"] == reverse("billing:cashier", args=[payment.reference])
    assert (payment.payer, payment.account, payment.amount_cents) == (payer, account, 5000)
    build.apply(payment, build.report(payment))
    outbox.dispatch(as_of=NOON)
    bill.refresh_from_db()
    assert (bill.open_cents, build.balance(account)) == (0, 2400)
    assert Slip.objects.get().state == SlipState.DONE
    assert build.books_are_right()


def test_the_payer_sees_payment_and_receipt_and_nothing_of_the_bills(
    client: Client, account: BillingAccount
) -> None:
    bill = build.bill(account, 2600)
    receipt = paid(client, account)
    assert receipt.payment is not None
    payment = text(client.get(reverse("billing:payment", args=[receipt.payment.reference])))
    address = reverse("billing:receipt", args=[receipt.number])
    assert address in payment
    page = text(client.get(address))
    assert receipt.number in page
    assert receipt.number in text(client.get("/receipts/")).replace(address, receipt.number)
    slip = text(client.get(reverse("operations:slip", args=[Slip.objects.get().number])))
    for shown in (payment, page, slip):
        for secret in ("¥26.00", "¥24.00", bill.number, "欧阳", "存入账户余额"):
            assert secret not in shown
    for stranger in (
        f"/bills/{bill.number}/",
        f"/pay/?account={account.number}",
        f"/bills/?account={account.number}",
    ):
        assert client.get(stranger).status_code == 404
    assert account.number not in text(client.get("/bills/"))


def test_the_holder_sees_the_money_and_that_somebody_else_paid(
    client: Client, holder: User, account: BillingAccount
) -> None:
    receipt = paid(client, account)
    client.force_login(holder)
    page = text(client.get(reverse("billing:receipt", args=[receipt.number])))
    assert "*雷（他人代缴）" in page
    assert "李雷" not in page


def test_each_side_gets_its_own_message(
    client: Client, payer: User, holder: User, account: BillingAccount
) -> None:
    paid(client, account)
    bodies = dict(Delivery.objects.values_list("address", "body"))
    assert set(bodies) == {payer.phone, holder.phone}
    assert "*雷 为尾号" in bodies[str(holder.phone)]
    assert "已收到缴费" in bodies[str(payer.phone)]


def test_a_third_person_finds_nothing(client: Client, account: BillingAccount) -> None:
    receipt = paid(client, account)
    assert receipt.payment is not None
    bob = Client()
    bob.force_login(build.user())
    for name, number in (("payment", receipt.payment.reference), ("receipt", receipt.number)):
        assert bob.get(reverse(f"billing:{name}", args=[number])).status_code == 404


def test_a_closed_payment_leads_back_here(client: Client, account: BillingAccount) -> None:
    pay(client, account.number)
    payment = Payment.objects.get()
    payments.closed(payment_id=payment.pk, as_of=NOON, actor=build.ACTOR, reason="test")
    page = text(client.get(reverse("billing:payment", args=[payment.reference])))
    assert f"{PAGE}?account_number={account.number}" in page
    assert f'value="{account.number}"' in text(client.get(PAGE, {"account_number": account.number}))


# Neither is in the other's way


def start(account: BillingAccount, payer: User | None, cents: int = 2600) -> Payment:
    return payments.start(
        account_id=account.pk,
        amount_cents=cents,
        gateway="alipay",
        payer_id=payer.pk if payer else None,
        as_of=NOON,
        actor=build.ACTOR,
    )


def test_a_strangers_payment_does_not_keep_the_holder_from_paying(
    client: Client, payer: User, holder: User, account: BillingAccount
) -> None:
    theirs = start(account, payer)
    assert start(account, holder) != theirs
    assert [payment.payer for payment in payment_reads.undecided(holder)] == [holder]
    assert payment_reads.undecided(payer) == [theirs]


def test_the_holders_payment_is_neither_joined_nor_told_of(
    client: Client, holder: User, account: BillingAccount
) -> None:
    theirs = start(account, holder, 5000)
    answer = pay(client, account.number)
    assert theirs.reference not in answer["Location"]
    assert Payment.objects.count() == 2


def test_a_strangers_own_payments_do_not_multiply(
    client: Client, payer: User, account: BillingAccount
) -> None:
    pay(client, account.number)
    assert pay(client, account.number).status_code == 302
    assert Payment.objects.count() == 1
    page = text(ask(client, account.number, "60"))
    form = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page[page.index('id="confirm"') :])
    )
    text(client.post(PAGE, form | {"_step": "submit", "_agreed": "yes"}), 409)


def test_members_and_links_are_one_circle(holder: User, account: BillingAccount) -> None:
    by_link = start(account, None)
    with pytest.raises(payments.PaymentInProgress):
        start(account, holder, 100)
    assert payment_reads.undecided(holder) == [by_link]
