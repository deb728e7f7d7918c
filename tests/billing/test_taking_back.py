"""Money that staff take back or move: who may do so alone, who is told, and what then pays the bills it had settled."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from accounts.models import BillingAccount, User
from billing import approvals as kinds
from billing.models import Adjustment, Allocation, Bill, CounterMoney, CounterReversal, Receipt
from billing.selectors import counter as reads
from billing.services import counter
from billing.services.money import credits, receipts, reviews
from core import approvals, clock, outbox
from core.actor import Actor
from core.models import Approval
from notices.models import Delivery
from tests.admin.build import staff_with
from tests.billing import build
from tests.billing.test_suspense_staff import in_suspense, overspent, transfer
from tests.billing.till import make_clerk, taken
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
TOMORROW = NOON + timedelta(days=1)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def clerk() -> User:
    return make_clerk()


@pytest.fixture
def chief() -> User:
    return staff_with(counter.PERMISSION, counter.APPROVE_REVERSAL, username="chief")


@pytest.fixture
def alice() -> User:
    return build.user()


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return build.account(alice)


def take_back(piece: CounterMoney, by: Actor, *, at: datetime = NOON) -> approvals.Outcome:
    return approvals.submit(
        kind=counter.REVERSAL,
        subject=("billing.CounterMoney", piece.pk),
        amount_cents=piece.receipt.amount_cents,
        data={},
        reason="户号录错",
        actor=by,
        as_of=at,
    )


# Who may do so alone


def test_his_own_of_the_same_day_and_whose_office_it_is_at_once(
    clerk: User, chief: User, account: BillingAccount
) -> None:
    evening = NOON.replace(hour=15, minute=59)  # 23:59 in Shanghai
    assert take_back(taken(clerk, account), Actor.user(clerk), at=evening).approval is None
    for at, paper in ((NOON, "K0002"), (TOMORROW, "K0003")):
        assert take_back(taken(clerk, account, paper=paper), Actor.user(chief), at=at).approval is None
    assert CounterReversal.objects.count() == 3
    assert build.books_are_right()


def test_his_own_of_yesterday_waits_for_a_second_person(
    clerk: User, chief: User, account: BillingAccount
) -> None:
    midnight = NOON.replace(hour=16)
    asked = take_back(taken(clerk, account), Actor.user(clerk), at=midnight).approval
    assert asked is not None
    assert not CounterReversal.objects.exists()
    approvals.decide(
        approval_id=asked.pk, approve=True, actor=Actor.user(chief), reason="同意", as_of=midnight
    )
    assert CounterReversal.objects.get().actor == f"user:{clerk.pk}"
    assert build.balance(account) == 0


def test_a_colleagues_waits_for_whose_office_it_is(clerk: User, account: BillingAccount) -> None:
    outcome = take_back(taken(clerk, account), Actor.user(make_clerk("colleague")))
    assert outcome.approval is not None
    assert "不能独自办理" in outcome.text
    assert not CounterReversal.objects.exists()
    assert build.balance(account) == 2600


def test_who_may_approve_takes_back_his_own_of_yesterday_no_more_than_others(
    chief: User, account: BillingAccount
) -> None:
    piece = taken(chief, account)
    assert take_back(piece, Actor.user(chief), at=TOMORROW).approval is not None
    assert not CounterReversal.objects.exists()


def test_code_may(clerk: User, account: BillingAccount) -> None:
    assert take_back(taken(clerk, account), Actor.command("undo"), at=TOMORROW).approval is None


def test_what_one_clerk_takes_back_in_a_day_counts_together(
    clerk: User, account: BillingAccount, settings: Any
) -> None:
    settings.APPROVAL_DAY_LIMITS = settings.APPROVAL_DAY_LIMITS | {counter.REVERSAL: 5_000}
    pieces = [taken(clerk, account, paper=f"K000{n}") for n in range(2)]
    assert take_back(pieces[0], Actor.user(clerk)).approval is None
    asked = take_back(pieces[1], Actor.user(clerk)).approval
    assert asked is not None
    assert CounterReversal.objects.count() == 1


def test_small_adjustments_of_many_bills_are_a_large_one(settings: Any) -> None:
    by = Actor.user(staff_with(kinds.ASK_BILL))
    outcomes = [
        approvals.submit(
            kind=kinds.ADJUSTMENT,
            subject=("billing.Bill", build.bill(build.account(), 10_000).pk),
            amount_cents=10_000,
            data={},
            reason="客户申诉",
            actor=by,
            as_of=NOON,
        )
        for _n in range(11)
    ]
    assert [outcome.approval is None for outcome in outcomes] == [True] * 10 + [False]
    assert Adjustment.objects.count() == 10
    assert Approval.objects.get().amount_cents == 10_000


# Who is told


def told() -> list[tuple[str, str]]:
    """(phone, text) of what was sent."""
    while outbox.dispatch(as_of=NOON + timedelta(days=200)):
        pass  # one at a time of each receipt
    return sorted(Delivery.objects.values_list("address", "body"))


def test_the_customer_is_told_that_his_money_was_taken_back(
    clerk: User, alice: User, account: BillingAccount
) -> None:
    piece = taken(clerk, account)
    [receipt_text] = told()
    take_back(piece, Actor.user(clerk))
    [(phone, body)] = [each for each in told() if each != receipt_text]
    assert phone == alice.phone
    assert all(word in body for word in ("已冲正", "¥26.00", piece.receipt.number, account.number[-4:]))
    assert len(told()) == 2


def test_both_sides_are_told_of_money_that_was_moved_and_neither_of_the_other() -> None:
    one, other = build.user(), build.user()
    first, second = build.account(one), build.account(other)
    receipt = in_suspense()
    transfer(receipt, first.number)
    [(phone, body)] = told()  # the suspense account has nobody to tell
    assert (phone, "已转入" in body) == (one.phone, True)
    transfer(receipt, second.number)
    away = dict(told())
    bodies = list(
        Delivery.objects.filter(address=str(one.phone)).order_by("pk").values_list("body", flat=True)
    )
    assert ["已转入" in bodies[0], "已转出" in bodies[1]] == [True, True]
    assert "已转入" in away[str(other.phone)]
    assert second.number[-4:] not in bodies[1]
    assert first.number[-4:] not in away[str(other.phone)]


def test_it_is_said_again_when_it_is_moved_again() -> None:
    user = build.user()
    account, elsewhere = build.account(user), build.account()
    receipt = in_suspense()
    for number in (account.number, elsewhere.number, account.number):
        transfer(receipt, number)
    assert len(told()) == 3


def test_nobody_is_told_of_what_was_refused(clerk: User, account: BillingAccount) -> None:
    piece = taken(clerk, account)
    take_back(piece, Actor.user(clerk))
    before = told()
    with pytest.raises(counter.AlreadyReversed):
        take_back(piece, Actor.user(clerk))
    assert told() == before


# What pays the bills then


def money(account: BillingAccount, cents: int, *, paid_at: datetime = NOON, trade_no: str = "C1") -> Receipt:
    receipts.book(
        account_id=account.pk,
        gateway="alipay",
        trade_no=trade_no,
        amount_cents=cents,
        paid_at=paid_at,
        as_of=NOON,
    )
    return Receipt.objects.get(trade_no=trade_no)


@pytest.mark.parametrize(("is_automatic", "open_cents"), [(True, 600), (False, 2600)])
def test_other_credit_pays_what_reversed_money_had_settled(
    clerk: User, account: BillingAccount, is_automatic: bool, open_cents: int
) -> None:
    bill = build.bill(account, 2600)
    piece = taken(clerk, account)
    credit = money(account, 2000)
    credits.set_automatic(account_id=account.pk, is_automatic=is_automatic, as_of=NOON)
    take_back(piece, Actor.user(clerk))
    bill.refresh_from_db()
    credit.refresh_from_db()
    assert (bill.open_cents, credit.free_cents) == (open_cents, open_cents - 600)
    assert build.balance(account) == -600
    assert build.books_are_right()


@pytest.mark.parametrize(("is_automatic", "open_cents"), [(True, 0), (False, 1000)])
def test_other_credit_pays_what_refunded_money_had_settled(is_automatic: bool, open_cents: int) -> None:
    account = build.account()
    bill = build.bill(account)
    receipt = overspent(account)
    credit = money(account, 1500)
    credits.set_automatic(account_id=account.pk, is_automatic=is_automatic, as_of=NOON)
    assert reviews.reopen_bills(receipt_id=receipt.pk, cents=1000, as_of=NOON) == 1
    bill.refresh_from_db()
    credit.refresh_from_db()
    receipt.refresh_from_db()
    assert (bill.open_cents, credit.free_cents, receipt.unallocated_cents) == (
        open_cents,
        500 + open_cents,
        0,
    )
    assert build.books_are_right()


def test_credit_that_had_come_in_time_pays_without_a_penalty(clerk: User, account: BillingAccount) -> None:
    """The bill was taken for paid when the customer paid it himself: our mistake must not make him late."""
    bill = build.bill(account, 10_000, issued_on=date(2026, 9, 1))  # due on 10-01
    early = datetime(2026, 9, 20, 12, tzinfo=clock.SHANGHAI)
    piece = taken(clerk, account, 10_000, as_of=early)
    money(account, 10_000, paid_at=early + timedelta(days=1))
    take_back(piece, Actor.user(clerk), at=early)
    bill.refresh_from_db()
    assert bill.open_cents == 0
    assert not bill.penalty_bills.exists()
    assert reads.due_cents(account, as_of=NOON) == 0
    assert build.books_are_right()


def test_credit_that_came_too_late_pays_the_penalty_too(clerk: User, account: BillingAccount) -> None:
    bill = build.bill(account, 10_000, issued_on=date(2026, 9, 1))  # due on 10-01
    piece = taken(clerk, account, 10_000, as_of=datetime(2026, 9, 20, 12, tzinfo=clock.SHANGHAI))
    money(account, 11_000, paid_at=datetime(2026, 10, 11, 12, tzinfo=clock.SHANGHAI))
    take_back(piece, Actor.command("undo"), at=NOON)
    assert list(bill.penalty_bills.values_list("total_cents", "paid_cents")) == [(300, 300)]
    last = Allocation.objects.filter(bill=bill).order_by("pk").last()
    assert last is not None
    assert last.effective_on == date(2026, 10, 11)
    assert build.balance(account) == 700
    assert build.books_are_right()


def test_several_bills_are_paid_the_oldest_first(clerk: User, account: BillingAccount) -> None:
    bills = [build.bill(account, 1000, issued_on=date(2026, 11, day)) for day in (9, 1, 5)]
    piece = taken(clerk, account, 3000)
    money(account, 1500)
    take_back(piece, Actor.user(clerk))
    left = [Bill.objects.get(pk=bill.pk).open_cents for bill in bills]
    assert left == [1000, 0, 500]
    assert build.books_are_right()
