"""From choosing a package to the first bill: the quote, the preview and the bill say the same fen.

The clock is passed in; what the workers do is done step by step. Wednesday 18 November 2026 and after.
"""

from datetime import date, datetime, timedelta

import pytest

from billing.models import Bill, BillKind
from catalog.charging.selectors import previews
from catalog.charging.services import bill_runs
from catalog.models import Order, OrderState, Subscription, SubscriptionState
from catalog.orders.operations.base import OrderQuote
from catalog.pricing.types import Period
from operations.models import Slip, SlipState
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = date(2026, 11, 18)


def at(day: date) -> datetime:
    return NOON + (day - TODAY)


def bill_run(month: str, day: date) -> None:
    list(bill_runs.run(bill_runs.Job(period=Period.of(month), as_of=at(day))))


def test_from_choosing_to_the_first_bill() -> None:
    user, account = build.home()
    basic = build.offer("basic", 2600, entitlements=("BASIC",))
    hd = build.offer("hd", 3000, once=5000, entitlements=("HD",), group="packages")
    best = build.offer("best", 6000, entitlements=("HD", "UHD"), group="packages")
    shop.related(hd, "MUST_BUY", basic)
    shop.related(hd, "UPGRADES_TO", best)

    # He sees what the next bills will be before he agrees, and what must come with it is not ticked for him.
    raw = {"account": account.number, "offers": ["basic", "hd"]}
    quote = build.quoted(user, "package.order", raw).quote
    assert isinstance(quote, OrderQuote)
    assert quote.plan is not None
    assert quote.price_cents == 5000
    november, december = quote.plan.months
    assert (november.before_cents, november.after_cents) == (0, 2427)  # 13 of 30 days: 11.27 and 13.00
    assert (december.before_cents, december.after_cents) == (0, 5600)

    # He confirms; the set-up fee is a bill of its own, and nothing is on before it is paid.
    order = build.ordered(user, account, basic, hd)
    assert order.state == OrderState.ACCEPTED
    assert not Subscription.objects.exists()
    assert order.bill is not None
    assert (order.bill.kind, order.bill.open_cents) == (BillKind.ORDER, 5000)

    # He pays; a moment later everything is on, with no clerk's click.
    build.pay(order.bill)
    build.switch()
    order.refresh_from_db()
    assert order.state == OrderState.COMPLETED
    assert set(Subscription.objects.values_list("state", flat=True)) == {SubscriptionState.ACTIVE}
    assert Slip.objects.get(number=order.slip_number).state == SlipState.DONE
    assert build.told("order_done")[0]["number"] == order.number
    assert not order.history.filter(actor__startswith="user:", at__gt=NOON).exists()

    # On the 25th he takes the better one: it holds that day, and the quote shows both months.
    on = date(2026, 11, 25)
    held = build.held(account, hd)
    change = {"subscription": held.number, "offer": "best"}
    quote = build.quoted(user, "package.change", change, as_of=at(on)).quote
    assert isinstance(quote, OrderQuote)
    assert quote.plan is not None
    promised, next_month = quote.plan.months
    assert (promised.before_cents, promised.after_cents) == (2427, 1127 + 700 + 1200)
    assert next_month.after_cents == 8600
    build.changed(user, held, best, as_of=at(on))
    build.switch(at(on))
    assert Order.objects.latest("pk").state == OrderState.COMPLETED

    # The preview of the running month and the bill of the run say what the quote said.
    shown = previews.preview(account, on=date(2026, 11, 30))
    assert sum(line.amount_cents for line in shown.bill.month) == promised.after_cents
    bill_run("2026-11", date(2026, 12, 1))
    first = Bill.objects.get(kind=BillKind.PERIODIC)
    assert (first.period, first.total_cents) == ("2026-11", promised.after_cents)
    assert money.books_are_right()

    # He cancels as he ordered: until the end of the month, and the December bill is the last.
    build.cancelled(user, build.held(account, best), as_of=at(date(2026, 12, 10)))
    ends = build.held(account, best)
    assert (ends.state, ends.ends_on) == (SubscriptionState.ACTIVE, date(2027, 1, 1))
    bill_run("2026-12", date(2027, 1, 1) + timedelta(days=1))
    assert Bill.objects.get(period="2026-12").total_cents == next_month.after_cents
