"""Orders from submission to their end: paid, carried out, given back."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Bill, BillKind
from catalog.holdings.services import subscriptions
from catalog.models import LineState, Order, OrderState, Subscription, SubscriptionState
from catalog.orders import errors
from catalog.orders.services import orders, watch
from operations.models import Slip, SlipState
from operations.services import slips
from tests.billing import build as money
from tests.catalog.holdings import build as holdings
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 18)
HOURS = timedelta(hours=1)
STATEMENTS = 26  # slip, code, quote, subscription, news and all; a savepoint besides


def test_an_order_without_anything_to_switch_is_done_at_once() -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("basic", 3000))
    assert order.state == OrderState.COMPLETED
    assert order.bill is None
    held = Subscription.objects.get()
    assert (held.state, held.begins_on) == (SubscriptionState.ACTIVE, TODAY)
    slip = Slip.objects.get(number=order.slip_number)
    assert (slip.state, slip.price_cents) == (SlipState.DONE, 0)
    assert slip.confirmation["kind"] == "SMS_CODE"


def test_an_order_takes_few_statements() -> None:
    user, account = build.home()
    raw = {"account": account.number, "offers": [build.offer("basic", 3000).code]}
    digest = build.quoted(user, "package.order", raw).digest
    given = {"agreed": "yes", "code": build.code(build.ctx(user), "package.order", raw)}
    with CaptureQueriesContext(connection) as caught:
        slips.submit(
            operation="package.order",
            ctx=build.ctx(user),
            raw=raw,
            quote_digest=digest,
            confirmation=given,
            idempotency_key="few-statements",
        )
    taken = [query["sql"] for query in caught if "SAVEPOINT" not in query["sql"]]
    assert len(taken) <= STATEMENTS


def test_an_order_with_something_to_switch_completes_when_it_is_on() -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("hd", 3000, entitlements=("HD",)))
    assert order.state == OrderState.IN_PROGRESS
    slip = Slip.objects.get(number=order.slip_number)
    assert (slip.state, slip.subject_kind, slip.subject_id) == (SlipState.IN_PROGRESS, "order", order.number)
    build.switch()
    order.refresh_from_db()
    slip.refresh_from_db()
    assert (order.state, slip.state) == (OrderState.COMPLETED, SlipState.DONE)
    assert [row.state for row in order.lines.all()] == [LineState.DONE]
    [context] = build.told("order_done")
    assert context["number"] == order.number
    assert context["from"] == "2026-11-18"


def test_what_costs_at_once_waits_for_its_payment() -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("hd", 3000, once=5000))
    assert order.state == OrderState.ACCEPTED
    assert order.due_at == NOON + timedelta(hours=72)
    assert not Subscription.objects.exists()
    bill = order.bill
    assert bill is not None
    assert (bill.kind, bill.total_cents, bill.open_cents) == (BillKind.ORDER, 5000, 5000)
    build.news()
    assert build.told("order_waits_for_payment")[0]["amount"] == "¥50.00"
    build.pay(bill, as_of=NOON + HOURS)
    order.refresh_from_db()
    assert order.state == OrderState.COMPLETED
    assert Subscription.objects.get().state == SubscriptionState.ACTIVE
    assert Slip.objects.get(number=order.slip_number).state == SlipState.DONE


def test_part_of_the_payment_is_not_enough() -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("hd", 3000, once=5000))
    assert order.bill is not None
    build.pay(order.bill, 4999)
    order.refresh_from_db()
    assert order.state == OrderState.ACCEPTED
    build.pay(Bill.objects.get(), 1)
    order.refresh_from_db()
    assert order.state == OrderState.COMPLETED


def test_credit_pays_at_once() -> None:
    user, account = build.home()
    build.credit(account, 6000)
    order = build.ordered(user, account, build.offer("hd", 3000, once=5000))
    assert order.state == OrderState.COMPLETED
    assert order.bill is not None
    assert order.bill.open_cents == 0
    assert money.balance(account) == 1000
    build.news()
    assert Order.objects.get().state == OrderState.COMPLETED


def test_what_is_not_paid_first_begins_before_it_is_paid() -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("hd", 3000, once=5000, is_paid_first=False))
    assert order.state == OrderState.COMPLETED
    assert order.bill is not None
    assert order.bill.open_cents == 5000
    assert order.bill.due_on == TODAY + timedelta(days=settings.ORDER_BILL_DAYS)


def test_a_term_is_paid_with_the_order_and_bound_from_its_first_day() -> None:
    user, account = build.home()
    year = build.offer("year", 36000, cycle="TERM", term_months=12, is_renewed=True)
    order = build.ordered(user, account, year)
    assert order.bill is not None
    build.pay(order.bill, as_of=NOON + 24 * HOURS)
    held = Subscription.objects.get()
    assert held.begins_on == date(2026, 11, 19)
    assert (held.paid_until, held.committed_until, held.ends_on) == (
        date(2027, 11, 19),
        date(2027, 11, 19),
        None,
    )


def test_unpaid_for_72_hours_is_cancelled_and_nothing_is_owed() -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("hd", 3000, once=5000))
    assert order.bill is not None
    build.pay(order.bill, 2000)
    list(watch.run(watch.Job(as_of=NOON + 72 * HOURS - timedelta(seconds=1))))
    order.refresh_from_db()
    assert order.state == OrderState.ACCEPTED
    [*_, counts] = watch.run(watch.Job(as_of=NOON + 72 * HOURS))
    assert (counts.cancelled, counts.paid, counts.failed) == (1, 0, 0)
    order.refresh_from_db()
    assert (order.state, order.bill.open_cents) == (OrderState.CANCELLED, 0)
    assert money.balance(account) == 2000
    assert money.books_are_right()
    assert Slip.objects.get(number=order.slip_number).state == SlipState.CANCELLED
    build.news(NOON + 72 * HOURS)
    assert build.told("order_failed")[0]["number"] == order.number
    [*_, counts] = watch.run(watch.Job(as_of=NOON + 73 * HOURS))
    assert counts.done == 0


def test_the_job_finds_a_paid_order_that_no_news_came_of(monkeypatch: pytest.MonkeyPatch) -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("hd", 3000, once=5000))
    assert order.bill is not None
    monkeypatch.setattr(build, "news", lambda as_of: None)
    build.pay(order.bill)
    [*_, counts] = watch.run(watch.Job(as_of=NOON + HOURS))
    assert counts.paid == 1
    order.refresh_from_db()
    assert order.state == OrderState.COMPLETED


def test_the_customer_cancels_what_he_has_not_paid() -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("hd", 3000, once=5000))
    slip = build.done(user, "order.cancel", {"order": order.number})
    assert slip.state == SlipState.DONE
    order.refresh_from_db()
    assert order.state == OrderState.CANCELLED
    assert money.balance(account) == 0
    with pytest.raises(errors.NotWaiting):
        build.done(user, "order.cancel", {"order": order.number}, digest="x")


def _in_trouble(**more: Any) -> tuple[Order, Any]:
    user, account = build.home()
    build.credit(account, 9000)
    plain = build.offer("plain", 1000, once=2000)
    switched = build.offer("hd", 3000, once=5000, entitlements=("HD",))
    order = build.ordered(user, account, plain, switched)
    build.switch(adapter=build.Broken())
    order.refresh_from_db()
    return order, account


def test_what_a_far_system_refuses_goes_to_a_person_first() -> None:
    order, _account = _in_trouble()
    assert order.state == OrderState.IN_PROGRESS
    troubled = order.lines.get(offer__code="hd")
    assert (troubled.state, troubled.error) == (LineState.WORKING, "NO_SUCH_CARD")
    assert list(watch.stuck(Order.objects.all(), as_of=NOON)) == [order]


def test_the_failed_part_is_given_back_when_nobody_could_do_it() -> None:
    order, account = _in_trouble()
    assert money.balance(account) == 2000
    late = NOON + timedelta(hours=settings.ORDER_PROMISE_HOURS)
    [*_, counts] = watch.run(watch.Job(as_of=late))
    assert counts.given_up == 1
    order.refresh_from_db()
    assert order.state == OrderState.PARTIAL
    assert money.balance(account) == 7000
    assert order.bill is not None
    assert (order.bill.total_cents, order.bill.adjusted_cents, order.bill.open_cents) == (7000, 5000, 0)
    assert money.books_are_right()
    assert Slip.objects.get(number=order.slip_number).state == SlipState.DONE
    states = dict(Subscription.objects.values_list("offer__code", "state"))
    assert states == {"plain": SubscriptionState.ACTIVE, "hd": SubscriptionState.CANCELLED}


def test_an_order_of_which_nothing_could_be_done_has_failed() -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("hd", 3000, once=5000, entitlements=("HD",)))
    assert order.bill is not None
    build.pay(order.bill)
    build.switch(adapter=build.Broken())
    orders.give_up(number=order.number, code="NO_SIGNAL", actor=build.ACTOR, as_of=NOON)
    order.refresh_from_db()
    assert order.state == OrderState.FAILED
    assert money.balance(account) == 5000
    assert Slip.objects.get(number=order.slip_number).state == SlipState.FAILED
    with pytest.raises(errors.NothingToRetry):
        orders.give_up(number=order.number, code="NO_SIGNAL", actor=build.ACTOR, as_of=NOON)


def test_what_cannot_be_begun_any_more_fails_when_it_is_paid_for() -> None:
    user, account = build.home()
    small = build.offer("small", 1000)
    big = build.offer("big", 3000, cycle="TERM", term_months=12)
    held = build.ordered(user, account, small).lines.get().subscription
    assert held is not None
    order = build.changed(user, held, big)
    assert order.state == OrderState.ACCEPTED
    subscriptions.set_end(
        number=held.number,
        on=TODAY,
        slip_id=holdings.slip(account, line=held).pk,
        actor=build.ACTOR,
        as_of=NOON,
    )
    assert order.bill is not None
    build.pay(order.bill)
    order.refresh_from_db()
    assert order.state == OrderState.FAILED
    assert order.lines.get().error == "NOT_HELD"
    assert money.balance(account) == order.bill.total_cents


def test_a_cancel_ends_with_the_month_and_a_return_leaves_nothing() -> None:
    user, account = build.home()
    month = build.offer("month", 3000)
    fresh = build.offer("fresh", 3000, once=5000, return_days=7)
    build.credit(account, 5000)
    build.ordered(user, account, month, fresh)
    order = build.cancelled(user, build.held(account, month))
    assert order.state == OrderState.COMPLETED
    assert build.held(account, month).ends_on == date(2026, 12, 1)
    assert money.balance(account) == 0
    build.cancelled(user, build.held(account, fresh), as_of=NOON + 48 * HOURS)
    returned = build.held(account, fresh)
    assert (returned.state, returned.ends_on) == (SubscriptionState.TERMINATED, TODAY)
    assert money.balance(account) == 5000
    assert money.books_are_right()


def test_a_penalty_is_shown_billed_and_does_not_hold_up_the_end() -> None:
    user, account = build.home()
    bound = build.offer(
        "bound", 3000, term_months=12, penalty_kind="FIXED", penalty_cents=8000, cancel_effect="AT_ONCE"
    )
    held = build.ordered(user, account, bound).lines.get().subscription
    assert held is not None
    found = build.quoted(user, "package.cancel", {"subscription": held.number}, as_of=NOON + HOURS)
    assert found.quote.price_cents == 8000
    assert any("80.00" in str(warning) for warning in found.quote.warnings)
    order = build.cancelled(user, held, as_of=NOON + HOURS)
    assert order.state == OrderState.COMPLETED
    assert order.bill is not None
    assert order.bill.open_cents == 8000


def test_an_upgrade_holds_today_and_a_downgrade_next_month() -> None:
    user, account = build.home()
    small, big = build.offer("small", 1000, group="tv"), build.offer("big", 3000, group="tv")
    shop.related(small, "UPGRADES_TO", big)
    shop.related(big, "DOWNGRADES_TO", small)
    held = build.ordered(user, account, small).lines.get().subscription
    assert held is not None
    up = build.changed(user, held, big, as_of=NOON + 24 * HOURS)
    held.refresh_from_db()
    assert (up.state, held.state, held.ends_on) == (
        OrderState.COMPLETED,
        SubscriptionState.TERMINATED,
        date(2026, 11, 19),
    )
    down = build.changed(user, build.held(account, big), small, as_of=NOON + 48 * HOURS)
    assert down.state == OrderState.COMPLETED
    coming = build.held(account, small)
    assert (coming.state, coming.begins_on) == (SubscriptionState.PENDING, date(2026, 12, 1))
    assert build.held(account, big).ends_on == date(2026, 12, 1)
