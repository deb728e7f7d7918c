import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.db import transaction

from core import outbox
from core.models import CalendarDay, OutboxRow
from tests.threads import together


@dataclasses.dataclass(frozen=True)
class Happened(outbox.Event):
    name: ClassVar[str] = "tests.happened"
    who: str
    step: int = 0

    @property
    def key(self) -> str:
        return self.who


Handler = Callable[[Happened, datetime], None]


class Consumers:
    """Consumers that do as the test says."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int]] = []
        self.first: Handler = lambda event, as_of: None

    def handle_first(self, event: Happened, *, as_of: datetime) -> None:
        self.seen.append(("first", event.who, event.step))
        self.first(event, as_of)

    def handle_second(self, event: Happened, *, as_of: datetime) -> None:
        self.seen.append(("second", event.who, event.step))


@pytest.fixture
def consumers(monkeypatch: pytest.MonkeyPatch) -> Consumers:
    monkeypatch.setattr(outbox, "_by_event", {})
    monkeypatch.setattr(outbox, "_by_name", {})
    both = Consumers()
    outbox.consumer(Happened, name="tests.first")(both.handle_first)
    outbox.consumer(Happened, name="tests.second")(both.handle_second)
    return both


def refuse(event: Happened, as_of: datetime) -> None:
    raise RuntimeError(f"the secret of {event.who}")


def refuse_a(event: Happened, as_of: datetime) -> None:
    if event.who == "a":
        refuse(event, as_of)


def drain(as_of: datetime) -> int:
    total = 0
    while taken := outbox.dispatch(as_of=as_of):
        total += taken
    return total


def row(consumer: str = "tests.first", **values: Any) -> OutboxRow:
    return OutboxRow.objects.get(consumer=consumer, **values)


@pytest.mark.django_db
def test_each_consumer_gets_a_row_and_carries_it_out_once(consumers: Consumers, as_of: datetime) -> None:
    outbox.publish(Happened("a", 1), as_of=as_of)
    assert OutboxRow.objects.count() == 2
    assert drain(as_of) == 2
    assert sorted(consumers.seen) == [("first", "a", 1), ("second", "a", 1)]
    assert drain(as_of) == 0
    assert {(r.state, r.finished_at) for r in OutboxRow.objects.all()} == {("DONE", as_of)}


@pytest.mark.django_db
@pytest.mark.usefixtures("consumers")
def test_news_of_a_rolled_back_transaction_never_existed(as_of: datetime) -> None:
    with transaction.atomic():
        outbox.publish(Happened("a"), as_of=as_of)
        transaction.set_rollback(True)
    assert not OutboxRow.objects.exists()


@pytest.mark.django_db
def test_without_consumers_there_is_no_row(monkeypatch: pytest.MonkeyPatch, as_of: datetime) -> None:
    monkeypatch.setattr(outbox, "_by_event", {})
    outbox.publish(Happened("a"), as_of=as_of)
    assert not OutboxRow.objects.exists()


@pytest.mark.django_db
def test_order_is_kept_per_key(consumers: Consumers, as_of: datetime) -> None:
    for step in range(5):
        for who in ("a", "b"):
            outbox.publish(Happened(who, step), as_of=as_of)
    drain(as_of)
    for consumer in ("first", "second"):
        for who in ("a", "b"):
            steps = [step for name, key, step in consumers.seen if (name, key) == (consumer, who)]
            assert steps == [0, 1, 2, 3, 4]


@pytest.mark.django_db
def test_a_failure_blocks_its_own_key_and_consumer_only(consumers: Consumers, as_of: datetime) -> None:
    consumers.first = refuse_a
    for step in (1, 2):
        for who in ("a", "b"):
            outbox.publish(Happened(who, step), as_of=as_of)
    drain(as_of)
    assert ("first", "a", 2) not in consumers.seen
    done = {("first", "b", 1), ("first", "b", 2)} | {("second", who, step) for who in "ab" for step in (1, 2)}
    assert done <= set(consumers.seen)


@pytest.mark.django_db
def test_a_failure_is_tried_again_later_and_later(consumers: Consumers, as_of: datetime) -> None:
    consumers.first = refuse
    outbox.publish(Happened("a"), as_of=as_of)
    waits = []
    for _ in range(outbox.MAX_ATTEMPTS):
        drain(as_of)
        kept = row()
        waits.append((kept.next_attempt_at - as_of).total_seconds())
        as_of = kept.next_attempt_at
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert (kept.state, kept.attempts, kept.error) == ("DEAD", 12, "RuntimeError")
    assert drain(as_of + timedelta(days=30)) == 0


@pytest.mark.django_db
def test_a_dead_row_holds_back_its_key_until_it_is_run_again(consumers: Consumers, as_of: datetime) -> None:
    outbox.publish(Happened("a", 1), as_of=as_of)
    dead = row()
    OutboxRow.objects.filter(pk=dead.pk).update(state="DEAD", attempts=12)
    outbox.publish(Happened("a", 2), as_of=as_of)
    outbox.publish(Happened("b", 1), as_of=as_of)
    drain(as_of)
    assert [entry for entry in consumers.seen if entry[0] == "first"] == [("first", "b", 1)]
    assert outbox.run_again(dead.pk, as_of=as_of) is True
    drain(as_of)
    steps = [step for name, who, step in consumers.seen if (name, who) == ("first", "a")]
    assert steps == [1, 2]


@pytest.mark.django_db
def test_only_a_dead_row_is_run_again(consumers: Consumers, as_of: datetime) -> None:
    outbox.publish(Happened("a"), as_of=as_of)
    assert outbox.run_again(row().pk, as_of=as_of) is False
    drain(as_of)
    assert outbox.run_again(row().pk, as_of=as_of) is False
    assert len(consumers.seen) == 2


@pytest.mark.django_db
def test_a_failed_consumer_leaves_no_effect(consumers: Consumers, as_of: datetime) -> None:
    def half(event: Happened, as_of: datetime) -> None:
        CalendarDay.objects.create(day=as_of.date(), is_working=True)
        raise RuntimeError

    consumers.first = half
    outbox.publish(Happened("a"), as_of=as_of)
    drain(as_of)
    assert not CalendarDay.objects.exists()
    assert row(consumer="tests.second").state == "DONE"


class Killed(BaseException):
    """What ends a process, not an error of the consumer."""


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_everything_is_as_before(consumers: Consumers, as_of: datetime) -> None:
    def die(event: Happened, as_of: datetime) -> None:
        CalendarDay.objects.create(day=as_of.date(), is_working=True)
        raise Killed

    consumers.first = die
    outbox.publish(Happened("a"), as_of=as_of)
    with pytest.raises(Killed):
        drain(as_of)
    assert not CalendarDay.objects.exists()
    assert set(OutboxRow.objects.values_list("state", "attempts")) == {("PENDING", 0)}

    consumers.first = lambda event, as_of: None
    assert drain(as_of) == 2


@pytest.mark.django_db(transaction=True)
def test_dispatchers_side_by_side_do_each_piece_once_and_in_order(
    consumers: Consumers, as_of: datetime
) -> None:
    for step in range(10):
        for who in "abcdef":
            outbox.publish(Happened(who, step), as_of=as_of)
    totals = together(*[lambda: drain(as_of)] * 4)
    drain(as_of)  # what a dispatcher left because its key was busy elsewhere
    assert sum(totals) <= 120
    assert len(consumers.seen) == len(set(consumers.seen)) == 120
    for who in "abcdef":
        steps = [step for name, key, step in consumers.seen if (name, key) == ("first", who)]
        assert steps == list(range(10))


@pytest.mark.django_db
def test_news_for_a_consumer_that_is_not_installed_waits(
    consumers: Consumers, monkeypatch: pytest.MonkeyPatch, as_of: datetime
) -> None:
    outbox.publish(Happened("a"), as_of=as_of)
    monkeypatch.delitem(outbox._by_name, "tests.first")
    drain(as_of)
    assert (row().state, row().attempts) == ("PENDING", 1)


def test_two_consumers_of_one_name_are_refused(consumers: Consumers) -> None:
    with pytest.raises(ValueError, match=r"tests\.first"):
        outbox.consumer(Happened, name="tests.first")(consumers.handle_second)


def test_an_event_must_name_its_key() -> None:
    class Keyless(outbox.Event):
        name = "tests.keyless"

    with pytest.raises(TypeError, match="Keyless"):
        Keyless().key  # noqa: B018  reading it is the point
