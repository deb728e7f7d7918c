"""Money at the counter: taken once for each paper, and paid back when it was entered wrongly."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import BillingAccount, User
from billing.models import (
    CounterMethod,
    CounterMoney,
    CounterReversal,
    Receipt,
    Refund,
)
from billing.selectors import counter as reads
from billing.services import counter
from core import approvals, clock, outbox
from core.actor import Actor
from core.errors import Forbidden
from core.models import Approval, AuditRow
from notices.models import Delivery
from tests.admin.build import staff_with
from tests.billing import build
from tests.billing.till import deposit, make_clerk, receive, reverse_it, taken
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


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


# Taking


def test_cash_is_a_receipt_settles_bills_and_is_in_the_takers_till(
    clerk: User, account: BillingAccount
) -> None:
    bill = build.bill(account, 2600)
    piece = taken(clerk, account, 3000)
    bill.refresh_from_db()
    assert (piece.receipt.gateway, piece.receipt.trade_no, piece.receipt.payment_id) == (
        "cash",
        "K0001",
        None,
    )
    assert (bill.open_cents, piece.receipt.unallocated_cents, build.balance(account)) == (0, 400, 400)
    assert [(till.user_id, till.cents, till.receipts) for till in reads.tills()] == [(clerk.pk, 3000, 1)]
    assert build.books_are_right()


def test_the_named_bill_is_paid_first(clerk: User, account: BillingAccount) -> None:
    older = build.bill(account, 2600, issued_on=date(2026, 10, 1))
    named = build.bill(account, 1000)
    receive(clerk, account, 1000, bill_id=named.pk)
    older.refresh_from_db()
    named.refresh_from_db()
    assert (older.open_cents, named.open_cents) == (2600, 0)


def test_the_same_paper_again_changes_nothing(clerk: User, account: BillingAccount) -> None:
    first = receive(clerk, account)
    again = receive(make_clerk("another"), account, paper=" ｋ0001 ")
    assert (again.receipt_number, again.is_new) == (first.receipt_number, False)
    assert Receipt.objects.count() == CounterMoney.objects.count() == 1
    assert CounterMoney.objects.get().taken_by == clerk


@pytest.mark.parametrize("change", ["amount", "account"])
def test_the_same_paper_with_other_data_is_refused(clerk: User, account: BillingAccount, change: str) -> None:
    receive(clerk, account)
    other = build.account() if change == "account" else account
    with pytest.raises(counter.PaperNumberTaken) as refused:
        receive(clerk, other, 2700 if change == "amount" else 2600)
    assert refused.value.params["receipt"] == Receipt.objects.get().number
    assert Receipt.objects.count() == CounterMoney.objects.count() == 1


def test_a_paper_whose_money_was_paid_back_is_not_entered_already(
    clerk: User, account: BillingAccount
) -> None:
    reverse_it(taken(clerk, account), clerk)
    with pytest.raises(counter.PaperNumberTaken):
        receive(clerk, account)
    assert (build.balance(account), Receipt.objects.count()) == (0, 1)


def test_papers_of_cash_and_pos_are_counted_apart(clerk: User, account: BillingAccount) -> None:
    receive(clerk, account)
    receive(clerk, account, method=CounterMethod.POS)
    assert set(Receipt.objects.values_list("gateway", "trade_no")) == {("cash", "K0001"), ("pos", "K0001")}
    assert [till.cents for till in reads.tills()] == [2600]


@pytest.mark.parametrize("paper", ["", "K1", "收据一", "K" * 41, "K 1;--", "../x"])
def test_odd_paper_numbers_are_refused(clerk: User, account: BillingAccount, paper: str) -> None:
    with pytest.raises(counter.BadPaperNumber):
        receive(clerk, account, paper=paper)
    assert not Receipt.objects.exists()


@pytest.mark.parametrize("cents", [0, -1, counter.MAX_CENTS + 1])
def test_odd_amounts_are_refused(clerk: User, account: BillingAccount, cents: int) -> None:
    with pytest.raises(counter.CounterAmountOutOfRange):
        receive(clerk, account, cents)
    assert not Receipt.objects.exists()


def test_the_customer_gets_the_receipt_by_sms_once(clerk: User, alice: User, account: BillingAccount) -> None:
    number = receive(clerk, account).receipt_number
    receive(clerk, account)
    outbox.dispatch(as_of=NOON)
    message = Delivery.objects.get()
    assert (message.address, number in message.body) == (alice.phone, True)


# Wrong entries


def approver(settings: Settings, limit: int) -> User:
    settings.APPROVAL_LIMITS = settings.APPROVAL_LIMITS | {counter.REVERSAL: limit}
    return staff_with("billing.approve_counter_reversal", username="second")


def test_a_wrong_entry_is_paid_back_and_the_bills_are_owed_again(
    clerk: User, account: BillingAccount
) -> None:
    bill = build.bill(account, 2600)
    piece = taken(clerk, account, 3000)
    outcome = reverse_it(piece, clerk)
    bill.refresh_from_db()
    piece.receipt.refresh_from_db()
    assert outcome.approval is None
    assert (bill.open_cents, piece.receipt.unallocated_cents, build.balance(account)) == (2600, 0, -2600)
    refund = Refund.objects.get()
    assert (refund.amount_cents, refund.request_no) == (3000, f"cash-{piece.receipt.number}")
    assert CounterReversal.objects.get().reason == "户号录错"
    assert reads.tills() == []
    assert AuditRow.objects.get(action=counter.REVERSAL).reason == "户号录错"
    assert build.books_are_right()


def test_a_late_bill_costs_penalty_again_as_if_it_had_never_been_paid(
    clerk: User, account: BillingAccount
) -> None:
    build.bill(account, 10_000, issued_on=date(2026, 9, 1))
    before = reads.due_cents(account, as_of=NOON)
    assert before > 10_000
    piece = taken(clerk, account, before)
    assert reads.due_cents(account, as_of=NOON) == 0
    reverse_it(piece, clerk)
    assert reads.due_cents(account, as_of=NOON) == before
    later = NOON + timedelta(days=10)
    assert reads.due_cents(account, as_of=later) == before + 10_000 * 3 * 10 // 1000
    assert build.books_are_right()


def test_above_the_limit_a_second_person_agrees(
    clerk: User, account: BillingAccount, settings: Settings
) -> None:
    second = approver(settings, 2000)
    piece = taken(clerk, account)
    asked = reverse_it(piece, clerk).approval
    assert asked is not None
    assert not Refund.objects.exists()
    for who in (clerk, make_clerk("third")):
        with pytest.raises(Forbidden):
            _decide(asked, who)
    _decide(asked, second)
    assert CounterReversal.objects.get().actor == f"user:{clerk.pk}"
    assert build.balance(account) == 0
    assert build.books_are_right()


def _decide(asked: Approval, who: User) -> None:
    approvals.decide(approval_id=asked.pk, approve=True, actor=Actor.user(who), reason="同意", as_of=NOON)


def test_a_wrong_entry_is_paid_back_once(clerk: User, account: BillingAccount) -> None:
    piece = taken(clerk, account)
    reverse_it(piece, clerk)
    with pytest.raises(counter.AlreadyReversed):
        reverse_it(piece, clerk)
    assert Refund.objects.count() == 1


def test_cash_at_the_bank_is_not_paid_back_from_the_till(clerk: User, account: BillingAccount) -> None:
    piece = taken(clerk, account)
    deposit(clerk, piece)
    with pytest.raises(counter.AlreadyDeposited):
        reverse_it(piece, clerk)
    assert not Refund.objects.exists()


def test_the_button_asks_for_a_reason_and_reverses(
    desk: Client, clerk: User, account: BillingAccount
) -> None:
    piece = taken(clerk, account)
    desk.force_login(
        staff_with(
            "billing.take_counter_money",
            "billing.approve_counter_reversal",
            "billing.view_countermoney",
            "billing.change_countermoney",
            username="b",
        )
    )
    page = f"{reverse('admin:billing_countermoney_act', args=['reverse'])}?ids={piece.pk}"
    assert page in text(desk.get(reverse("admin:billing_countermoney_change", args=[piece.pk]))).replace(
        "&amp;", "&"
    )
    desk.post(page, {"reason": "x"})
    assert not CounterReversal.objects.exists()
    desk.post(page, {"reason": "金额录错"})
    assert CounterReversal.objects.get().reason == "金额录错"
