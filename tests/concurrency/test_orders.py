"""Two orders of one group at once: one wins. A payment and the end of its time at once: one of them."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest

from accounts.models import BillingAccount
from billing.models import Bill
from catalog.models import Order, OrderState, Subscription
from catalog.orders import errors, locks
from catalog.orders.services import orders
from operations.services import slips
from resources import locks as stock_locks
from resources.models import StockItem
from resources.services import stock
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.concurrency.races import Meeting, caught
from tests.conftest import NOON
from tests.resources import build as store
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


def two_of_one_group() -> list[Any]:
    """The outcomes of two people of one home who order rival packages at the same moment."""
    user, account = build.home()
    other = build.member(account, "OWNER")
    asked = []
    for who, code in ((user, "one"), (other, "two")):
        build.offer(code, group="tv")
        raw = {"account": account.number, "offers": [code]}
        digest = build.quoted(who, "package.order", raw).digest
        given = {"agreed": "yes", "code": build.code(build.ctx(who), "package.order", raw)}
        asked.append(
            partial(
                slips.submit,
                operation="package.order",
                ctx=build.ctx(who),
                raw=raw,
                quote_digest=digest,
                confirmation=given,
                idempotency_key=f"race-{code}-1",
            )
        )
    return together(*[caught(call) for call in asked])


def test_one_of_two_rival_orders_wins() -> None:
    outcomes = two_of_one_group()
    refused = [each for each in outcomes if isinstance(each, Exception)]
    assert [type(error) for error in refused] == [errors.SameGroup]
    assert (Order.objects.count(), Subscription.objects.held().count()) == (1, 1)


def test_control_without_the_lock_both_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        locks, "accounts", lambda payer_id, account_id: BillingAccount.objects.get(pk=account_id)
    )
    real, meeting = orders.submit, Meeting(2)

    def met(**given: Any) -> Order:
        meeting.wait()  # both were quoted under no lock
        return real(**given)

    monkeypatch.setattr(orders, "submit", met)
    outcomes = two_of_one_group()
    assert not [each for each in outcomes if isinstance(each, Exception)]
    assert Order.objects.count() == 2


def two_for_the_last_piece() -> list[Any]:
    """The outcomes of two homes that order at the same moment what the store has one of."""
    box = build.offer("box", 1000)
    spec = shop.specification("box")
    spec.stock_item = "BOX-4K"
    spec.save(update_fields=["stock_item"])
    box.specifications.add(spec)
    city = store.region("城")
    store.item(1, place=city)
    asked = []
    for name in ("one", "two"):
        who, account = build.home()
        account.region = city
        account.save(update_fields=["region"])
        raw = {"account": account.number, "offers": ["box"]}
        asked.append(
            partial(
                slips.submit,
                operation="package.order",
                ctx=build.ctx(who),
                raw=raw,
                quote_digest=build.quoted(who, "package.order", raw).digest,
                confirmation={"agreed": "yes", "code": build.code(build.ctx(who), "package.order", raw)},
                idempotency_key=f"piece-{name}",
            )
        )
    return together(*[caught(call) for call in asked])


def test_the_last_piece_goes_to_one_of_two() -> None:
    outcomes = two_for_the_last_piece()
    refused = [each for each in outcomes if isinstance(each, Exception)]
    assert [type(error) for error in refused] == [errors.OutOfStock]
    assert (Order.objects.count(), Subscription.objects.count(), Bill.objects.count()) == (1, 1, 0)
    item = StockItem.objects.get()
    assert (item.available, item.reserved) == (0, 0)


def test_control_without_the_stores_lock_the_database_stops_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both see the piece; the level is never below zero, whoever forgets the lock."""
    meeting = Meeting(2)

    def met(ids: Iterable[int]) -> dict[int, StockItem]:
        found = {row.pk: row for row in StockItem.objects.filter(pk__in=list(ids))}
        meeting.wait()
        return found

    monkeypatch.setattr(stock_locks, "items", met)
    outcomes = two_for_the_last_piece()
    refused = [each for each in outcomes if isinstance(each, Exception)]
    assert [type(error) for error in refused] == [stock.OutOfStock]
    assert (Order.objects.count(), StockItem.objects.get().available) == (1, 0)


def test_a_payment_and_the_end_of_its_time_at_once() -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("hd", once=5000))
    assert order.due_at is not None
    assert order.bill is not None
    paid = money.payment(account, 5000, first=order.bill)

    def pay() -> Any:
        return money.apply(paid, money.report(paid, paid_at=NOON), as_of=NOON)

    def end() -> Any:
        return orders.unpaid(number=order.number, actor=build.ACTOR, as_of=order.due_at or NOON)

    outcomes = together(caught(pay), caught(end))
    assert not [each for each in outcomes if isinstance(each, Exception)]
    build.news()
    order.refresh_from_db()
    held = Subscription.objects.count()
    assert (order.state, held, money.balance(account)) in [
        (OrderState.COMPLETED, 1, 0),
        (OrderState.CANCELLED, 0, 5000),
    ]
    assert money.books_are_right()
