"""A number card takes the number that its customer holds: kept while the order waits, his when it is done."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import BillingAccount, User
from catalog.holdings.services import subscriptions
from catalog.models import Offer, OrderState, Subscription, SubscriptionState
from catalog.orders import errors
from catalog.orders.services import orders, watch
from core import clock
from core.errors import NotFound
from resources.models import NumberChange, NumberPeriod, PeriodKind, Verb
from resources.selectors import funnel
from resources.services import numbers, openings
from tests.billing import build as money
from tests.catalog.holdings import build as holdings
from tests.catalog.holdings.build import TODAY
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.conftest import NOON
from tests.resources import build as store

pytestmark = pytest.mark.django_db
DIGITS, NICE = "13812345678", "13888888888"
HOUR = timedelta(hours=1)


def card(**more: Any) -> Offer:
    return build.offer("sim", 1900, type=shop.product_type("number"), **more)


def chooser(digits: str = DIGITS, fee: int = 0) -> tuple[User, BillingAccount]:
    """Somebody who holds a number of a class with that fee."""
    user, account = build.home()
    store.number(digits, of=store.number_class(f"C{fee}", price_cents=fee))
    store.hold(digits, holder=f"user:{user.pk}")
    return user, account


def has(digits: str = DIGITS) -> tuple[str, str] | None:
    """(kind, holder) of the number's last period that has not ended."""
    row = NumberPeriod.objects.filter(number__digits=digits).order_by("-during__startswith").first()
    return (row.kind, row.holder) if row and (row.ends_at is None or row.ends_at > NOON) else None


def verbs(digits: str = DIGITS) -> list[str]:
    return list(
        NumberChange.objects.filter(number__digits=digits).order_by("pk").values_list("verb", flat=True)
    )


def test_a_free_one_is_his_at_once() -> None:
    user, account = chooser()
    order = build.ordered(user, account, card(), number=DIGITS)
    assert order.state == OrderState.COMPLETED
    held = Subscription.objects.get()
    assert (held.service_number, order.lines.get().service_number) == (DIGITS, DIGITS)
    assert has() == (PeriodKind.OWNER, f"subscription:{held.number}")
    assert verbs() == [Verb.HELD, Verb.REAL_NAMED, Verb.EXTENDED, Verb.PAID, Verb.ASSIGNED]


def test_a_nice_one_costs_its_fee_and_is_kept_until_it_is_paid() -> None:
    user, account = chooser(NICE, 20_000)
    quote = build.quoted(
        user, "package.order", {"account": account.number, "offers": [card().code], "number": NICE}
    )
    assert quote.quote.price_cents == 20_000
    order = build.ordered(user, account, Offer.objects.get(), number=NICE)
    assert (order.state, has(NICE)) == (OrderState.ACCEPTED, (PeriodKind.HOLD, f"order:{order.number}"))
    assert order.bill is not None
    assert [(line.code, line.amount_cents) for line in order.bill.lines.all()] == [("sim/NUMBER", 20_000)]
    later = NOON + 71 * HOUR
    build.pay(order.bill, as_of=later)
    held = Subscription.objects.get()
    assert (held.service_number, has(NICE)) == (NICE, (PeriodKind.OWNER, f"subscription:{held.number}"))
    assert money.balance(account) == 0


def test_what_the_desk_has_paid_is_not_paid_twice() -> None:
    user, account = chooser(NICE, 20_000)
    bill = money.bill(account, cents=20_000)
    build.pay(bill)
    actor = build.ACTOR
    openings.paid(digits=NICE, holder=f"user:{user.pk}", bill_number=bill.number, actor=actor, as_of=NOON)
    order = build.ordered(user, account, card(), number=NICE)
    assert (order.state, order.bill) == (OrderState.COMPLETED, None)
    assert verbs(NICE).count(Verb.PAID) == 1


