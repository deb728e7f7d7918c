import contextlib
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from catalog.choices import SuspensionReason
from catalog.holdings.services import bulk_suspensions, subscriptions, suspensions
from catalog.holdings.services.subscriptions import Outcome
from catalog.models import Offer, Subscription, Suspension
from core.errors import HallError
from core.models import OutboxRow
from resources.models import Command
from resources.services import devices
from tests.billing import build as money
from tests.catalog.holdings import build
from tests.catalog.holdings.build import ACTOR, TODAY, day, noon
from tests.conftest import NOON
from tests.resources import build as store

pytestmark = pytest.mark.django_db
HOW: Any = {"actor": ACTOR, "as_of": NOON}
R = SuspensionReason


@pytest.fixture
def channels() -> Offer:
    return build.offer(entitlements=("HD",))


def test_it_is_off_and_on_again_with_its_days(channels: Offer) -> None:
    row = build.held(what=channels)
    assert suspensions.is_on(row)
    suspensions.suspend(number=row.number, reason=R.CUSTOMER, note="出差", **HOW)
    assert not suspensions.is_on(row)
    suspensions.resume(number=row.number, reason=R.CUSTOMER, actor=ACTOR, as_of=noon(day(11, 28)))
    [stop] = row.suspensions.all()
    assert (stop.begins_on, stop.ends_on, stop.note) == (TODAY, day(11, 28), "出差")
    assert suspensions.is_on(row)
    build.switch(noon(day(11, 29)))
    assert [action for action, _what in build.commands(row)] == ["AUTHORISE", "DEAUTHORISE", "AUTHORISE"]


def test_the_same_reason_twice_is_one_row_and_one_command(channels: Offer) -> None:
    row = build.held(what=channels)
    assert suspensions.suspend(number=row.number, reason=R.STAFF, **HOW) == Outcome.DONE
    assert suspensions.suspend(number=row.number, reason=R.STAFF, **HOW) == Outcome.ALREADY_DONE
    assert (Suspension.objects.count(), len(build.commands(row))) == (1, 2)


def test_it_is_on_again_only_when_no_reason_is_left(channels: Offer) -> None:
    row = build.held(what=channels)
    suspensions.suspend(number=row.number, reason=R.FRAUD_CHECK, **HOW)
    suspensions.suspend(number=row.number, reason=R.ARREARS, **HOW)
    assert len(build.commands(row)) == 2  # on, and off once
    assert suspensions.close_arrears(account_id=row.account_id, **HOW) == [row.number]
    assert not suspensions.is_on(row)
    assert len(build.commands(row)) == 2
    suspensions.resume(number=row.number, reason=R.FRAUD_CHECK, **HOW)
    assert suspensions.is_on(row)
    assert len(build.commands(row)) == 3


@pytest.mark.parametrize("reason", [R.CUSTOMER, R.FRAUD_CHECK, R.STAFF])
def test_a_payment_ends_no_reason_but_arrears(reason: SuspensionReason) -> None:
    row = build.held()
    suspensions.suspend(number=row.number, reason=reason, **HOW)
    assert suspensions.close_arrears(account_id=row.account_id, **HOW) == []
    assert not suspensions.is_on(row)


def test_a_payer_s_payment_switches_on_what_he_pays_for() -> None:
    payer, row = money.account(), build.held()
    Subscription.objects.filter(pk=row.pk).update(payer=payer)
    suspensions.suspend(number=row.number, reason=R.ARREARS, **HOW)
    assert suspensions.close_arrears(account_id=row.account_id, **HOW) == []
    assert suspensions.close_arrears(account_id=payer.pk, **HOW) == [row.number]
    assert suspensions.is_on(row)


def test_what_is_not_off_for_a_reason_is_not_resumed() -> None:
    row = build.held()
    suspensions.suspend(number=row.number, reason=R.STAFF, **HOW)
    with pytest.raises(suspensions.NotSuspended):
        suspensions.resume(number=row.number, reason=R.ARREARS, **HOW)
    assert not suspensions.is_on(row)


def test_what_is_not_in_use_cannot_be_off() -> None:
    row = subscriptions.begin(
        account_id=money.account().pk, wanted=subscriptions.Wanted(offer_id=build.offer().pk), **HOW
    )
    with pytest.raises(subscriptions.NotInUse):
        suspensions.suspend(number=row.number, reason=R.STAFF, **HOW)
    assert not Suspension.objects.exists()


def test_nobody_pauses_what_is_about_to_end() -> None:
    row = build.held()
    subscriptions.set_end(number=row.number, on=day(12, 1), slip_id=build.slip(row.account).pk, **HOW)
    with pytest.raises(suspensions.EndAskedFor):
        suspensions.suspend(number=row.number, reason=R.CUSTOMER, **HOW)
    suspensions.suspend(number=row.number, reason=R.ARREARS, **HOW)
    assert [stop.reason for stop in row.suspensions.all()] == [R.ARREARS]


@pytest.mark.parametrize("call", ["suspend", "resume"])
def test_no_day_lies_before_the_beginning(call: str) -> None:
    row = build.held(begins_on=day(11, 10))
    act: Callable[..., object] = getattr(suspensions, call)
    if call == "resume":
        suspensions.suspend(number=row.number, reason=R.STAFF, on=day(11, 10), **HOW)
    with pytest.raises(subscriptions.DayTooEarly):
        act(number=row.number, reason=R.STAFF, on=day(11, 9), **HOW)


