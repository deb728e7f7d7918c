"""Pieces of the stock that orders take: kept while they wait, out of the house when they are done, back otherwise."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import BillingAccount, User
from catalog.models import Offer, OrderState, Subscription
from catalog.orders import errors
from catalog.orders.services import orders, watch
from resources.models import LowStock, Reservation, ReservationState, StockItem
from resources.services import reservations, stock_check
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.conftest import NOON
from tests.resources import build as store

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
_R = ReservationState


def boxed(code: str = "box", sku: str = "BOX-4K", **more: Any) -> Offer:
    """An offer with which one piece is handed over."""
    offer = build.offer(code, 1000, **more)
    spec = shop.specification(f"thing-{code}")
    spec.stock_item = sku
    spec.save(update_fields=["stock_item"])
    offer.specifications.add(spec)
    return offer


def home_with(pieces: int, low_at: int | None = None) -> tuple[User, BillingAccount, StockItem]:
    """Somebody in a district, whose city's store has so many pieces."""
    city = store.region("城")
    user, account = build.home()
    account.region = store.region("区", city)
    account.save(update_fields=["region"])
    return user, account, store.item(pieces, place=city, low_at=low_at)


def state() -> str:
    return Reservation.objects.latest("pk").state


def test_what_is_done_at_once_has_left_the_house() -> None:
    user, account, item = home_with(2, low_at=1)
    order = build.ordered(user, account, boxed())
    assert order.state == OrderState.COMPLETED
    assert store.levels(item) == (1, 0, 0)
    assert (state(), order.lines.get().goods) == (_R.CONSUMED, ["BOX-4K"])
    assert LowStock.objects.filter(item=item, ended_at=None).exists()


def test_it_is_kept_while_the_order_waits_and_goes_when_it_is_paid() -> None:
    user, account, item = home_with(1)
    order = build.ordered(user, account, boxed(once=5000))
    assert order.state == OrderState.ACCEPTED
    assert order.due_at is not None
    assert order.bill is not None
    assert store.levels(item) == (0, 1, 0)
    assert Reservation.objects.get().expires_at == order.due_at + HOUR
    assert reservations.free_expired(as_of=order.due_at) == 0
    build.pay(order.bill, as_of=NOON + HOUR)
    assert store.levels(item) == (0, 0, 0)
    assert Subscription.objects.get().state == "ACTIVE"


def test_none_left_is_refused_before_anything_costs() -> None:
    user, account, item = home_with(0)
    offer = boxed(once=5000)
    with pytest.raises(errors.OutOfStock) as refused:
        build.ordered(user, account, offer)
    assert refused.value.code == "ORDER_OUT_OF_STOCK"
    assert build.nothing_changed()
    assert (store.levels(item), Reservation.objects.count()) == ((0, 0, 0), 0)


def test_another_citys_pieces_are_not_for_him() -> None:
    user, account, _item = home_with(0)
    elsewhere = store.item(5, place=store.region("别处"))
    offer = boxed()
    with pytest.raises(errors.OutOfStock):
        build.ordered(user, account, offer)
    assert store.levels(elsewhere) == (5, 0, 0)


def test_the_nearest_store_that_has_one_gives_it() -> None:
    user, account, city = home_with(3)
    assert account.region is not None
    near = store.item(1, place=account.region)
    offer = boxed(most_per_account=3)
    build.ordered(user, account, offer)
    assert (store.levels(near), store.levels(city)) == ((0, 0, 0), (3, 0, 0))
    build.ordered(user, account, offer)
    assert (store.levels(near), store.levels(city)) == ((0, 0, 0), (2, 0, 0))


def test_two_of_one_kind_need_two_pieces() -> None:
    user, account, item = home_with(1)
    one, two = boxed("one"), boxed("two")
    with pytest.raises(errors.OutOfStock):
        build.ordered(user, account, one, two)
    assert (build.nothing_changed(), store.levels(item)) == (True, (1, 0, 0))


def test_a_cancelled_order_gives_it_back() -> None:
    user, account, item = home_with(1)
    order = build.ordered(user, account, boxed(once=5000))
    build.done(user, "order.cancel", {"order": order.number})
    assert (store.levels(item), state()) == ((1, 0, 0), _R.RELEASED)


