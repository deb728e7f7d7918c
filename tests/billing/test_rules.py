from hypothesis import given
from hypothesis import strategies as st

from billing.rules import Share, settle

OPEN = [Share(1, 2600), Share(2, 2600), Share(3, 1000)]
cents = st.integers(min_value=1, max_value=10**9)


def test_the_oldest_bill_is_settled_first() -> None:
    assert settle(3000, OPEN) == [Share(1, 2600), Share(2, 400)]


def test_the_named_bill_comes_before_older_ones() -> None:
    assert settle(3000, OPEN, first_bill_id=3) == [Share(3, 1000), Share(1, 2000)]


def test_what_no_bill_needs_is_left() -> None:
    assert settle(10_000, OPEN) == OPEN
    assert settle(100, []) == []


def test_a_named_bill_that_is_not_open_changes_nothing() -> None:
    assert settle(2600, OPEN, first_bill_id=9) == [Share(1, 2600)]


@given(cents, st.lists(cents, max_size=8), st.integers(min_value=0, max_value=9))
def test_nothing_is_lost_or_made_up(amount: int, bills: list[int], first: int) -> None:
    shares = settle(amount, [Share(n, owed) for n, owed in enumerate(bills)], first_bill_id=first)
    assert sum(share.cents for share in shares) == min(amount, sum(bills))
    assert all(0 < share.cents <= bills[share.bill_id] for share in shares)
    assert len({share.bill_id for share in shares}) == len(shares)
