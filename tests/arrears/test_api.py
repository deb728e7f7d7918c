"""The same over the interface: how the reader's accounts stand, and nobody else's."""

from typing import Any

import pytest
from django.core.cache import cache

from accounts.models import BillingAccount, Membership, User
from core import clock
from tests.api.build import Api, error_of, token_of
from tests.arrears import build
from tests.arrears.build import after, noon
from tests.billing import build as money
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_limits() -> None:
    cache.clear()


@pytest.fixture
def account() -> BillingAccount:
    made = build.account()
    build.line(made)
    build.bill(made)
    return made


@pytest.fixture
def alice(account: BillingAccount) -> User:
    user = money.user()
    Membership.objects.create(user=user, account=account, role=Membership.Role.OWNER, created_at=NOON)
    return user


def ask(user: User, address: str, day: int, *scopes: str) -> Any:
    api = Api(token_of(user, *scopes))  # of the real today: knox asks no other clock whether it is over
    with clock.stopped(noon(after(day))):
        return api.get(address)


def test_off_it_says_since_when_until_when_and_why(alice: User, account: BillingAccount) -> None:
    build.days(account, after(-4), after(40))
    answer = ask(alice, "/api/arrears/", 40)
    assert answer.status_code == 200, answer.content
    [row] = answer.json()["results"]
    assert (row["account"], row["stage"], row["owed_cents"]) == (account.number, "SUSPENDED", 2600)
    assert (row["due_on"], row["suspended_on"], row["since"]) == ("2026-03-04", "2026-04-04", "2026-04-04")
    assert row["ahead"] == [
        {"stage": "DISCONNECT_WARNED", "on": "2026-05-24"},
        {"stage": "DISCONNECTED", "on": "2026-06-04"},
    ]
    assert (row["waits"], row["holds"], row["kept"]) == (["DAY"], [], [])
    assert "2026年6月4日 以前不会拆机" in row["text"]


def test_the_whole_has_bills_and_who_was_told(alice: User, account: BillingAccount) -> None:
    build.days(account, after(-4), after(31))
    whole = ask(alice, f"/api/arrears/{account.number}/", 31).json()
    assert whole["outlook"]["stage"] == "SUSPENDED"
    [bill] = whole["bills"]
    assert (bill["open_cents"], bill["due_on"], bill["is_disputed"]) == (2600, "2026-03-04", False)
    stages = [each["stage"] for each in whole["events"] if each["stage"]]
    assert stages == ["SUSPENDED", "SUSPEND_WARNED", "OVERDUE", "REMINDED"]
    [ahead] = [each for each in whole["events"] if each["notice"] == "suspension_ahead"]
    assert {each["channel"] for each in ahead["deliveries"]} == {"SMS", "INBOX"}
    assert all(each["state"] == "DELIVERED" for each in ahead["deliveries"] if each["channel"] == "SMS")
    assert all("****" in each["address"] for each in ahead["deliveries"] if each["channel"] == "SMS")
    [case] = whole["cases"]
    assert (case["closed_at"], case["highest_stage"]) == (None, "SUSPENDED")


def test_a_payment_that_is_being_checked_holds(alice: User, account: BillingAccount) -> None:
    build.days(account, after(-4), after(2))
    money.payment(account, 2600, as_of=noon(after(2)))
    row = ask(alice, f"/api/arrears/{account.number}/", 2).json()["outlook"]
    assert [each["hold"] for each in row["holds"]] == ["IN_FLIGHT"]
    assert "请不要重复付款" in row["text"]


def test_who_owes_nothing_is_listed_with_nothing(alice: User, account: BillingAccount) -> None:
    build.pay(account, 2600, after(-10))
    [row] = ask(alice, "/api/arrears/", 0).json()["results"]
    assert (row["stage"], row["owed_cents"], row["due_on"], row["ahead"], row["text"]) == (
        "NONE",
        0,
        None,
        [],
        "",
    )


def test_bob_gets_404_and_an_empty_list(alice: User, account: BillingAccount) -> None:
    bob = money.user()
    build.days(account, after(-4), after(2))
    assert error_of(ask(bob, f"/api/arrears/{account.number}/", 2)) == (404, "NOT_FOUND")
    assert ask(bob, "/api/arrears/", 2).json()["results"] == []
    assert Api().get("/api/arrears/").status_code == 401


def test_it_needs_the_right_to_read(alice: User, account: BillingAccount) -> None:
    assert error_of(ask(alice, "/api/arrears/", 0, "pay")) == (403, "INSUFFICIENT_SCOPE")