def test_an_unpaid_order_gives_it_back() -> None:
    user, account, item = home_with(1)
    order = build.ordered(user, account, boxed(once=5000))
    assert order.due_at is not None
    list(watch.run(watch.Job(as_of=order.due_at)))
    order.refresh_from_db()
    assert (order.state, store.levels(item)) == (OrderState.CANCELLED, (1, 0, 0))


def test_a_failed_order_gives_it_back() -> None:
    user, account, item = home_with(1)
    order = build.ordered(user, account, boxed(entitlements=("HD",)))
    assert (order.state, store.levels(item)) == (OrderState.IN_PROGRESS, (0, 1, 0))
    build.switch(adapter=build.Broken())
    orders.give_up(number=order.number, code="NOT_SWITCHED_ON", actor=build.ACTOR, as_of=NOON + HOUR)
    assert (store.levels(item), state()) == ((1, 0, 0), _R.RELEASED)


def test_what_is_returned_is_there_again_and_only_once() -> None:
    user, account, item = home_with(1)
    build.ordered(user, account, boxed(return_days=7))
    assert store.levels(item) == (0, 0, 0)
    build.cancelled(user, Subscription.objects.get(), as_of=NOON + HOUR)
    build.news(NOON + HOUR)
    assert store.levels(item) == (1, 0, 0)


def test_an_end_after_its_time_gives_nothing_back() -> None:
    user, account, item = home_with(1)
    build.ordered(user, account, boxed(return_days=7, cancel_effect="AT_ONCE"))
    build.cancelled(user, Subscription.objects.get(), as_of=NOON + timedelta(days=30))
    build.news(NOON + timedelta(days=30))
    assert store.levels(item) == (0, 0, 0)


def test_paid_when_the_piece_was_gone_it_fails_and_the_money_comes_back() -> None:
    user, account, item = home_with(1)
    order = build.ordered(user, account, boxed(once=5000))
    late = Reservation.objects.get().expires_at
    assert reservations.free_expired(as_of=late) == 1
    reservations.reserve(
        key="other", item_id=item.pk, quantity=1, holder="other", actor=build.ACTOR, as_of=late
    )
    assert order.bill is not None
    build.pay(order.bill, as_of=late)
    order.refresh_from_db()
    assert (order.state, order.lines.get().error) == (OrderState.FAILED, "ORDER_OUT_OF_STOCK")
    assert money.balance(account) == 5000
    assert store.levels(item) == (0, 1, 0)


def test_paid_when_its_time_had_run_out_it_takes_another() -> None:
    user, account, item = home_with(1)
    order = build.ordered(user, account, boxed(once=5000))
    late = Reservation.objects.get().expires_at
    assert order.bill is not None
    build.pay(order.bill, as_of=late)  # no job came yet: neither freed nor cancelled
    order.refresh_from_db()
    assert (order.state, store.levels(item)) == (OrderState.COMPLETED, (0, 0, 0))


def test_a_change_takes_only_what_he_does_not_have() -> None:
    user, account, item = home_with(3)
    first = boxed("first", group="tv", change_effect="AT_ONCE")
    second = boxed("second", group="tv", change_effect="AT_ONCE")
    third = boxed("third", "BOX-8K", group="tv")
    assert account.region is not None
    other = store.item(1, sku="BOX-8K", place=account.region)
    build.ordered(user, account, first)
    build.changed(user, Subscription.objects.get(), second)
    assert store.levels(item) == (2, 0, 0)
    build.changed(user, build.held(account, second), third)
    assert (store.levels(item), store.levels(other)) == ((2, 0, 0), (0, 0, 0))


def test_the_ledger_proves_what_orders_did() -> None:
    user, account, item = home_with(3)
    costly, plain = boxed("costly", once=5000), boxed("plain", return_days=7)
    order = build.ordered(user, account, costly)
    build.ordered(user, account, plain)
    assert stock_check.differences() == []
    build.done(user, "order.cancel", {"order": order.number})
    build.cancelled(user, Subscription.objects.get())
    assert stock_check.differences() == []
    assert store.levels(item) == (3, 0, 0)
