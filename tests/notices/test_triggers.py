"""What a source finds is told once by its trigger, however often the job runs."""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from core import clock, heartbeats
from core.models import Heartbeat
from notices import kinds, tasks, triggers
from notices.kinds import ACCOUNT_TAIL, AMOUNT, WAY_OUT, Kind, Purpose
from notices.models import Channel, Delivery, Message, Template, Trigger
from notices.services import triggering
from notices.services.messages import Address
from notices.services.triggering import Counts, Job
from notices.triggers import Found
from tests.conftest import NOON
from tests.notices import build
from tests.threads import together

pytestmark = pytest.mark.django_db
SOURCE = "test.paid"


class Toy:
    """A source of the test, and what it finds."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.asked: list[tuple[int, date]] = []

    def find(self, days: int, today: date, as_of: datetime) -> Iterator[Found]:
        self.asked.append((days, today))
        yield from self.found

    def add(self, key: str, **more: Any) -> None:
        given = {"addresses": [build.PHONE], "context": build.PAID} | more
        self.found.append(Found(key=key, recipient_ref="account:8100000001", **given))


@pytest.fixture
def toy() -> Iterator[Toy]:
    toy = Toy()
    named = [kinds.Variable(name, name, name) for name in build.PAID]
    triggers.source(SOURCE, title="toy", days_mean="toy", variables=named)(toy.find)
    Trigger.objects.all().update(is_on=False)
    yield toy
    triggers.withdraw(SOURCE)


@pytest.fixture
def marketing() -> Iterator[Kind]:
    kind = Kind(
        code="toy_offer", title="toy", purpose=Purpose.MARKETING, variables=(ACCOUNT_TAIL, AMOUNT, WAY_OUT)
    )
    kinds.declare(kind)
    Template.objects.create(
        code="toy_offer", channel="SMS", version=1, body="{{ amount }} {{ way_out }}", active_from=NOON
    )
    yield kind
    kinds.withdraw("toy_offer")


def trigger(code: str = "toy", **more: Any) -> Trigger:
    values = {"title": "toy", "source": SOURCE, "template_code": "payment_received", "days": -3}
    return Trigger.objects.create(code=code, **values | {"active_from": date(2026, 1, 1)} | more)


def run(**options: Any) -> Counts:
    return list(triggering.run(Job(as_of=options.pop("as_of", NOON), **options)))[-1]


def keys() -> list[str]:
    return sorted(Message.objects.values_list("dedupe_key", flat=True))


def test_each_is_told_once(toy: Toy) -> None:
    trigger()
    toy.add("a")
    toy.add("b")
    assert run() == Counts(told=2)
    assert run(as_of=NOON + timedelta(days=1)) == Counts(known=2)
    assert keys() == ["trigger:toy:a", "trigger:toy:b"]
    assert Delivery.objects.count() == 2
    assert toy.asked == [(-3, date(2026, 11, 18)), (-3, date(2026, 11, 19))]


def test_the_message_is_the_one_of_its_kind(toy: Toy) -> None:
    trigger()
    toy.add("a", language="en")
    run()
    message = Message.objects.get()
    assert (message.code, message.language, message.context) == ("payment_received", "en", build.PAID)
    assert message.deliveries.get().body.startswith("[Online Hall] We received ¥26.00")


def test_two_triggers_on_one_source_tell_each_their_own(toy: Toy) -> None:
    trigger("first")
    trigger("second", days=0)
    toy.add("a")
    assert run() == Counts(told=2)
    assert keys() == ["trigger:first:a", "trigger:second:a"]


@pytest.mark.parametrize(
    "changes",
    [
        {"is_on": False},
        {"active_from": date(2026, 11, 19)},
        {"active_to": date(2026, 11, 18)},
    ],
)
def test_one_that_is_off_tells_nobody(toy: Toy, changes: dict[str, Any]) -> None:
    trigger(**changes)
    toy.add("a")
    assert run() == Counts()
    assert not Message.objects.exists()


def test_the_last_day_is_the_one_before_its_end(toy: Toy) -> None:
    trigger(active_from=date(2026, 11, 18), active_to=date(2026, 11, 19))
    toy.add("a")
    assert run().told == 1


def test_a_dry_run_tells_nobody(toy: Toy) -> None:
    found = trigger()
    toy.add("a")
    toy.add("b", addresses=[])
    assert run(dry_run=True) == Counts(told=1, unreachable=1)
    assert [each.key for each in triggering.ahead(found, as_of=NOON, most=10)] == ["a"]
    assert not Message.objects.exists()
    run()
    assert triggering.ahead(found, as_of=NOON, most=10) == []


def test_marketing_goes_only_to_who_agreed(toy: Toy, marketing: Kind) -> None:
    found = trigger(template_code=marketing.code)
    toy.add("no", context=build.PAID | {"way_out": "x"})
    toy.add("yes", context=build.PAID | {"way_out": "x"}, consent="consent:7")
    assert [each.key for each in triggering.ahead(found, as_of=NOON, most=10)] == ["yes"]
    assert run() == Counts(told=1, unconsented=1)
    assert [(row.dedupe_key, row.consent) for row in Message.objects.all()] == [
        ("trigger:toy:yes", "consent:7")
    ]


def test_one_bad_row_costs_its_own_message_only(toy: Toy) -> None:
    trigger()
    toy.add("a")
    toy.add("bad", context={})
    toy.add("b")
    assert run() == Counts(told=2, failed=1)
    assert keys() == ["trigger:toy:a", "trigger:toy:b"]


def test_a_trigger_without_its_source_leaves_the_others_alone(toy: Toy) -> None:
    trigger("a", source="of.another.version")
    trigger("b")
    toy.add("x")
    assert run() == Counts(told=1, failed=1)


def test_limit_and_one_trigger_alone(toy: Toy) -> None:
    trigger("first")
    trigger("second")
    for key in "abc":
        toy.add(key)
    assert run(limit=2, code="second") == Counts(told=2)
    assert keys() == ["trigger:second:a", "trigger:second:b"]


def test_asked_to_stop_it_stops_between_chunks(toy: Toy) -> None:
    trigger()
    toy.add("a")
    assert run(stop=lambda: True) == Counts()


def test_the_job_is_missed_when_it_stays_away() -> None:
    assert triggering.JOB in heartbeats.expected()


def test_the_command_prints_its_counts_and_fails_when_one_failed(toy: Toy) -> None:
    trigger()
    toy.add("a")
    out = StringIO()
    call_command("fire_triggers", "--as-of", "2026-11-18T12:00:00", "--json", stdout=out)
    assert json.loads(out.getvalue())["told"] == 1
    toy.add("bad", context={})
    with pytest.raises(SystemExit):
        call_command("fire_triggers", "--as-of", "2026-11-18T12:00:00", stdout=out)
    with pytest.raises(CommandError):
        call_command("fire_triggers", "--limit", "0")


@pytest.mark.parametrize(
    "change", [{"code": "other"}, {"source": "other"}, {"active_from": date(2026, 1, 2)}]
)
def test_what_a_trigger_is_never_changes(toy: Toy, change: dict[str, Any]) -> None:
    found = trigger()
    with pytest.raises(IntegrityError), transaction.atomic():
        Trigger.objects.filter(pk=found.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        found.delete()
    Trigger.objects.filter(pk=found.pk).update(days=-5, is_on=False)


def test_our_own_triggers_have_source_kind_and_texts() -> None:
    rows = list(Trigger.objects.all())
    assert {row.code for row in rows} == {"bill_due", "discount_ending", "large_bill", "term_ending"}
    for row in rows:
        kind = kinds.get(row.template_code)
        assert triggers.get(row.source).missing(kind) == frozenset()
        assert {Channel.SMS, Channel.EMAIL, Channel.INBOX} <= set(kind.channels)


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_tell_once(toy: Toy) -> None:
    trigger()
    for n in range(60):
        toy.add(f"{n:03d}", addresses=_phones(n))
    counts = together(*[lambda: run() for _ in range(3)])
    assert [each.failed for each in counts] == [0, 0, 0]
    assert Message.objects.count() == Delivery.objects.count() == 60


@pytest.mark.django_db(transaction=True)
def test_the_job_runs_by_itself_and_says_so(toy: Toy) -> None:
    trigger()
    toy.add("a")
    with clock.stopped(NOON):
        assert tasks.fire_triggers() == 1
        assert tasks.fire_triggers() == 0
    beat = Heartbeat.objects.get(job=triggering.JOB)
    assert (beat.last_ok, beat.detail["known"]) == (True, 1)


def _phones(n: int) -> Sequence[Address]:
    return [Address(Channel.SMS, f"+861380000{n:04d}")]
