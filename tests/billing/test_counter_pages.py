"""The work page at the counter: who is found, what is booked, who may open it."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, User
from billing.models import (
    Receipt,
)
from billing.selectors import counter as reads
from core import clock
from core.models import AuditRow
from operations.models import Channel, Slip, SlipState
from tests.admin.build import staff_with
from tests.billing import build
from tests.billing.till import make_clerk
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
DESK, TILL, LINK = (reverse(f"admin:billing_counter_{name}") for name in ("desk", "till", "link"))


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    cache.clear()
    with clock.stopped(NOON):
        yield


@pytest.fixture
def clerk() -> User:
    return make_clerk()


@pytest.fixture
def alice() -> User:
    return build.user()


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return build.account(alice)


@pytest.fixture
def desk(clerk: User) -> Client:
    client = Client()
    client.force_login(clerk)
    return client


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:3000]
    return str(answer.content.decode())


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the form that confirms."""
    form = page[page.index('id="counter-take"') :]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


def quoted(desk: Client, account: BillingAccount, **changes: str) -> Any:
    raw = {"account": account.number, "amount": "26", "method": "CASH", "paper_no": "K0001", "_step": "quote"}
    return desk.post(DESK, raw | changes)


def confirmed(desk: Client, account: BillingAccount, **changes: str) -> Any:
    shown = hidden(text(quoted(desk, account, **changes)))
    return desk.post(DESK, shown | {"_step": "submit", "_agreed": "yes"})


def test_a_look_up_shows_what_is_owed_and_is_recorded(
    desk: Client, clerk: User, account: BillingAccount
) -> None:
    bill = build.bill(account, 2600)
    late = build.bill(account, 10_000, issued_on=date(2026, 9, 1))
    page = text(desk.get(DESK, {"number": f" {account.number} "}))
    due = reads.due_cents(account, as_of=NOON)
    assert due > bill.open_cents + late.open_cents  # with the penalty
    assert f'value="{due / 100:.2f}"' in page
    assert account.customer.name in page
    row = AuditRow.objects.get()
    assert (row.action, row.actor, row.object_id) == (
        "billing.counter.lookup", f"user:{clerk.pk}", str(account.pk),
    )  # fmt: skip


@pytest.mark.parametrize("number", ["8199999999", "81000", "%", "'; --", "一二三"])
def test_only_whole_numbers_are_found(desk: Client, account: BillingAccount, number: str) -> None:
    assert account.customer.name not in text(desk.get(DESK, {"number": number}))


def test_confirming_books_and_leads_to_the_printed_receipt(
    desk: Client, clerk: User, alice: User, account: BillingAccount
) -> None:
    build.bill(account, 2600)
    answer = confirmed(desk, account)
    receipt = Receipt.objects.get()
    assert answer["Location"] == reverse("admin:billing_counter_receipt", args=[receipt.number])
    slip = Slip.objects.get()
    assert (slip.state, slip.channel, slip.actor, slip.on_behalf_of) == (
        SlipState.DONE, Channel.COUNTER, clerk, alice,
    )  # fmt: skip
    page = text(desk.get(answer["Location"]))
    for shown in (receipt.number, "K0001", "¥26.00", account.number, "现金", "data-print"):
        assert shown in page


def test_a_double_click_books_once(desk: Client, account: BillingAccount) -> None:
    form = hidden(text(quoted(desk, account))) | {"_step": "submit", "_agreed": "yes"}
    assert desk.post(DESK, form)["Location"] == desk.post(DESK, form)["Location"]
    assert (Receipt.objects.count(), Slip.objects.count()) == (1, 1)


def test_the_same_paper_entered_again_says_so(desk: Client, account: BillingAccount) -> None:
    first = confirmed(desk, account)["Location"]
    assert "这张单据已经入账" in text(quoted(desk, account))
    assert confirmed(desk, account)["Location"] == first
    assert "没有重复入账" in text(desk.get(first))
    assert Receipt.objects.count() == 1


def test_the_same_paper_with_another_amount_is_refused_on_the_page(
    desk: Client, account: BillingAccount
) -> None:
    confirmed(desk, account)
    assert "已用于另一笔收款" in text(quoted(desk, account, amount="27"), 409)
    assert Receipt.objects.count() == 1


def test_going_back_keeps_what_was_filled_in(desk: Client, account: BillingAccount) -> None:
    shown = hidden(text(quoted(desk, account, amount="12.34")))
    page = text(desk.post(DESK, shown | {"_step": "edit"}))
    assert 'value="12.34"' in page
    assert 'value="K0001"' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [("amount", "1,000"), ("amount", "0"), ("paper_no", "x"), ("method", "GOLD"), ("bill", "X")],
)
def test_what_does_not_fit_is_refused_beside_its_field(
    desk: Client, account: BillingAccount, field: str, value: str
) -> None:
    text(quoted(desk, account, **{field: value}), 422)
    assert not Receipt.objects.exists()


def test_a_bill_of_another_account_cannot_be_named(desk: Client, account: BillingAccount) -> None:
    text(quoted(desk, account, bill=build.bill(build.account()).number), 422)


@pytest.mark.parametrize("permissions", [(), ("billing.take_counter_money",), ("operations.add_slip",)])
def test_without_the_permissions_nothing_opens(account: BillingAccount, permissions: tuple[str, ...]) -> None:
    client = Client()
    client.force_login(staff_with(*permissions, username="other"))
    receipt = reverse("admin:billing_counter_receipt", args=["R1"])
    for address in (DESK, TILL, LINK, receipt):
        assert client.get(address).status_code == 403
        assert client.post(address, {"account": account.number, "_step": "submit"}).status_code in (403, 405)
    assert not Slip.objects.exists()


def test_customers_and_strangers_are_sent_away(alice: User, account: BillingAccount) -> None:
    for client in (Client(), Client()):
        for address in (DESK, TILL, LINK):
            assert client.get(address).status_code == 302
        client.force_login(alice)
        assert client.get(DESK).status_code in (302, 403)
    assert not AuditRow.objects.exists()


def test_the_operation_exists_at_the_counter_alone(
    clerk: User, desk: Client, account: BillingAccount
) -> None:
    assert desk.get("/operations/counter.receive/").status_code == 403
    raw = {"account": account.number, "amount": "26", "method": "CASH", "paper_no": "K0001", "_step": "quote"}
    assert desk.post("/operations/counter.receive/", raw).status_code == 403
    assert "counter.receive" not in text(desk.get("/operations/"))
