"""Counter cash on its way to the bank: exactly what was in the till, once."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, User
from billing.models import (
    CashDeposit,
    CashDepositLine,
    CounterMethod,
    CounterMoney,
    CounterReversal,
    Refund,
)
from billing.selectors import counter as reads
from billing.services import counter
from core import clock, metrics
from core.db import violated
from core.models import AuditRow
from tests.admin.build import staff_with
from tests.billing import build
from tests.billing.till import deposit, make_clerk, reverse_it, taken
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


def test_a_deposit_empties_the_till_of_exactly_the_chosen_cash(clerk: User, account: BillingAccount) -> None:
    first, second, left = (taken(clerk, account, cents, f"K{cents}") for cents in (1000, 2000, 4000))
    made = deposit(clerk, first, second)
    assert (made.amount_cents, made.lines.count()) == (3000, 2)
    assert list(reads.in_till(clerk.pk)) == [left]
    assert AuditRow.objects.get().action == "billing.counter.deposit"


def refused(clerk: User, error: type[Exception], *pieces: CounterMoney, **more: Any) -> None:
    before = CashDeposit.objects.count()
    with pytest.raises(error), transaction.atomic():
        deposit(clerk, *pieces, **more)
    assert CashDeposit.objects.count() == before


def test_what_is_not_in_the_till_cannot_be_deposited(clerk: User, account: BillingAccount) -> None:
    mine = taken(clerk, account)
    theirs = taken(make_clerk("another"), account, paper="K002")
    pos = taken(clerk, account, paper="K003", method=CounterMethod.POS)
    wrong = taken(clerk, account, paper="K004")
    reverse_it(wrong, clerk)
    for piece in (theirs, pos, wrong):
        refused(clerk, counter.NotInYourTill, mine, piece)
    refused(clerk, counter.NotInYourTill, cents=2600)
    refused(clerk, counter.DepositDiffers, mine, cents=2500)
    deposit(clerk, mine)
    refused(clerk, counter.NotInYourTill, mine, slip="BANK-2")


def test_a_bank_slip_counts_once(clerk: User, account: BillingAccount) -> None:
    first, second = taken(clerk, account), taken(clerk, account, paper="K002")
    deposit(clerk, first)
    refused(clerk, counter.BankSlipTaken, second, slip="bank-1")


def naive_deposit(clerk: User, cents: int, *pieces: CounterMoney) -> None:
    made = CashDeposit.objects.create(
        number=f"CD{cents}", bank_slip_no=f"B{cents}", amount_cents=cents, deposited_by=clerk,
        deposited_on=build.TODAY, created_at=NOON,
    )  # fmt: skip
    CashDepositLine.objects.bulk_create(CashDepositLine(deposit=made, money=piece) for piece in pieces)


def broken_law(write: Any) -> str:
    """The law that the transaction breaks at its end."""

    def written() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            write()
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError) as error:
        written()
    return violated(error.value)


def test_the_database_keeps_deposits_exact(clerk: User, account: BillingAccount) -> None:
    mine, theirs = taken(clerk, account), taken(make_clerk("another"), account, paper="K002")
    pos = taken(clerk, account, paper="K003", method=CounterMethod.POS)
    wrong = taken(clerk, account, paper="K004")
    reverse_it(wrong, clerk)
    laws = {"cash_deposit_exact", "deposit_line_exact"}
    for cents, pieces in ((2600, []), (2500, [mine]), (2600, [theirs]), (2600, [pos]), (2600, [wrong])):
        assert broken_law(lambda c=cents, p=pieces: naive_deposit(clerk, c, *p)) in laws
    naive_deposit(clerk, 2600, mine)
    assert broken_law(lambda: naive_deposit(clerk, 2601, mine)) == "billing_cashdepositline_money_id_key"
    refund = Refund.objects.get()
    assert (
        broken_law(
            lambda: CounterReversal.objects.create(money=mine, refund=refund, reason="x", actor="x", at=NOON)
        )
        == "counter_reversal_from_the_till"
    )


def test_the_tills_page_deposits(desk: Client, clerk: User, account: BillingAccount) -> None:
    first, second = taken(clerk, account), taken(clerk, account, 1000, "K002")
    assert "¥36.00" in text(desk.get(TILL))
    raw = {
        "money": [first.pk, second.pk],
        "amount": "35",
        "bank_slip_no": "B-77",
        "deposited_on": "2026-11-18",
    }
    assert "不符" in text(desk.post(TILL, raw))
    assert not CashDeposit.objects.exists()
    assert "解款日不能晚于今天" in text(desk.post(TILL, raw | {"deposited_on": "2026-11-19"}))
    assert desk.post(TILL, raw | {"amount": "36"})["Location"] == TILL
    assert CashDeposit.objects.get().bank_slip_no == "B-77"
    assert "没有未解款的现金" in text(desk.get(TILL))


def test_another_clerks_cash_is_neither_shown_nor_deposited(desk: Client, account: BillingAccount) -> None:
    theirs = taken(make_clerk("another"), account, paper="SECRET1")
    page = text(desk.get(TILL))
    assert "SECRET1" not in page
    assert "各收款人" not in page
    raw = {"money": [theirs.pk], "amount": "26", "bank_slip_no": "B-77", "deposited_on": "2026-11-18"}
    desk.post(TILL, raw)
    assert not CashDeposit.objects.exists()


def test_who_may_see_counter_money_sees_all_tills_and_their_age(account: BillingAccount) -> None:
    taken(make_clerk("another"), account, as_of=NOON - timedelta(days=3))
    client = Client()
    client.force_login(
        staff_with(
            "billing.take_counter_money", "operations.add_slip", "billing.view_countermoney", username="chief"
        )
    )
    page = text(client.get(TILL))
    assert "another" in page
    assert "超过一天" in page


def test_undeposited_cash_is_a_metric(clerk: User, account: BillingAccount) -> None:
    taken(clerk, account, as_of=NOON - timedelta(hours=2))
    lines = metrics.exposition().decode().splitlines()
    assert "hall_undeposited_cash_cents 2600.0" in lines
    assert "hall_undeposited_cash_oldest_seconds 7200.0" in lines
