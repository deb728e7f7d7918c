"""Late bills: what they cost, when that is billed, and what it never does."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as runs
from hypothesis import strategies as st

from billing.models import Adjustment, Bill, BillKind, LedgerEntry, Penalty, PenaltyWaiver, Receipt
from billing.selectors import balances
from billing.selectors import penalties as penalty_reads
from billing.services.bills import adjustments, penalties
from billing.services.money import allocations, credits, receipts
from core import clock
from tests.billing import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
DUE = date(2026, 3, 4)


def late_bill(cents: int = 2600, *, due_on: date = DUE) -> Bill:
    return build.bill(build.account(), cents, issued_on=due_on - timedelta(days=30))


def at(day: date) -> datetime:
    """Noon of the day in Shanghai."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=clock.SHANGHAI)


def pay(bill: Bill, cents: int, on: date, *, trade_no: str = "T1", heard_on: date | None = None) -> None:
    """Money that came on the day, and of which we heard then or later."""
    receipts.book(
        account_id=bill.account_id,
        gateway="cash",
        trade_no=trade_no,
        amount_cents=cents,
        paid_at=at(on),
        as_of=at(heard_on or on),
    )


def penalty_bills(of: Bill) -> list[tuple[int, int]]:
    return list(of.penalty_bills.order_by("id").values_list("total_cents", "paid_cents"))


def test_the_penalty_is_billed_and_paid_with_the_bill() -> None:
    bill = late_bill()
    pay(bill, 2912, date(2026, 4, 13))
    assert penalty_bills(bill) == [(312, 312)]
    [penalty] = Penalty.objects.filter(bill__penalty_of=bill)
    assert penalty.periods == [
        {"principal_cents": 2600, "first": "2026-03-05", "last": "2026-04-13", "days": 40, "rate_ppm": 3000}
    ]
    assert (penalty.computed_cents, penalty.cap_cents, penalty.waived_cents) == (312, 2600, 0)
    assert build.books_are_right()


def test_who_pays_only_the_fee_owes_the_penalty() -> None:
    bill = late_bill()
    pay(bill, 2600, date(2026, 4, 13))
    assert penalty_bills(bill) == [(312, 0)]
    overview = balances.of_account(bill.account, today=date(2026, 8, 1))
    assert (overview.owed_cents, overview.penalty_cents) == (312, 0)  # never on penalty


def test_a_part_payment_splits_the_period_and_bills_nothing_yet() -> None:
    bill = late_bill()
    pay(bill, 1600, date(2026, 3, 14))
    assert penalty_bills(bill) == []
    assert penalty_reads.accrued([bill.pk], on=date(2026, 3, 24))[bill.pk].cents == 108
    pay(bill, 1108, date(2026, 3, 24), trade_no="T2")
    assert penalty_bills(bill) == [(108, 108)]
    assert build.books_are_right()


def test_what_is_owed_today_pays_everything() -> None:
    account = build.account()
    for month in (1, 2, 3):
        build.bill(account, 2600, issued_on=date(2026, month, 1))
    today = date(2026, 6, 1)
    due = balances.of_account(account, today=today).due_cents
    receipts.book(
        account_id=account.pk,
        gateway="cash",
        trade_no="T",
        amount_cents=due,
        paid_at=at(today),
        as_of=at(today),
    )
    after = balances.of_account(account, today=today)
    assert (after.due_cents, after.credit_cents) == (0, 0)
    assert Bill.objects.filter(account=account, kind=BillKind.PENALTY, open_cents=0).count() == 3
    assert build.books_are_right()


def test_midnight_on_the_way_costs_nothing() -> None:
    """The customer set out to pay what he was told; the money came ten minutes into the next day."""
    bill = late_bill()
    started = datetime(2026, 4, 13, 23, 55, tzinfo=clock.SHANGHAI)
    due = balances.of_account(bill.account, today=date(2026, 4, 13)).due_cents
    payment = build.payment(bill.account, due, as_of=started)
    arrived = started + timedelta(minutes=15)
    build.apply(payment, build.report(payment, paid_at=arrived), as_of=arrived)
    after = balances.of_account(bill.account, today=date(2026, 4, 14))
    assert (due, after.due_cents, after.credit_cents) == (2912, 0, 0)


