"""What customers read over the interface: their own, and nothing of anybody else's."""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import Membership, User
from core import clock
from notices.models import Channel
from notices.services import messages
from tests.api.build import Api, error_of, token_of
from tests.billing import build
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


class House:
    """Alice's account with an open bill, a receipt and a payment; Bob has nothing."""

    def __init__(self) -> None:
        self.alice, self.bob = build.user(), build.user()
        self.account = build.account(self.alice)
        self.bill = build.bill(self.account, 2600)
        self.paid = build.payment(self.account, 1000)
        build.apply(self.paid, build.report(self.paid))
        self.receipt = self.paid.receipts.get()
        self.bill.refresh_from_db()


@pytest.fixture
def house() -> House:
    return House()


def api_of(user: User) -> Api:
    return Api(token_of(user))


def results(user: User, address: str) -> Any:
    answer = api_of(user).get(address)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def test_accounts_say_what_is_owed(house: House) -> None:
    [row] = results(house.alice, "/api/accounts/")
    assert (row["number"], row["role"], row["owed_cents"], row["credit_cents"]) == (
        house.account.number, "OWNER", 1600, 0,
    )  # fmt: skip
    assert (row["open_bills"], row["earliest_due_on"]) == (1, house.bill.due_on.isoformat())


def test_bills_with_lines_and_what_paid_them(house: House) -> None:
    [row] = results(house.alice, "/api/bills/?open=true")
    assert (row["number"], row["total_cents"], row["open_cents"]) == (house.bill.number, 2600, 1600)
    whole = api_of(house.alice).get(f"/api/bills/{house.bill.number}/").json()
    assert whole["lines"] == [{"code": "BASIC", "text": "基本收视维护费", "amount_cents": 2600}]
    assert [(each["receipt"], each["amount_cents"]) for each in whole["allocations"]] == [
        (house.receipt.number, 1000)
    ]


def test_receipts_and_payments(house: House) -> None:
    [row] = results(house.alice, "/api/receipts/")
    assert (row["number"], row["amount_cents"]) == (house.receipt.number, 1000)
    whole = api_of(house.alice).get(f"/api/receipts/{house.receipt.number}/").json()
    assert [each["bill"] for each in whole["allocations"]] == [house.bill.number]
    [row] = results(house.alice, "/api/payments/")
    assert (row["reference"], row["state"], row["amount_cents"]) == (house.paid.reference, "SUCCEEDED", 1000)
    assert api_of(house.alice).get(f"/api/payments/{house.paid.reference}/").json() == row


def test_messages_are_told_with_masked_addresses(house: House) -> None:
    messages.send(
        code="account_bound",
        recipient_ref=f"account:{house.account.number}",
        addresses=[messages.Address(Channel.SMS, "+8613900000042")],
        context={"account_tail": "0001", "phone": "139****0001"},
        dedupe_key="a-message",
        as_of=NOON,
    )
    row = next(row for row in results(house.alice, "/api/messages/") if row["code"] == "account_bound")
    [told] = row["deliveries"]
    assert (told["address"], told["state"]) == ("139****0042", "QUEUED")
    assert "0001" in told["body"]
    assert not [row for row in results(house.bob, "/api/messages/") if row["code"] == "account_bound"]


def test_bob_gets_404_and_empty_lists(house: House) -> None:
    bobs = api_of(house.bob)
    for address in (
        f"/api/bills/{house.bill.number}/",
        f"/api/receipts/{house.receipt.number}/",
        f"/api/payments/{house.paid.reference}/",
        f"/api/bills/?account={house.account.number}",
        f"/api/receipts/?account={house.account.number}",
        f"/api/payments/?account={house.account.number}",
    ):
        assert error_of(bobs.get(address)) == (404, "NOT_FOUND"), address
    for address in ("/api/accounts/", "/api/bills/", "/api/receipts/", "/api/payments/"):
        assert bobs.get(address).json()["results"] == []


def test_members_are_not_told_what_a_stranger_is_about_to_pay(house: House) -> None:
    pending = build.payment(house.account, 500)
    type(pending).objects.filter(pk=pending.pk).update(payer=house.bob)
    assert [row["reference"] for row in results(house.alice, "/api/payments/")] == [house.paid.reference]
    assert [row["reference"] for row in results(house.bob, "/api/payments/")] == [pending.reference]


def test_a_stranger_who_paid_sees_his_receipt_and_not_what_it_settled(house: House) -> None:
    type(house.paid).objects.filter(pk=house.paid.pk).update(payer=house.bob)
    whole = api_of(house.bob).get(f"/api/receipts/{house.receipt.number}/").json()
    assert (whole["amount_cents"], whole["allocations"]) == (1000, [])
    assert error_of(api_of(house.bob).get(f"/api/bills/{house.bill.number}/")) == (404, "NOT_FOUND")


def test_a_membership_that_ended_closes_everything(house: House) -> None:
    api = api_of(house.alice)
    Membership.objects.all().delete()
    assert error_of(api.get(f"/api/bills/{house.bill.number}/")) == (404, "NOT_FOUND")
    assert api.get("/api/accounts/").json()["results"] == []


@pytest.mark.parametrize("query", ["cursor=no", "page_size=0", "page_size=x", "page_size=101", "open=maybe"])
def test_odd_queries_are_refused(house: House, query: str) -> None:
    assert api_of(house.alice).get(f"/api/bills/?{query}").status_code in (400, 404)


def test_pages_follow_each_other_without_gap_or_repeat(house: House) -> None:
    for _ in range(24):
        build.bill(house.account)
    api, address, seen = api_of(house.alice), "/api/bills/?page_size=10", []
    while address:
        page = api.get(address).json()
        seen += [row["number"] for row in page["results"]]
        address = page["next"]
    assert (len(seen), len(set(seen))) == (25, 25)
