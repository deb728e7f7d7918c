"""Stock: levels that are the sums of their moves and never negative; reservations, transfers, alarms."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.db import violated
from core.errors import HallError, NotFound
from core.models import OutboxRow
from core.statemachine import IllegalTransition
from resources.models import LowStock, Reservation, ReservationState, StockItem, StockMove, Transfer
from resources.services import reservations, stock, stock_check, transfers
from resources.services.reservations import Expired
from tests.conftest import NOON
from tests.resources import build
from tests.resources.build import ACTOR, levels, minutes

pytestmark = pytest.mark.django_db


def reserve(item: StockItem, quantity: int = 2, key: str = "r1", holder: str = "order:1") -> Reservation:
    return reservations.reserve(
        key=key, item_id=item.pk, quantity=quantity, holder=holder, actor=ACTOR, as_of=NOON
    )


def send(source: StockItem, target: StockItem, quantity: int = 4, key: str = "t1") -> Transfer:
    return transfers.send(
        key=key, source_id=source.pk, target_id=target.pk, quantity=quantity, actor=ACTOR, as_of=NOON
    )


def other_place(item: StockItem) -> StockItem:
    return build.item(0, sku=item.sku, place=build.region("城西"))


def test_what_came_is_there_once_per_key() -> None:
    item = build.item(0)
    for _ in range(2):
        stock.receive(item_id=item.pk, quantity=5, key="in", actor=ACTOR, as_of=NOON)
    assert levels(item) == (5, 0, 0)
    with pytest.raises(stock.KeyUsed):
        stock.receive(item_id=item.pk, quantity=6, key="in", actor=ACTOR, as_of=NOON)
    for wrong in (0, -1):
        with pytest.raises(stock.NoQuantity):
            stock.receive(item_id=item.pk, quantity=wrong, key="x", actor=ACTOR, as_of=NOON)
    with pytest.raises(NotFound):
        stock.receive(item_id=0, quantity=1, key="y", actor=ACTOR, as_of=NOON)
    assert (levels(item), StockMove.objects.count()) == ((5, 0, 0), 1)


def test_a_count_sets_the_level_right_by_one_move() -> None:
    item = build.item(10)
    assert stock.count(item_id=item.pk, found=10, actor=ACTOR, as_of=NOON, reason="盘点") is None
    move = stock.count(item_id=item.pk, found=7, actor=ACTOR, as_of=NOON, reason="少了三台")
    assert move is not None
    assert (move.available, levels(item)) == (-3, (7, 0, 0))
    with pytest.raises(stock.NoQuantity):
        stock.count(item_id=item.pk, found=-1, actor=ACTOR, as_of=NOON, reason="x")


def test_reserved_pieces_are_not_available_and_come_back() -> None:
    item = build.item(3)
    assert reserve(item).pk == reserve(item).pk
    assert levels(item) == (1, 2, 0)
    with pytest.raises(stock.OutOfStock):
        reserve(item, 2, "r2")
    with pytest.raises(stock.KeyUsed):
        reserve(item, 1)
    assert levels(item) == (1, 2, 0)
    for _ in range(2):
        reservations.release(key="r1", actor=ACTOR, as_of=minutes(1))
    assert levels(item) == (3, 0, 0)


def test_what_is_not_confirmed_in_time_is_freed_by_the_job(settings: Any) -> None:
    settings.STOCK_RESERVATION_MINUTES = 30
    item = build.item(5)
    reserve(item, 2, "r1")
    reserve(item, 1, "r2")
    reservations.confirm(key="r2", actor=ACTOR, as_of=minutes(1))
    assert reservations.free_expired(as_of=minutes(29.9)) == 0
    assert reservations.free_expired(as_of=minutes(30)) == 1
    assert reservations.free_expired(as_of=minutes(30)) == 0
    assert levels(item) == (4, 1, 0)
    states = dict(Reservation.objects.values_list("key", "state"))
    assert states == {"r1": ReservationState.EXPIRED, "r2": ReservationState.CONFIRMED}
    for late in (reservations.confirm, reservations.consume):
        with pytest.raises(Expired):
            late(key="r1", actor=ACTOR, as_of=minutes(31))


def test_too_late_is_too_late_also_before_the_job_comes() -> None:
    item = build.item(5)
    reserve(item)
    for late in (reservations.confirm, reservations.consume):
        with pytest.raises(Expired):
            late(key="r1", actor=ACTOR, as_of=minutes(30))
    assert levels(item) == (3, 2, 0)


def test_consumed_pieces_are_gone_once() -> None:
    item = build.item(5)
    reserve(item)
    reservations.confirm(key="r1", actor=ACTOR, as_of=minutes(1))
    reservations.confirm(key="r1", actor=ACTOR, as_of=minutes(1))
    for _ in range(2):
        reservations.consume(key="r1", actor=ACTOR, as_of=minutes(90))
    assert levels(item) == (3, 0, 0)
    with pytest.raises(IllegalTransition):
        reservations.release(key="r1", actor=ACTOR, as_of=minutes(91))
    with pytest.raises(NotFound):
        reservations.consume(key="r9", actor=ACTOR, as_of=minutes(91))
    rows = list(Reservation.objects.get().history.order_by("pk").values_list("from_state", "to_state"))
    assert rows == [("", "HELD"), ("HELD", "CONFIRMED"), ("CONFIRMED", "CONSUMED")]


def test_a_transfer_is_in_transit_until_it_arrives_and_what_is_lost_is_gone() -> None:
    source = build.item(10)
    target = other_place(source)
    assert send(source, target).pk == send(source, target).pk
    assert (levels(source), levels(target)) == ((6, 0, 0), (0, 0, 4))
    with pytest.raises(transfers.TooMany):
        transfers.arrive(key="t1", quantity=5, actor=ACTOR, as_of=minutes(1))
    for _ in range(2):
        transfers.arrive(key="t1", quantity=3, actor=ACTOR, as_of=minutes(1), reason="破损")
    assert (levels(source), levels(target)) == ((6, 0, 0), (3, 0, 0))
    with pytest.raises(IllegalTransition):
        transfers.call_back(key="t1", actor=ACTOR, as_of=minutes(2), reason="x")


def test_a_transfer_that_is_called_back_is_at_home_again() -> None:
    source = build.item(10)
    target = other_place(source)
    send(source, target)
    for _ in range(2):
        transfers.call_back(key="t1", actor=ACTOR, as_of=minutes(1), reason="没装车")
    assert (levels(source), levels(target)) == ((10, 0, 0), (0, 0, 0))
    with pytest.raises(IllegalTransition):
        transfers.arrive(key="t1", quantity=4, actor=ACTOR, as_of=minutes(2))


def test_only_the_same_thing_goes_to_another_place() -> None:
    source = build.item(10)
    for target in (source, build.item(1, sku="CARD")):
        with pytest.raises(transfers.NotTheSame):
            send(source, target)
    with pytest.raises(stock.OutOfStock):
        send(source, other_place(source), 11)
    assert (levels(source), Transfer.objects.count()) == ((10, 0, 0), 0)


def test_the_alarm_begins_at_the_line_and_ends_above_it() -> None:
    item = build.item(10, low_at=5)
    reserve(item, 4)
    assert not LowStock.objects.exists()
    reserve(item, 1, "r2")
    alarm = LowStock.objects.get()
    assert (alarm.available, alarm.raised_at, alarm.ended_at) == (5, NOON, None)
    reserve(item, 1, "r3")
    assert LowStock.objects.count() == 1  # not one per piece
    reservations.release(key="r1", actor=ACTOR, as_of=minutes(1))
    alarm.refresh_from_db()
    assert alarm.ended_at == minutes(1)
    stock.set_line(item_id=item.pk, low_at=None, as_of=minutes(2))
    reserve(item, 7, "r4")
    assert LowStock.objects.count() == 1
    assert not OutboxRow.objects.exclude(event="resources.stock_low").exists()


def refused(sql: str) -> str:
    with pytest.raises(IntegrityError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    return violated(error.value)


def test_the_database_lets_no_level_fall_below_zero() -> None:
    build.item(1)
    for level in ("available", "reserved", "in_transit"):
        assert refused(f"UPDATE resources_stockitem SET {level} = -1") == f"stock_{level}_not_negative"


def test_the_check_finds_a_level_that_its_moves_do_not_prove(capsys: pytest.CaptureFixture[str]) -> None:
    item = build.item(10)
    reserve(item)
    send(item, other_place(item))
    call_command("check_stock")
    assert "every level" in capsys.readouterr().out
    StockItem.objects.filter(pk=item.pk).update(available=5, in_transit=1)
    with pytest.raises(CommandError, match="3 differences"):
        call_command("check_stock")
    assert {each.level for each in stock_check.differences()} == {
        "available",
        "in transit",
        "in transit by transfers",
    }


class StockMachine(RuleBasedStateMachine):
    """Whatever is done in whatever order: no level below zero, and each is the sum of its rows."""

    held = Bundle("held")
    under_way = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self._outer = transaction.atomic()
        self._outer.__enter__()
        self._items = [build.item(3), build.item(2, place=build.region("城西"))]
        self._count = 0
        self._pieces = 5

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._outer.__exit__(None, None, None)

    def _key(self) -> str:
        self._count += 1
        return f"m{self._count}"

    @rule(target=held, at=st.integers(0, 1), quantity=st.integers(1, 3))
    def reserve(self, at: int, quantity: int) -> str:
        key = self._key()
        self._try(lambda: reserve(self._items[at], quantity, key))
        return key

    @rule(target=under_way, at=st.integers(0, 1), quantity=st.integers(1, 3))
    def send(self, at: int, quantity: int) -> str:
        key = self._key()
        self._try(lambda: send(self._items[at], self._items[1 - at], quantity, key))
        return key

    @rule(key=held, call=st.sampled_from([reservations.confirm, reservations.release]))
    def decide(self, key: str, call: Any) -> None:
        self._try(lambda: call(key=key, actor=ACTOR, as_of=minutes(1)))

    @rule(key=consumes(held))
    def consume(self, key: str) -> None:
        before = Reservation.objects.filter(key=key, state__in=("HELD", "CONFIRMED")).first()
        self._try(lambda: reservations.consume(key=key, actor=ACTOR, as_of=minutes(1)))
        self._pieces -= before.quantity if before else 0

    @rule(key=under_way, lost=st.integers(0, 1))
    def arrive(self, key: str, lost: int) -> None:
        known = Transfer.objects.filter(key=key, state="UNDER_WAY").first()
        if known:
            transfers.arrive(key=key, quantity=known.quantity - lost, actor=ACTOR, as_of=minutes(1))
            self._pieces -= lost

    @rule(key=under_way)
    def call_back(self, key: str) -> None:
        self._try(lambda: transfers.call_back(key=key, actor=ACTOR, as_of=minutes(1), reason="x"))

    @precondition(lambda self: self._count > 2)
    @rule()
    def expire(self) -> None:
        reservations.free_expired(as_of=minutes(60))

    @invariant()
    def every_level_is_proven(self) -> None:
        assert stock_check.differences() == []
        assert sum(sum(levels(item)) for item in self._items) == self._pieces

    def _try(self, call: Any) -> None:
        try:
            call()
        except HallError:
            return


@pytest.mark.django_db
def test_any_order_of_events_keeps_the_books() -> None:
    run_state_machine_as_test(
        StockMachine, settings=hypothesis_settings(max_examples=15, stateful_step_count=15, deadline=None)
    )