@pytest.mark.parametrize(
    ("number", "refused"),
    [("", errors.NumberMissing), (NICE, numbers.NotHeld), ("13700000000", NotFound)],
)
def test_no_number_or_another_ones_changes_nothing(number: str, refused: type[Exception]) -> None:
    user, account = chooser()
    store.number(NICE)
    store.hold(NICE, holder="user:999999")
    offer = card()
    before = verbs(), verbs(NICE)
    with pytest.raises(refused):
        build.ordered(user, account, offer, number=number)
    assert (build.nothing_changed(), (verbs(), verbs(NICE))) == (True, before)


def test_a_hold_that_ran_out_between_quote_and_order_changes_nothing() -> None:
    user, account = chooser()
    raw = {"account": account.number, "offers": [card().code], "number": DIGITS}
    digest = build.quoted(user, "package.order", raw).digest
    later = NOON + timedelta(minutes=16)
    with pytest.raises(numbers.NotHeld):
        build.done(user, "package.order", raw, as_of=later, digest=digest)
    assert build.nothing_changed()
    store.hold(DIGITS, holder="user:999999", as_of=later)  # free for others


def test_who_does_not_own_the_account_takes_no_number_for_it() -> None:
    _user, account = chooser(NICE)
    handler = build.member(account, "HANDLER")
    store.number(DIGITS)
    store.hold(DIGITS, holder=f"user:{handler.pk}")
    offer = card()
    with pytest.raises(openings.AccountNotHis):
        build.ordered(handler, account, offer, number=DIGITS)
    assert (build.nothing_changed(), has()) == (True, (PeriodKind.HOLD, f"user:{handler.pk}"))


def test_two_cards_are_two_orders() -> None:
    user, account = chooser()
    one, two = card(), build.offer("sim2", 900, type=shop.product_type("number"))
    with pytest.raises(errors.OneNumber):
        build.ordered(user, account, one, two, number=DIGITS)
    assert build.nothing_changed()


def test_other_offers_leave_the_number_alone() -> None:
    user, account = chooser()
    build.ordered(user, account, build.offer("hd"), number=DIGITS)
    assert (Subscription.objects.get().service_number, has()) == ("", (PeriodKind.HOLD, f"user:{user.pk}"))


@pytest.mark.parametrize("how", ["cancelled", "unpaid", "staff"])
def test_an_order_that_does_not_come_lets_the_number_go(how: str) -> None:
    user, account = chooser(NICE, 20_000)
    order = build.ordered(user, account, card(), number=NICE)
    assert order.due_at is not None
    if how == "cancelled":
        build.done(user, "order.cancel", {"order": order.number})
    elif how == "unpaid":
        list(watch.run(watch.Job(as_of=order.due_at)))
    else:
        orders.give_up(number=order.number, code=orders.BY_STAFF, actor=build.ACTOR, as_of=NOON)
    free_at = order.due_at if how == "unpaid" else NOON + HOUR
    assert store.hold(NICE, holder="user:999999", as_of=free_at).is_new


def test_paid_when_the_number_was_gone_it_fails_and_the_money_comes_back() -> None:
    user, account = chooser(NICE, 20_000)
    order = build.ordered(user, account, card(), number=NICE)
    assert order.due_at is not None
    assert order.bill is not None
    late = order.due_at + 2 * HOUR  # the job that cancels had stopped
    store.hold(NICE, holder="user:999999", as_of=late)
    build.pay(order.bill, as_of=late)
    order.refresh_from_db()
    assert (order.state, order.lines.get().error) == (OrderState.FAILED, "NUMBER_NOT_HELD")
    assert (money.balance(account), Subscription.objects.count()) == (20_000, 0)


def test_an_end_puts_it_into_its_lock() -> None:
    user, account = chooser()
    build.ordered(user, account, card(cancel_effect="AT_ONCE"), number=DIGITS)
    held = Subscription.objects.get()
    later = NOON + timedelta(days=40)
    build.cancelled(user, held, as_of=later)
    assert has() == (PeriodKind.LOCK, f"subscription:{held.number}")
    with pytest.raises(numbers.NumberLocked):
        store.hold(DIGITS, holder="user:999999", as_of=later + HOUR)
    with pytest.raises(numbers.NumberLocked):
        store.hold(DIGITS, holder="user:999999", as_of=NOON + timedelta(days=200))
    assert store.hold(DIGITS, holder="user:999999", as_of=NOON + timedelta(days=230)).is_new


