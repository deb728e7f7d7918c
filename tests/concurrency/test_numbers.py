"""A hundred customers press the same button: one has the number. And the same pieces for two orders."""

from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from core.errors import HallError
from resources import locks
from resources.models import Command, CommandState, Number, NumberPeriod, Reservation
from resources.services import numbers, provisioning, reservations, stock
from tests.concurrency.races import Meeting, caught
from tests.conftest import NOON
from tests.resources import build
from tests.resources.build import ACTOR
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
DIGITS = "13812345678"
CUSTOMERS = 100


def test_a_hundred_holds_of_one_number_have_one_winner() -> None:
    build.number()
    outcomes = together(*[caught(partial(build.hold, DIGITS, f"user:{n}")) for n in range(CUSTOMERS)])
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(outcomes) == CUSTOMERS
    assert {type(error) for error in refused} == {numbers.NumberTaken}
    assert (len(refused), NumberPeriod.objects.count()) == (CUSTOMERS - 1, 1)


def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked before one writes."""
    monkeypatch.setattr(locks, "number", Meeting(2).after(lambda digits: Number.objects.get(digits=digits)))
    monkeypatch.setattr(numbers, "_check_free", Meeting(2).after(numbers._check_free))


def test_without_the_lock_the_constraint_still_lets_one_win(monkeypatch: pytest.MonkeyPatch) -> None:
    build.number()
    unlocked(monkeypatch)
    outcomes = together(*[caught(partial(build.hold, DIGITS, f"user:{n}")) for n in range(2)])
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    # Two rows that exclude each other may wait for one another; then PostgreSQL undoes one of them.
    assert len(refused) == 1
    assert isinstance(refused[0], numbers.NumberTaken | OperationalError)
    assert NumberPeriod.objects.count() == 1


def test_control_without_lock_and_constraint_both_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    build.number()
    unlocked(monkeypatch)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE resources_numberperiod DROP CONSTRAINT number_had_by_one")
    try:
        outcomes = together(*[caught(partial(build.hold, DIGITS, f"user:{n}")) for n in range(2)])
        assert [type(outcome) for outcome in outcomes] == [numbers.Held] * 2
        assert NumberPeriod.objects.filter(during__contains=NOON).count() == 2
    finally:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE resources_numberperiod")
            cursor.execute(
                "ALTER TABLE resources_numberperiod ADD CONSTRAINT number_had_by_one"
                " EXCLUDE USING gist (number_id WITH =, during WITH &&)"
            )


def test_one_holder_in_many_tabs_keeps_to_his_limit(settings: Any) -> None:
    settings.NUMBER_HOLDS_PER_HOLDER = 3
    for n in range(8):
        build.number(f"1380000000{n}")
    outcomes = together(*[caught(partial(build.hold, f"1380000000{n}")) for n in range(8)])
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert {type(error) for error in refused} == {numbers.TooManyHolds}
    assert NumberPeriod.objects.count() == 3


def test_control_without_the_holders_lock_he_gets_more(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.NUMBER_HOLDS_PER_HOLDER = 1
    for n in range(2):
        build.number(f"1380000000{n}")
    monkeypatch.setattr(locks, "holder", lambda ref: None)
    monkeypatch.setattr(numbers, "_begin", _after_both_looked(numbers._begin))
    together(*[caught(partial(build.hold, f"1380000000{n}")) for n in range(2)])
    assert NumberPeriod.objects.count() == 2


def _after_both_looked(call: Any) -> Any:
    meeting = Meeting(2)

    def begin(*args: Any, **kwargs: Any) -> Any:
        meeting.wait()
        return call(*args, **kwargs)

    return begin


def test_the_last_pieces_are_reserved_once() -> None:
    item = build.item(3)

    def reserve(n: int) -> Reservation:
        return reservations.reserve(
            key=f"r{n}", item_id=item.pk, quantity=1, holder=f"order:{n}", actor=ACTOR, as_of=NOON
        )

    outcomes = together(*[caught(partial(reserve, n)) for n in range(10)])
    refused = [outcome for outcome in outcomes if isinstance(outcome, HallError)]
    assert {type(error) for error in refused} == {stock.OutOfStock}
    assert (len(refused), build.levels(item)) == (7, (0, 3, 0))


def test_the_same_key_from_everywhere_is_one_command() -> None:
    build.region()
    outcomes = together(*[partial(build.command, "k1")] * 8)
    assert len({command.pk for command in outcomes}) == 1
    assert Command.objects.count() == 1


def test_commands_of_a_subject_that_come_together_stand_in_one_line() -> None:
    build.region()
    together(*[partial(build.command, f"k{n}") for n in range(8)])
    states = sorted(Command.objects.values_list("state", flat=True))
    assert states == [CommandState.BEHIND] * 7 + [CommandState.WAITING]
    done = 0
    while taken := provisioning.work(clock=lambda: NOON):
        done += taken
    assert done == 8
    assert list(Command.objects.order_by("ended_at", "pk").values_list("pk", flat=True)) == sorted(
        Command.objects.values_list("pk", flat=True)
    )
