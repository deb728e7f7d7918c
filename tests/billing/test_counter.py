"""Money at the counter: taken once for each paper, paid back when it was wrong, taken to the bank exactly."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import BillingAccount, User
from billing.models import (
    CashDeposit,
    CashDepositLine,
    CounterMethod,
    CounterMoney,
    CounterReversal,
    Receipt,
    Refund,
)
from billing.selectors import counter as reads
from billing.services import counter
from core import approvals, clock, metrics, outbox
from core.actor import Actor
from core.db import violated
from core.errors import Forbidden
from core.models import Approval, AuditRow
from notices.models import Delivery
from operations.models import Channel, Slip, SlipState
from tests.admin.build import staff_with
from tests.billing import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
DESK, TILL, LINK = (reverse(f"admin:billing_counter_{name}") for name in ("desk", "till", "link"))


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    cache.clear()
    with clock.stopped(NOON):
        yield


def make_clerk(username: str = "clerk") -> User:
    return staff_with("billing.take_counter_money", "operations.add_slip", username=username)


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


def receive(
    clerk: User, account: BillingAccount, cents: int = 2600, paper: str = "K0001", **more: Any
) -> Any:
    given: dict[str, Any] = {
        "account_id": account.pk,
        "method": CounterMethod.CASH,
        "paper_no": paper,
        "amount_cents": cents,
        "taken_by_id": clerk.pk,
        "as_of": NOON,
        "actor": Actor.user(clerk),
    }
    return counter.receive(**(given | more))


def taken(
    clerk: User, account: BillingAccount, cents: int = 2600, paper: str = "K0001", **more: Any
) -> CounterMoney:
    receive(clerk, account, cents, paper, **more)
    return CounterMoney.objects.get(receipt__trade_no=paper)


def reverse_it(piece: CounterMoney, clerk: User) -> approvals.Outcome:
    return approvals.submit(
        kind=counter.REVERSAL,
        subject=("billing.CounterMoney", piece.pk),
        amount_cents=piece.receipt.amount_cents,
        data={},
        reason="户号录错",
        actor=Actor.user(clerk),
        as_of=NOON,
    )


def deposit(
    clerk: User, *pieces: CounterMoney, cents: int | None = None, slip: str = "BANK-1"
) -> CashDeposit:
    return counter.deposit(
        money_ids=[piece.pk for piece in pieces],
        amount_cents=sum(piece.receipt.amount_cents for piece in pieces) if cents is None else cents,
        bank_slip_no=slip,
        deposited_on=build.TODAY,
        deposited_by_id=clerk.pk,
        actor=Actor.user(clerk),
        as_of=NOON,
    )


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


# The page


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


# To the bank


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
