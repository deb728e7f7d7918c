"""What comes back when something is returned, changed or cancelled: what was billed for it, once, to the fen."""

from datetime import date, timedelta

import pytest

from accounts.models import BillingAccount, Standing
from billing.models import Bill
from catalog.charging.services import bill_runs
from catalog.holdings.services import due, subscriptions
from catalog.models import Offer, OrderState, SubscriptionState
from catalog.orders.selectors import quoting
from catalog.orders.services import orders
from catalog.pricing.types import Period
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TOMORROW = date(2026, 11, 19)


def adjusted(bill: Bill | None) -> int:
    """Fen taken back of a bill."""
    assert bill is not None
    return Bill.objects.get(pk=bill.pk).adjusted_cents


def bill_of(owner: object, account: BillingAccount, *what: Offer) -> Bill:
    """That of an order of these, paid."""
    order = build.ordered(owner, account, *what)  # type: ignore[arg-type]  # a user
    assert order.bill is not None
    build.pay(order.bill)
    return order.bill


def test_a_change_to_come_that_is_cancelled_gives_back_what_it_cost() -> None:
    user, account = build.home()
    month = build.offer("month", 6000, term_months=12, penalty_kind="FIXED", penalty_cents=20000)
    term = build.offer("term", 49800, cycle="TERM", term_months=24)
    shop.related(month, "DOWNGRADES_TO", term)
    build.ordered(user, account, month)
    order = build.changed(user, build.held(account, month), term)
    assert order.bill is not None
    assert order.bill.total_cents == 49800 + 20000
    build.pay(order.bill)
    coming = build.held(account, term)
    assert (coming.state, coming.begins_on) == (SubscriptionState.PENDING, date(2026, 12, 1))
    build.cancelled(user, coming, as_of=NOON + DAY)
    build.news(NOON + DAY)
    assert adjusted(order.bill) == 49800 + 20000
    stays = build.held(account, month)
    assert (stays.state, stays.ends_on) == (SubscriptionState.ACTIVE, None)


def test_a_return_gives_back_what_was_paid_whatever_discount_holds_since() -> None:
    user, account = build.home()
    term = build.offer("term", 49800, cycle="TERM", term_months=24, return_days=7)
    shop.published_rule("gold", term, tiers=["gold"], value=70)
    bill = bill_of(user, account, term)
    shop.tier(account, "gold", active_from=TOMORROW)
    build.cancelled(user, build.held(account, term), as_of=NOON + DAY)
    assert adjusted(bill) == 49800


def test_the_rest_of_a_term_is_a_share_of_what_was_paid_for_it() -> None:
    user, account = build.home()
    term = build.offer("term", 49800, cycle="TERM", term_months=12, cancel_effect="AT_ONCE")
    shop.published_rule("gold", term, tiers=["gold"], value=50)
    Standing.objects.create(
        customer=account.customer, tier="gold", active_from=date(2026, 1, 1), active_to=TOMORROW
    )
    bill = bill_of(user, account, term)
    assert bill.total_cents == 24900
    build.cancelled(user, build.held(account, term), as_of=NOON + 365 * DAY - 73 * DAY)
    assert adjusted(bill) == 24900 * 73 // 365


def test_what_is_replaced_comes_back_only_when_the_new_one_is_on() -> None:
    user, account = build.home()
    year = build.offer("year", 36500, cycle="TERM", term_months=12)
    more = build.offer("more", 9000, entitlements=("MORE",))
    shop.related(year, "UPGRADES_TO", more)
    bill = bill_of(user, account, year)
    broken = build.changed(user, build.held(account, year), more, as_of=NOON + DAY)
    assert (broken.state, adjusted(bill)) == (OrderState.IN_PROGRESS, 0)
    build.switch(NOON + DAY, adapter=build.Broken())
    orders.give_up(number=broken.number, code="NO_CARD", actor=build.ACTOR, as_of=NOON + DAY)
    stays = build.held(account, year)
    assert (stays.state, stays.ends_on, adjusted(bill)) == (SubscriptionState.ACTIVE, None, 0)
    again = build.changed(user, stays, more, as_of=NOON + 2 * DAY)
    build.switch(NOON + 2 * DAY)
    again.refresh_from_db()
    assert (again.state, adjusted(bill)) == (OrderState.COMPLETED, 36500 - 200)


def test_on_the_day_of_renewal_nothing_comes_back() -> None:
    user, account = build.home()
    month = build.offer("term", 49800, cycle="TERM", term_months=1, is_renewed=True, cancel_effect="AT_ONCE")
    bill = bill_of(user, account, month)
    build.cancelled(user, build.held(account, month), as_of=NOON + 30 * DAY)
    assert adjusted(bill) == 0


def test_a_change_that_staff_take_back_costs_nothing() -> None:
    user, account = build.home()
    month = build.offer("month", 6000)
    term = build.offer("term", 49800, cycle="TERM", term_months=24)
    shop.related(month, "DOWNGRADES_TO", term)
    build.ordered(user, account, month)
    order = build.changed(user, build.held(account, month), term)
    assert order.bill is not None
    build.pay(order.bill)
    held = build.held(account, month)
    subscriptions.take_back_end(number=held.number, actor=build.ACTOR, as_of=NOON + DAY)
    build.news(NOON + DAY)
    assert build.held(account, term).state == SubscriptionState.CANCELLED
    assert adjusted(order.bill) == 49800