def test_the_database_keeps_one_open_row_per_reason() -> None:
    row = build.held()
    suspensions.suspend(number=row.number, reason=R.STAFF, **HOW)
    twin = Suspension.objects.get()
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


def test_what_ends_is_off_no_more(channels: Offer) -> None:
    row = build.held(what=channels)
    suspensions.suspend(number=row.number, reason=R.STAFF, **HOW)
    subscriptions.set_end(number=row.number, on=TODAY, slip_id=build.slip(row.account).pk, **HOW)
    [stop] = row.suspensions.all()
    assert (stop.ends_on, build.state(row)) == (TODAY, "TERMINATED")


def random_hall(seed: int, n: int) -> list[str]:
    """`n` holdings in every condition; the same for the same seed, up to their numbers."""
    chance = random.Random(seed)
    offers = [build.offer(), build.offer(entitlements=("HD",)), build.offer(entitlements=("NET",), line="1M")]
    accounts = [money.account() for _ in range(n // 3)]
    numbers = [_random_one(chance, offers, accounts) for _ in range(n)]
    box = devices.add(serial="SN1", kind="BOX", region_id=store.region().pk, actor=ACTOR, as_of=NOON)
    at_it = Subscription.objects.filter(number__in=chance.sample(numbers, n // 2))
    at_it.update(device=box)  # each account's at "its" device: two that give the same share it, or not
    return numbers


def _random_one(chance: random.Random, offers: list[Offer], accounts: list[Any]) -> str:
    account = chance.choice(accounts)
    begins_on = day(12, 1) if chance.random() < 0.1 else day(11, chance.randrange(1, 19))
    wanted = subscriptions.Wanted(offer_id=chance.choice(offers).pk, begins_on=begins_on)
    row = subscriptions.begin(account_id=account.pk, wanted=wanted, **HOW)
    if row.state == "PENDING" and chance.random() < 0.9 and begins_on <= TODAY:
        subscriptions.activate(number=row.number, **HOW)
    for reason in SuspensionReason:
        if chance.random() < 0.2:
            _quietly(suspensions.suspend, row.number, reason)
    if chance.random() < 0.1:
        slip = build.slip(account)
        _quietly(subscriptions.set_end, row.number, on=chance.choice([TODAY, day(12, 1)]), slip_id=slip.pk)
    return row.number


def _quietly(act: Callable[..., object], number: str, reason: Any = None, **more: Any) -> None:
    named = {"reason": reason} if reason else {}
    with contextlib.suppress(HallError):
        act(number=number, **named, **more, **HOW)


def written(numbers: list[str]) -> Any:
    """Everything that a call leaves, without keys: by the place of the subscription in the list."""
    place = {number: i for i, number in enumerate(numbers)}
    stops = Suspension.objects.order_by("subscription_id", "reason", "pk").values_list(
        "subscription__number", "reason", "begins_on", "ends_on", "closed_by", "note"
    )
    commands = Command.objects.order_by("pk").values_list("subject_id", "action", "payload")
    news = OutboxRow.objects.filter(event__startswith="catalog.subscription_").order_by("pk")
    told = [{**row.payload, "number": place[row.payload["number"]]} for row in news]
    return (
        [(place[number], *rest) for number, *rest in stops],
        sorted((place[number], action, str(payload)) for number, action, payload in commands),
        sorted((str(each["number"]), str(each.get("reason")), str(each.get("is_on"))) for each in told),
    )


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    """A hall of 250, suspended and resumed for two reasons, each both ways: a thousand comparisons."""
    numbers = random_hall(7, 250)
    for call in ("suspend", "resume"):
        for reason in (R.ARREARS, R.CUSTOMER):
            one_by_one = _tried(numbers, partial(_singly, call, reason, numbers))
            at_once = _tried(numbers, partial(_together, call, reason, numbers))
            assert len(one_by_one[0]) > 100
            for singly, together in zip(one_by_one, at_once, strict=True):
                assert together == singly


@pytest.mark.parametrize("call", ["suspend", "resume"])
def test_the_statements_are_as_many_for_three_lines_as_for_twelve(call: str) -> None:
    what = build.offer(entitlements=("HD",), line="1M")
    took = []
    for count in (3, 12):
        numbers = [build.held(what=what).number for _n in range(count)]
        if call == "resume":
            bulk_suspensions.suspend(numbers=numbers, reason=R.ARREARS, **HOW)
            build.switch()
        with CaptureQueriesContext(connection) as statements:
            getattr(bulk_suspensions, call)(numbers=numbers, reason=R.ARREARS, **HOW)
        took.append(len(statements))
        each = 4 if call == "suspend" else 6  # entitlements and line: on, off, and on again
        assert Command.objects.filter(subject_id__in=numbers).count() == each * count
    assert took[0] == took[1]


def _tried(numbers: list[str], act: Callable[[], None]) -> Any:
    """What the call would leave; nothing is left of it."""
    with transaction.atomic():
        act()
        found = written(numbers)
        transaction.set_rollback(True)
    return found


def _singly(call: str, reason: SuspensionReason, numbers: list[str]) -> None:
    for number in numbers:
        _quietly(getattr(suspensions, call), number, reason)


def _together(call: str, reason: SuspensionReason, numbers: list[str]) -> None:
    done = getattr(bulk_suspensions, call)(numbers=numbers, reason=reason, **HOW)
    assert done.done + done.unchanged == 250