def test_what_never_came_into_use_locks_it_too() -> None:
    user, account = chooser()
    order = build.ordered(user, account, card(entitlements=("SIM",)), number=DIGITS)
    held = Subscription.objects.get()
    assert (held.state, has()) == (
        SubscriptionState.PENDING,
        (PeriodKind.OWNER, f"subscription:{held.number}"),
    )
    build.switch(adapter=build.Broken())
    orders.give_up(number=order.number, code="NOT_SWITCHED_ON", actor=build.ACTOR, as_of=NOON + HOUR)
    assert has() == (PeriodKind.LOCK, f"subscription:{held.number}")


def test_a_change_takes_the_number_along_without_a_lock() -> None:
    user, account = chooser()
    kind = shop.product_type("number")
    build.ordered(user, account, card(group="sim", change_effect="AT_ONCE"), number=DIGITS)
    better = build.offer("sim-better", 2900, type=kind, group="sim")
    old = Subscription.objects.get()
    build.changed(user, old, better)
    new = build.held(account, better)
    assert (new.service_number, has()) == (DIGITS, (PeriodKind.OWNER, f"subscription:{new.number}"))
    assert Verb.MOVED in verbs()
    assert verbs().count(Verb.ASSIGNED) == 1
    subscriptions.set_end(
        number=new.number,
        on=TODAY,
        slip_id=holdings.slip(account).pk,
        actor=build.ACTOR,
        as_of=NOON + HOUR,
    )
    assert has() == (PeriodKind.LOCK, f"subscription:{new.number}")


def test_an_imported_number_is_nothing_to_the_hall() -> None:
    user, account = build.home()
    build.ordered(user, account, build.offer("line", cancel_effect="AT_ONCE"))
    held = Subscription.objects.get()
    Subscription.objects.update(service_number="02112345678")
    build.cancelled(user, held)
    held.refresh_from_db()
    assert held.state == SubscriptionState.TERMINATED


def test_the_funnel_counts_each_step_once() -> None:
    user, account = chooser(NICE, 20_000)
    order = build.ordered(user, account, card(), number=NICE)
    steps = {step.code: step.count for step in funnel.read(since=NOON - HOUR, until=NOON + HOUR)}
    assert (steps["HOLD"], steps["REAL_NAME"], steps["PAID"], steps["ACTIVE"]) == (1, 1, 0, 0)
    assert order.bill is not None
    build.pay(order.bill)
    steps = {step.code: step.count for step in funnel.read(since=NOON - HOUR, until=NOON + HOUR)}
    assert (steps["HOLD"], steps["REAL_NAME"], steps["PAID"], steps["ACTIVE"]) == (1, 1, 1, 1)


def test_the_page_offers_his_held_numbers(client: Client) -> None:
    user, account = chooser(NICE, 20_000)
    store.number(DIGITS)
    store.hold(DIGITS, holder="user:999999")
    card()
    build.offer("hd")
    client.force_login(user)
    with clock.stopped(NOON):
        page = client.get("/orders/new/?offer=sim").content.decode()
        assert f'value="{NICE}"' in page
        assert "选号费 ¥200.00" in page
        assert DIGITS not in page
        assert NICE not in client.get("/orders/new/?offer=hd").content.decode()
        quoted = client.post("/orders/new/", {"account": account.number, "offers": ["sim"], "number": NICE})
        assert NICE in quoted.content.decode()
        assert "¥200.00" in quoted.content.decode()
        refused = client.post("/orders/new/", {"account": account.number, "offers": ["sim"]})
        assert (refused.status_code, "要先选一个号码" in refused.content.decode()) == (409, True)
