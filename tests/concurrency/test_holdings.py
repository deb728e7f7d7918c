"""Two hands on one subscription, one place in a family for two: at the same moment."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError

from accounts.models import BillingAccount
from catalog.choices import SuspensionReason
from catalog.holdings import locks
from catalog.holdings.services import families, subscriptions, suspensions
from catalog.holdings.services.subscriptions import Wanted
from catalog.models import FamilyMember, Subscription, Suspension, Termination
from core.errors import HallError
from tests.billing import build as money
from tests.catalog.holdings import build
from tests.catalog.holdings.build import ACTOR, TODAY, day
from tests.concurrency.races import Meeting, caught
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
HOW: Any = {"actor": ACTOR, "as_of": NOON}


def without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = Meeting(2)

    def unlocked(number: str) -> Subscription:
        return Subscription.objects.select_related("offer", "account", "device").get(number=number)

    monkeypatch.setattr(locks, "subscription", meeting.after(unlocked))


def ends(row: Subscription) -> list[Callable[[], Any]]:
    slip = build.slip(row.account)
    end = partial(subscriptions.set_end, number=row.number, on=TODAY, slip_id=slip.pk, **HOW)
    return [caught(end), caught(end)]


def kinds(results: list[Any]) -> set[type]:
    return {type(result) for result in results if isinstance(result, Exception)}


def test_control_without_the_lock_two_ends_meet_only_in_the_constraint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = build.held()
    calls = ends(row)
    without_lock(monkeypatch)
    assert kinds(together(*calls)) == {IntegrityError}


def test_two_ends_are_one() -> None:
    row = build.held()
    assert kinds(together(*ends(row))) == {subscriptions.NotInUse}
    assert (build.state(row), Termination.objects.count()) == ("TERMINATED", 1)


def end_and_suspend(row: Subscription) -> list[Callable[[], Any]]:
    off = partial(suspensions.suspend, number=row.number, reason=SuspensionReason.STAFF, **HOW)
    return [ends(row)[0], caught(off)]


def test_control_without_the_lock_what_is_over_is_off_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    row = build.held()
    calls = end_and_suspend(row)
    without_lock(monkeypatch)
    together(*calls)
    assert build.state(row) == "TERMINATED"
    assert Suspension.objects.count() == 1  # of something that was over, or about to be


def test_an_end_and_a_suspension_leave_nothing_open_on_what_is_over() -> None:
    row = build.held()
    together(*end_and_suspend(row))
    assert build.state(row) == "TERMINATED"
    assert not Suspension.objects.filter(ends_on=None).exists()


def test_two_suspensions_for_one_reason_are_one_row() -> None:
    row = build.held(what=build.offer(entitlements=("HD",)))
    off = partial(suspensions.suspend, number=row.number, reason=SuspensionReason.ARREARS, **HOW)
    outcomes = together(off, off)
    assert {outcome.value for outcome in outcomes} == {"done", "already done"}
    assert (Suspension.objects.count(), len(build.commands(row))) == (1, 2)


def test_two_changes_of_one_holding_are_one() -> None:
    row, offer, slip = build.held(), build.offer(), build.slip(money.account())
    wanted = Wanted(offer_id=offer.pk, begins_on=day(12, 1))
    turn = partial(subscriptions.turn, number=row.number, wanted=wanted, slip_id=slip.pk, **HOW)
    assert kinds(together(caught(turn), caught(turn))) == {subscriptions.ChangeUnderWay}
    assert Subscription.objects.filter(follows=row).count() == 1


def joining(limit: int) -> tuple[BillingAccount, list[Callable[[], Any]]]:
    """A family with room for `limit`, and two who agree at once to invitations made when there was room."""
    payer = money.account()
    offer = build.offer(family_limit=2)
    build.held(payer, offer)
    asked = [
        families.invite(payer_id=payer.pk, account_number=money.account().number, **HOW) for _ in range(2)
    ]
    type(offer).objects.filter(pk=offer.pk).update(family_limit=limit)
    return payer, [
        caught(partial(families.accept, reference=row.reference, slip_id=None, **HOW)) for row in asked
    ]


def test_the_last_place_of_a_family_is_taken_once() -> None:
    payer, calls = joining(1)
    assert kinds(together(*calls)) == {families.FamilyFull}
    assert FamilyMember.objects.exclude(account=payer).count() == 1


def test_one_account_that_agrees_to_two_families_at_once_belongs_to_one() -> None:
    member, payers = money.account(), [money.account() for _ in range(2)]
    for each in payers:
        build.held(each, build.offer(family_limit=1))
    asked = [
        families.invite(payer_id=each.pk, account_number=member.number, **HOW).reference for each in payers
    ]
    calls = [partial(families.accept, reference=each, slip_id=None, **HOW) for each in asked]
    results = together(*(caught(call) for call in calls))
    assert kinds(results) == {families.AlreadyInFamily}
    assert all(isinstance(each, HallError | FamilyMember) for each in results)
    assert FamilyMember.objects.filter(account=member).count() == 1