def test_what_its_day_came_for_and_never_was_on_costs_no_penalty_and_comes_back_whole() -> None:
    user, account = build.home()
    month = build.offer("month", 6000)
    term = build.offer(
        "term",
        49800,
        cycle="TERM",
        term_months=24,
        penalty_kind="FIXED",
        penalty_cents=9000,
        entitlements=("TERM",),
    )
    shop.related(month, "DOWNGRADES_TO", term)
    build.ordered(user, account, month)
    order = build.changed(user, build.held(account, month), term)
    assert order.bill is not None
    build.pay(order.bill)
    later = NOON + 14 * DAY
    list(due.run(due.Job(as_of=later)))
    build.switch(later, adapter=build.Broken())
    late = build.held(account, term)
    assert (late.state, late.begins_on) == (SubscriptionState.PENDING, date(2026, 12, 1))
    assert build.cancelled(user, late, as_of=later).bill is None
    assert adjusted(order.bill) == 49800
    assert build.held(account, month).ends_on is None


def test_an_upgrade_of_an_upgrade_on_one_day_leaves_the_last_price() -> None:
    user, account = build.home()
    small, more, most = (
        build.offer(code, cents, cycle="TERM", term_months=12)
        for code, cents in (("small", 36500), ("more", 73000), ("most", 109500))
    )
    shop.related(small, "UPGRADES_TO", more)
    shop.related(more, "UPGRADES_TO", most)
    bill_of(user, account, small)
    for old, new in ((small, more), (more, most)):
        order = build.changed(user, build.held(account, old), new)
        assert order.bill is not None
        build.pay(order.bill)
    owed = sum(bill.total_cents - bill.adjusted_cents for bill in Bill.objects.filter(account=account))
    assert owed == 109500
    assert money.books_are_right()


def test_an_end_that_staff_take_back_costs_no_penalty_and_a_later_one_costs_it_once() -> None:
    user, account = build.home()
    bound = build.offer("bound", 6000, term_months=12, penalty_kind="FIXED", penalty_cents=20000)
    build.ordered(user, account, bound)
    held = build.held(account, bound)
    first = build.cancelled(user, held)
    assert first.bill is not None
    build.pay(first.bill)
    subscriptions.take_back_end(number=held.number, actor=build.ACTOR, as_of=NOON + DAY)
    again = build.cancelled(user, held, as_of=NOON + DAY)  # before the news of it
    build.news(NOON + DAY)
    assert adjusted(first.bill) == 20000
    assert again.bill is not None
    assert (adjusted(again.bill), Bill.objects.get(pk=again.bill.pk).open_cents) == (
        0,
        0,
    )  # paid by the credit
    build.news(NOON + DAY)
    assert adjusted(first.bill) == 20000
    assert money.books_are_right()


def test_an_upgrade_leaves_the_days_of_return_as_they_were() -> None:
    user, account = build.home()
    small = build.offer("small", 36500, cycle="TERM", term_months=12, return_days=7)
    more = build.offer("more", 73000, cycle="TERM", term_months=12, return_days=7, cancel_effect="AT_ONCE")
    shop.related(small, "UPGRADES_TO", more)
    first = bill_of(user, account, small)
    order = build.changed(user, build.held(account, small), more, as_of=NOON + 2 * DAY)
    assert order.bill is not None
    build.pay(order.bill, as_of=NOON + 2 * DAY)
    held = build.held(account, more)
    late = quoting.plan(quoting.Wish(account, end=(held.number,)), as_of=NOON + 7 * DAY)
    assert not late.parts[0].is_undone
    build.cancelled(user, held, as_of=NOON + 6 * DAY)
    assert (adjusted(first), adjusted(order.bill)) == (36500 - 200, 73000)  # two days of the first one
    held.refresh_from_db()
    assert (held.state, held.ends_on) == (SubscriptionState.TERMINATED, held.begins_on)
    assert money.books_are_right()


def test_the_rest_of_a_further_term_is_a_share_of_what_its_months_bill_said_and_comes_off_that_bill() -> None:
    user, account = build.home()
    term = build.offer("term", 49800, cycle="TERM", term_months=1, is_renewed=True, cancel_effect="AT_ONCE")
    shop.published_rule("gold", term, tiers=["gold"], value=50)
    first = bill_of(user, account, term)
    december = NOON.replace(month=12, day=19)
    Standing.objects.create(
        customer=account.customer, tier="gold", active_from=date(2026, 12, 1), active_to=date(2027, 1, 1)
    )
    list(bill_runs.run(bill_runs.Job(Period.of("2026-11"), as_of=december)))
    later = NOON.replace(year=2027, month=1, day=5)
    list(bill_runs.run(bill_runs.Job(Period.of("2026-12"), as_of=later)))
    second = Bill.objects.get(source_number=f"2026-12:{account.number}")
    assert second.total_cents == 24900  # half: the term from 18 December to 18 January
    build.cancelled(user, build.held(account, term), as_of=later)
    assert (adjusted(first), adjusted(second)) == (0, 24900 * 13 // 31 + 1)  # 13 days left, half a fen up
    assert money.books_are_right()
