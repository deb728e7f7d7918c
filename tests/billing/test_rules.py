from hypothesis import given
from hypothesis import strategies as st

from billing.rules import Owed, PenaltyShare, Settlement, Share, after, settle

OPEN = [Owed(1, 2600), Owed(2, 2600), Owed(3, 1000)]
LATE = [Owed(1, 2600, 312), Owed(2, 2600, 8), Owed(3, 500, is_penalty=True), Owed(4, 1000)]
cents = st.integers(min_value=1, max_value=10**9)
penalty = st.integers(min_value=0, max_value=10**6)


def test_the_oldest_bill_is_settled_first() -> None:
    assert settle(3000, OPEN) == Settlement((Share(1, 2600), Share(2, 400)))


def test_the_named_bill_comes_before_older_ones() -> None:
    assert settle(3000, OPEN, first_bill_id=3) == Settlement((Share(3, 1000), Share(1, 2000)))


def test_what_no_bill_needs_is_left() -> None:
    assert settle(10_000, OPEN).cents == 6200
    assert settle(100, []) == Settlement(())


def test_a_named_bill_that_is_not_open_changes_nothing() -> None:
    assert settle(2600, OPEN, first_bill_id=9) == Settlement((Share(1, 2600),))


def test_fees_come_before_penalties() -> None:
    assert settle(6200, LATE) == Settlement(
        (Share(1, 2600), Share(2, 2600), Share(4, 1000)), (PenaltyShare(1, 312, 0), PenaltyShare(2, 8, 0))
    )
    assert settle(6900, LATE) == Settlement(
        (Share(1, 2600), Share(2, 2600), Share(4, 1000), Share(3, 500)),
        (PenaltyShare(1, 312, 200), PenaltyShare(2, 8, 0)),
    )
    assert settle(10_000, LATE).cents == 7020


def test_the_named_bill_takes_its_penalty_with_it() -> None:
    assert settle(3000, LATE, first_bill_id=1) == Settlement(
        (Share(1, 2600), Share(2, 88)), (PenaltyShare(1, 312, 312),)
    )


def test_a_bill_that_is_not_paid_off_has_its_penalty_later() -> None:
    assert settle(2599, LATE) == Settlement((Share(1, 2599),))
    assert settle(2600, LATE).penalties == (PenaltyShare(1, 312, 0),)


def test_what_is_open_afterwards() -> None:
    assert list(after(LATE, settle(3000, LATE))) == [Owed(2, 2200, 8), *LATE[2:]]
    assert list(after(LATE, settle(0, LATE))) == LATE


@given(cents, st.lists(st.tuples(cents, penalty, st.booleans()), max_size=8), st.integers(0, 9))
def test_nothing_is_lost_or_made_up(amount: int, rows: list[tuple[int, int, bool]], first: int) -> None:
    owed = [
        Owed(n, open_cents, 0 if is_penalty else extra, is_penalty)
        for n, (open_cents, extra, is_penalty) in enumerate(rows)
    ]
    found = settle(amount, owed, first_bill_id=first)
    by_id = {bill.bill_id: bill for bill in owed}
    assert found.cents == sum(share.cents for share in found.shares + found.penalties) <= amount
    assert all(0 < share.cents <= by_id[share.bill_id].cents for share in found.shares)
    paid_off = {share.bill_id for share in found.shares if share.cents == by_id[share.bill_id].cents}
    assert {one.bill_id for one in found.penalties} == {n for n in paid_off if by_id[n].penalty_cents}
    assert all(
        0 <= one.cents <= one.total_cents == by_id[one.bill_id].penalty_cents for one in found.penalties
    )
    everything = sum(bill.cents for bill in owed) + sum(one.total_cents for one in found.penalties)
    assert found.cents == min(amount, everything)
    left = sum(bill.cents for bill in after(owed, found))
    assert left == sum(bill.cents for bill in owed) - sum(share.cents for share in found.shares)