def test_a_bill_opened_again_is_billed_for_what_it_cost_since() -> None:
    bill = late_bill()
    pay(bill, 2912, date(2026, 4, 13))
    receipt = Receipt.objects.get(account=bill.account)
    reopened = allocations.reverse(
        receipt_id=receipt.pk, cents=2912, on=date(2026, 5, 1), as_of=at(date(2026, 5, 1))
    )
    assert len(reopened) == 2
    bill.refresh_from_db()
    assert bill.open_cents == 2600
    accrued = penalty_reads.accrued([bill.pk], on=date(2026, 5, 11))[bill.pk]
    assert (accrued.computed.cents, accrued.billed_cents, accrued.cents) == (390, 312, 78)
    assert build.books_are_right()
    pay(bill, 2600, date(2026, 5, 11), trade_no="T2")
    # The credit that came free is not used by itself; 26.00 pay the fee, the second penalty is open with the first.
    assert penalty_bills(bill) == [(312, 0), (78, 0)]
    assert build.books_are_right()


def test_no_penalty_on_what_was_never_owed() -> None:
    bill = late_bill()
    adjustments.adjust(
        bill_id=bill.pk, amount_cents=1600, reason="多计", actor=build.ACTOR, as_of=at(date(2026, 4, 1))
    )
    assert penalty_reads.accrued([bill.pk], on=date(2026, 4, 13))[bill.pk].cents == 120
    pay(bill, 1120, date(2026, 4, 13))
    bill.refresh_from_db()
    assert (bill.open_cents, bill.paid_cents, bill.adjusted_cents) == (0, 1000, 1600)
    assert penalty_bills(bill) == [(120, 120)]
    assert build.books_are_right()


@pytest.mark.parametrize("cents", [0, -1, 2601])
def test_more_than_is_open_is_not_adjusted(cents: int) -> None:
    bill = late_bill()
    with pytest.raises(adjustments.AboveOpen):
        adjustments.adjust(bill_id=bill.pk, amount_cents=cents, reason="x", actor=build.ACTOR, as_of=NOON)
    assert not Adjustment.objects.exists()
    assert not LedgerEntry.objects.filter(kind="ADJUSTMENT").exists()


def test_a_waived_penalty_is_not_billed() -> None:
    bill = late_bill()
    penalties.waive(
        bill_id=bill.pk, amount_cents=100, reason="系统故障", actor=build.ACTOR, as_of=at(date(2026, 4, 1))
    )
    pay(bill, 2812, date(2026, 4, 13))
    assert penalty_bills(bill) == [(212, 212)]
    assert Penalty.objects.get(bill__penalty_of=bill).waived_cents == 100
    assert build.books_are_right()


def test_a_penalty_waived_altogether_makes_no_bill() -> None:
    bill = late_bill()
    today = date(2026, 4, 13)
    penalties.waive(bill_id=bill.pk, amount_cents=312, reason="系统故障", actor=build.ACTOR, as_of=at(today))
    pay(bill, 2600, today)
    assert penalty_bills(bill) == []
    assert balances.of_account(bill.account, today=today).due_cents == 0


@pytest.mark.parametrize("cents", [0, -1, 313])
def test_no_more_is_waived_than_has_accrued(cents: int) -> None:
    bill = late_bill()
    with pytest.raises(penalties.NothingToWaive):
        penalties.waive(
            bill_id=bill.pk, amount_cents=cents, reason="x", actor=build.ACTOR, as_of=at(date(2026, 4, 13))
        )
    assert not PenaltyWaiver.objects.exists()


def test_what_is_not_late_has_nothing_to_waive() -> None:
    bill = late_bill(due_on=date(2026, 12, 1))
    with pytest.raises(penalties.NothingToWaive):
        penalties.waive(bill_id=bill.pk, amount_cents=1, reason="x", actor=build.ACTOR, as_of=NOON)


