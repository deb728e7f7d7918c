"""Commands: once per key, in order per subject, to a person when they fail, and told to those who wait."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from core import outbox
from core.idempotency import IdempotencyConflict
from resources import events, queue
from resources.adapters.base import AdapterError, Order, Outcome, Status
from resources.models import Command, CommandHistory, CommandState
from resources.services import provisioning
from tests.conftest import NOON
from tests.resources import build
from tests.resources.build import ACTOR, minutes

pytestmark = pytest.mark.django_db


class Far:
    """A far system that does as it is told; it keeps what it was asked."""

    code = "far"

    def __init__(self, *answers: Outcome | Exception) -> None:
        self.answers = list(answers)
        self.orders: list[Order] = []

    def execute(self, order: Order) -> Outcome:
        self.orders.append(order)
        answer = self.answers.pop(0) if self.answers else Outcome(Status.DONE, "F1")
        if isinstance(answer, Exception):
            raise answer
        return answer


def work(far: Far, as_of: datetime = NOON) -> int:
    return provisioning.work(clock=lambda: as_of, adapter=far)


def state(key: str = "k1") -> str:
    return Command.objects.get(key=key).state


@pytest.fixture
def news(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[outbox.Event]]:
    heard: list[outbox.Event] = []
    monkeypatch.setattr(outbox, "publish", lambda event, *, as_of: heard.append(event))
    return heard  # type: ignore[return-value]


def test_a_command_is_carried_out_and_told(news: list[outbox.Event]) -> None:
    command, far = build.command(), Far()
    assert work(far) == 1
    assert far.orders == [
        Order("k1", "AUTHORISE", "subscription", "1", {"card": "8000000001", "products": ["BASIC"]})
    ]
    command.refresh_from_db()
    assert (command.state, command.far_reference, command.ended_at) == (CommandState.DONE, "F1", NOON)
    assert news == [
        events.CommandDone(
            command_key="k1",
            action="AUTHORISE",
            subject_kind="subscription",
            subject_id="1",
            far_reference="F1",
            by_hand=False,
        )
    ]
    assert news[0].key == "subscription:1"
    assert work(far, minutes(10)) == 0


def test_the_same_key_is_the_same_command_and_never_another() -> None:
    assert build.command().pk == build.command().pk
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        build.command(subject="2")
    assert Command.objects.count() == CommandHistory.objects.count() == 1


def test_many_at_once_are_what_they_are_one_by_one() -> None:
    """A subject with nothing before, with two at once, with one that waits, one known already, one that gives way."""
    asked = [
        build.asked("new"),
        build.asked("second", action="LINE_ON"),
        build.asked("behind", subject="2"),
        build.asked("known", subject="3"),
        build.asked("undoes", subject="4", action="DEAUTHORISE"),
        build.asked("other", subject="5"),
    ]

    def each() -> None:
        for one in asked:
            provisioning.request(one, as_of=NOON, actor=ACTOR)

    def left_by(act: Callable[[], None]) -> list[Any]:
        with transaction.atomic():
            build.command("waits", subject="2")
            build.command("known", subject="3")
            build.command("fails", subject="4")
            Command.objects.filter(key="fails").update(state=CommandState.FAILED)
            act()
            found = list(
                CommandHistory.objects.order_by("command__key", "pk").values_list(
                    "command__key", "command__state", "command__digest", "command__payload",
                    "from_state", "to_state", "actor", "reason", "at",
                )
            )  # fmt: skip
            transaction.set_rollback(True)
        return found

    at_once = left_by(lambda: provisioning.request_each(asked, as_of=NOON, actor=ACTOR))
    assert at_once == left_by(each)
    states = {row[0]: row[1] for row in at_once}
    assert states == {
        "new": "WAITING", "second": "BEHIND", "waits": "WAITING", "behind": "BEHIND", "known": "WAITING",
        "fails": "DONE", "undoes": "WAITING", "other": "WAITING",
    }  # fmt: skip


def test_commands_of_a_subject_keep_their_order_and_others_do_not_wait() -> None:
    for key, subject in (("k1", "1"), ("k2", "1"), ("k3", "1"), ("k4", "2")):
        build.command(key, subject=subject)
    assert [state(key) for key in ("k1", "k2", "k3", "k4")] == ["WAITING", "BEHIND", "BEHIND", "WAITING"]
    far = Far(AdapterError("BUSY", permanent=False))
    work(far)
    assert [order.key for order in far.orders] == ["k1", "k4"]
    work(far, minutes(1))
    work(far, minutes(1))
    work(far, minutes(1))
    assert [order.key for order in far.orders] == ["k1", "k4", "k1", "k2", "k3"]
    assert set(Command.objects.values_list("state", flat=True)) == {"DONE"}


def test_a_failure_that_passes_is_tried_again_with_longer_pauses() -> None:
    command, far = build.command(), Far(*[AdapterError("BUSY", permanent=False)] * 2)
    work(far)
    command.refresh_from_db()
    assert (command.state, command.error, command.next_attempt_at) == (
        "WAITING",
        "BUSY",
        NOON + timedelta(seconds=5),
    )
    assert work(far, NOON + timedelta(seconds=4)) == 0
    work(far, NOON + timedelta(seconds=5))
    command.refresh_from_db()
    assert command.next_attempt_at == NOON + timedelta(seconds=15)
    work(far, minutes(1))
    assert state() == CommandState.DONE


def test_a_refusal_goes_to_a_person_and_holds_back_what_came_later(news: list[outbox.Event]) -> None:
    build.command()
    build.command("k2")
    far = Far(AdapterError("REFUSED no such card", permanent=True))
    work(far)
    work(far, minutes(60))
    assert (state(), state("k2")) == ("FAILED", "BEHIND")
    assert len(far.orders) == 1
    [told] = news
    assert isinstance(told, events.CommandFailed)
    assert told.error == "REFUSED no such card"
    assert queue.COMMANDS.depth(as_of=minutes(60)).given_up == 1


def test_what_undoes_a_failed_command_does_not_wait_for_a_person(news: list[outbox.Event]) -> None:
    build.command()
    build.command("k2")
    far = Far(AdapterError("REFUSED no such card", permanent=True))
    work(far)
    build.command("k3", action="DEAUTHORISE")
    assert [state(key) for key in ("k1", "k2", "k3")] == ["DONE", "WAITING", "BEHIND"]
    work(far, minutes(1))
    work(far, minutes(2))
    assert [order.key for order in far.orders] == ["k1", "k2", "k3"]
    assert CommandHistory.objects.filter(command__key="k1").latest("pk").reason == "not wanted any more: k3"
    assert [event.command_key for event in news] == ["k1", "k2", "k3"]  # type: ignore[attr-defined]
    assert isinstance(news[0], events.CommandFailed)


def test_a_line_about_to_be_changed_stays_with_a_person(news: list[outbox.Event]) -> None:
    build.command()
    build.command("k2", action="LINE_CHANGE")
    work(Far(AdapterError("REFUSED no such card", permanent=True)))
    build.command("k3", action="DEAUTHORISE")
    assert [state(key) for key in ("k1", "k2", "k3")] == ["FAILED", "BEHIND", "BEHIND"]


def test_the_last_try_goes_to_a_person(news: list[outbox.Event]) -> None:
    build.command()
    far = Far(*[AdapterError("BUSY", permanent=False)] * 20)
    for hour in range(20):
        work(far, minutes(60 * hour))
    assert (state(), len(far.orders)) == ("FAILED", queue.COMMANDS.max_attempts)
    assert [type(event) for event in news] == [events.CommandFailed]


def test_a_bug_of_an_adapter_is_one_commands_failure() -> None:
    build.command()
    build.command("k2", subject="2")
    work(Far(RuntimeError("secret things")))
    command = Command.objects.get(key="k1")
    assert (command.state, command.error) == ("WAITING", "RuntimeError")
    assert state("k2") == "DONE"


def fail(key: str = "k1") -> Command:
    build.command(key)
    work(Far(AdapterError("REFUSED", permanent=True)))
    return Command.objects.get(key=key)


def test_run_again_begins_with_all_its_tries(news: list[outbox.Event]) -> None:
    command = fail()
    provisioning.run_again(command_id=command.pk, actor=ACTOR, as_of=minutes(5), reason="卡号已更正")
    command.refresh_from_db()
    assert (command.state, command.attempts, command.error, command.ended_at) == ("WAITING", 0, "", None)
    work(Far(AdapterError("REFUSED", permanent=True)), minutes(5))
    assert [type(event) for event in news] == [events.CommandFailed] * 2
    rows = list(CommandHistory.objects.order_by("pk").values_list("to_state", "reason"))
    assert rows == [("WAITING", ""), ("FAILED", "REFUSED"), ("WAITING", "卡号已更正"), ("FAILED", "REFUSED")]


def test_done_by_hand_lets_the_others_go_on(news: list[outbox.Event]) -> None:
    command = fail()
    build.command("k2")
    provisioning.done_by_hand(
        command_id=command.pk, actor=ACTOR, as_of=minutes(5), reason="已在授权系统手工开通"
    )
    assert (state(), state("k2")) == ("DONE", "WAITING")
    told = news[-1]
    assert isinstance(told, events.CommandDone)
    assert told.by_hand
    far = Far()
    work(far, minutes(5))
    assert [order.key for order in far.orders] == ["k2"]


@pytest.mark.parametrize("call", [provisioning.run_again, provisioning.done_by_hand])
def test_only_what_failed_is_in_a_persons_hands(call: Any) -> None:
    command = build.command()
    with pytest.raises(provisioning.NotFailed):
        call(command_id=command.pk, actor=ACTOR, as_of=minutes(1), reason="x")
    work(Far())
    with pytest.raises(provisioning.NotFailed):
        call(command_id=command.pk, actor=ACTOR, as_of=minutes(1), reason="x")
    assert state() == "DONE"


def test_what_is_under_way_is_asked_again_until_patience_ends(
    settings: Any, news: list[outbox.Event]
) -> None:
    settings.PROVISIONING_PATIENCE_HOURS = 1
    command, far = build.command(), Far(*[Outcome(Status.PENDING)] * 100)
    work(far)
    command.refresh_from_db()
    assert (command.state, command.accepted_at, command.attempts) == ("WAITING", NOON, 0)
    at = NOON
    while state() == "WAITING":
        at = Command.objects.get().next_attempt_at
        assert work(far, at) == 1
    assert state() == "FAILED"
    assert at >= minutes(60)
    assert 10 < len(far.orders) < 60
    assert [type(event) for event in news] == [events.CommandFailed]


def test_what_was_under_way_is_done_later() -> None:
    build.command()
    far = Far(Outcome(Status.PENDING))
    work(far)
    work(far, minutes(1))
    assert state() == "DONE"
    assert {order.key for order in far.orders} == {"k1"}


def test_who_lost_his_lease_changes_nothing_that_a_person_did(monkeypatch: pytest.MonkeyPatch) -> None:
    command = fail()
    provisioning.done_by_hand(command_id=command.pk, actor=ACTOR, as_of=minutes(1), reason="手工")
    late = Command.objects.get()
    for answer in (Outcome(Status.DONE, "F9"), Outcome(Status.PENDING)):
        provisioning._answered(late, answer, as_of=minutes(2))
    provisioning._not_done(late, AdapterError("BUSY", permanent=True), as_of=minutes(2))
    command.refresh_from_db()
    assert (command.state, command.far_reference) == ("DONE", "")


def test_a_command_that_kills_its_workers_is_told_of(news: list[outbox.Event]) -> None:
    build.command()
    for hour in range(queue.COMMANDS.max_attempts + 1):
        queue.COMMANDS.claim(limit=5, as_of=minutes(60 * hour))
    assert state() == "FAILED"
    assert news == []
    assert provisioning.note_lost(as_of=minutes(900)) == 1
    assert provisioning.note_lost(as_of=minutes(901)) == 0
    [told] = news
    assert isinstance(told, events.CommandFailed)
    assert told.error == "worker lost"


def test_the_settings_choose_the_adapter(settings: Any) -> None:
    build.command()
    assert provisioning.work(clock=lambda: NOON) == 1
    assert Command.objects.get().far_reference == "immediate:k1"