def test_bills_that_are_not_late_cost_no_query(django_assert_num_queries: pytest.FixtureRequest) -> None:
    account = build.account()
    build.bill(account, 2600, issued_on=NOON.date())
    with django_assert_num_queries(1):  # type: ignore[operator]  # a factory of context managers
        balances.of_account(account, today=NOON.date())


def test_giving_up_the_last_fen_does_not_give_up_the_penalty() -> None:
    bill = late_bill()
    pay(bill, 2599, date(2026, 4, 13))
    adjustments.adjust(
        bill_id=bill.pk, amount_cents=1, reason="抹零", actor=build.ACTOR, as_of=at(date(2026, 4, 13))
    )
    assert penalty_bills(bill) == [(312, 0)]
    assert build.books_are_right()


def test_reversing_credit_that_paid_late_does_not_double_the_principal() -> None:
    account = build.account()
    book: dict[str, Any] = {
        "account_id": account.pk,
        "gateway": "cash",
        "trade_no": "T1",
        "amount_cents": 2600,
    }
    receipts.book(paid_at=at(date(2026, 1, 1)), as_of=at(date(2026, 1, 1)), **book)
    credits.set_automatic(account_id=account.pk, is_automatic=False, as_of=NOON)
    bill = build.bill(account, issued_on=DUE - timedelta(days=30))
    paid_on = DUE + timedelta(days=10)
    credits.set_automatic(account_id=account.pk, is_automatic=True, as_of=at(paid_on))
    allocations.reverse(
        receipt_id=Receipt.objects.get().pk, cents=2600, on=date(2026, 1, 1), as_of=at(paid_on)
    )
    found = penalty_reads.accrued([bill.pk], on=paid_on)[bill.pk]
    assert [period.principal_cents for period in found.computed.periods] == [2600]
    assert (found.computed.cents, found.billed_cents) == (78, 78)


@pytest.mark.parametrize(
    ("rest_came_on", "cents"), [(date(2026, 3, 14), 168), (DUE, 120), (DUE - timedelta(days=20), 120)]
)
def test_money_that_came_before_an_earlier_part_payment_does_not_hide_how_late_that_was(
    rest_came_on: date, cents: int
) -> None:
    """1000 came on 04-13; of the 1600 from before we hear after that. 2600 for 10 days and 1000 for 30 are 168."""
    bill, heard_on = late_bill(), date(2026, 4, 20)
    pay(bill, 1000, date(2026, 4, 13))
    pay(bill, 1600, rest_came_on, trade_no="T2", heard_on=heard_on)
    assert penalty_bills(bill) == [(cents, 0)]
    bill.refresh_from_db()
    assert bill.open_cents == 0
    assert build.books_are_right()


def test_with_such_money_the_penalty_is_paid_at_once_where_it_suffices() -> None:
    bill = late_bill()
    pay(bill, 1000, date(2026, 4, 13))
    pay(bill, 2000, date(2026, 3, 14), trade_no="T2", heard_on=date(2026, 4, 20))
    assert penalty_bills(bill) == [(168, 168)]
    assert balances.of_account(bill.account, today=date(2026, 4, 20)).credit_cents == 232
    assert build.books_are_right()


came = st.tuples(st.integers(-20, 120), st.integers(1, 2000))


@runs(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(came, min_size=1, max_size=4), data=st.data())
def test_the_order_in_which_money_is_booked_does_not_change_the_penalty(
    parts: list[tuple[int, int]], data: st.DataObject
) -> None:
    booked = data.draw(st.permutations(parts))
    bills = [late_bill(sum(cents for _day, cents in parts)) for _order in range(2)]
    for bill, order in zip(bills, (sorted(parts), booked), strict=True):
        for n, (day, cents) in enumerate(order):
            pay(
                bill,
                cents,
                DUE + timedelta(days=day),
                trade_no=f"{bill.pk}-{n}",
                heard_on=DUE + timedelta(days=200),
            )
    assert penalty_bills(bills[0]) == penalty_bills(bills[1])
    assert all(not Bill.objects.get(pk=bill.pk).open_cents for bill in bills)
