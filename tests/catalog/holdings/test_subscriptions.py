from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.services import accounts
from accounts.services.accounts import AccountClosed
from catalog.choices import SuspensionReason
from catalog.events import FactsChanged
from catalog.holdings.services import subscriptions, suspensions
from catalog.holdings.services.subscriptions import DayTooEarly, Evidence, Outcome, Wanted
from catalog.models import (
    Subscription,
    SubscriptionHistory,
    Suspension,
    Termination,
    TerminationReason,
)
from core import outbox
from core.db import violated
from core.errors import NotFound
from operations.models import Channel, Slip
from tests.arrears import build_ends as ends
from tests.billing import build as money
from tests.catalog.holdings import build
from tests.catalog.holdings.build import ACTOR, TODAY, day, noon
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
HOW: Any = {"actor": ACTOR, "as_of": NOON}
C = TerminationReason


def wanted(**more: object) -> Wanted:
    return Wanted(**{"offer_id": build.offer().pk, "begins_on": TODAY} | more)  # type: ignore[arg-type]  # names fields


def history(of: Subscription) -> list[tuple[str, str]]:
    return list(of.history.order_by("pk").values_list("from_state", "to_state"))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The accounts, with the day, that are told of other facts; whether or not anybody listens."""
    found: list[tuple[str, str]] = []
    real = outbox.publish

    def publish(event: outbox.Event, *, as_of: object) -> None:
        if isinstance(event, FactsChanged):
            found.append((event.account_number, event.from_day))
        real(event, as_of=NOON)

    monkeypatch.setattr("catalog.holdings.services.facts.outbox.publish", publish)
    return found


def test_what_needs_no_far_system_is_in_use_at_once() -> None:
    account = money.account()
    row = subscriptions.begin(account_id=account.pk, wanted=wanted(), **HOW)
    assert (build.state(row), row.begins_on, row.payer_id) == ("ACTIVE", TODAY, account.pk)
    assert history(row) == [("", "PENDING"), ("PENDING", "ACTIVE")]


def test_what_is_switched_on_elsewhere_waits_for_that() -> None:
    offer = build.offer(entitlements=("CCTV-HD", "NEWS"), line="200M")
    row = subscriptions.begin(account_id=money.account().pk, wanted=wanted(offer_id=offer.pk), **HOW)
    assert build.state(row) == "PENDING"
    assert build.commands(row) == [("AUTHORISE", ["CCTV-HD", "NEWS"]), ("LINE_ON", "200M")]
    build.switch()
    assert build.state(row) == "ACTIVE"
    assert subscriptions.activate(number=row.number, **HOW) == Outcome.ALREADY_DONE


def test_who_waits_for_days_is_charged_from_the_day_on_which_it_works() -> None:
    offer = build.offer(entitlements=("HD",))
    terms = wanted(offer_id=offer.pk, paid_until=day(12, 18), committed_until=day(12, 18))
    row = subscriptions.begin(account_id=money.account().pk, wanted=terms, **HOW)
    build.switch(NOON + timedelta(days=3))
    assert build.state(row) == "ACTIVE"
    assert (row.begins_on, row.paid_until, row.committed_until) == (day(11, 21), day(12, 21), day(12, 18))


def test_what_begins_later_stays_until_its_day() -> None:
    row = subscriptions.begin(account_id=money.account().pk, wanted=wanted(begins_on=day(12, 1)), **HOW)
    assert build.state(row) == "PENDING"
    outcome = subscriptions.carry_out_begin(number=row.number, actor=ACTOR, as_of=noon(day(11, 30)))
    assert (outcome, build.state(row)) == (Outcome.ALREADY_DONE, "PENDING")
    subscriptions.carry_out_begin(number=row.number, actor=ACTOR, as_of=noon(day(12, 1)))
    assert (build.state(row), row.begins_on) == ("ACTIVE", day(12, 1))


def test_an_order_that_waits_for_its_money_says_the_day_later() -> None:
    row = subscriptions.begin(account_id=money.account().pk, wanted=wanted(begins_on=None), **HOW)
    assert (build.state(row), row.begins_on) == ("PENDING", None)
    subscriptions.start(number=row.number, on=TODAY, **HOW)
    assert (build.state(row), row.begins_on) == ("ACTIVE", TODAY)
    with pytest.raises(subscriptions.NotPending):
        subscriptions.start(number=row.number, on=TODAY, **HOW)


def test_a_closed_account_holds_nothing_new() -> None:
    account = money.account()
    accounts.close_account(account_id=account.pk, as_of=NOON)
    with pytest.raises(AccountClosed), transaction.atomic():
        subscriptions.begin(account_id=account.pk, wanted=wanted(), **HOW)
    assert not Subscription.objects.exists()


def test_nobody_finds_what_is_not_there() -> None:
    with pytest.raises(NotFound):
        subscriptions.activate(number="U0", **HOW)


def test_an_end_that_is_asked_for_comes_on_its_day_and_not_before() -> None:
    row = build.held()
    slip = build.slip(row.account)
    subscriptions.set_end(number=row.number, on=day(12, 1), slip_id=slip.pk, **HOW)
    assert (build.state(row), row.ends_on, row.end_slip_id) == ("ACTIVE", day(12, 1), slip.pk)
    early = subscriptions.carry_out_end(number=row.number, actor=ACTOR, as_of=noon(day(11, 30)))
    assert (early, build.state(row)) == (Outcome.ALREADY_DONE, "ACTIVE")
    subscriptions.carry_out_end(number=row.number, actor=ACTOR, as_of=noon(day(12, 1)))
    assert build.state(row) == "TERMINATED"
    assert (row.termination.reason, row.termination.slip_id) == (C.CUSTOMER, slip.pk)
    again = subscriptions.carry_out_end(number=row.number, actor=ACTOR, as_of=noon(day(12, 2)))
    assert again == Outcome.ALREADY_DONE


def test_an_end_today_is_carried_out_at_once() -> None:
    row = build.held(what=build.offer(entitlements=("HD",)))
    subscriptions.set_end(number=row.number, on=TODAY, slip_id=build.slip(row.account).pk, **HOW)
    assert (build.state(row), row.ends_on) == ("TERMINATED", TODAY)
    assert build.commands(row)[-1] == ("DEAUTHORISE", ["HD"])


def test_an_end_is_never_asked_for_in_the_past() -> None:
    row = build.held()
    with pytest.raises(DayTooEarly):
        subscriptions.set_end(number=row.number, on=day(11, 17), slip_id=build.slip(row.account).pk, **HOW)
    assert (build.state(row), row.ends_on) == ("ACTIVE", None)


def test_an_end_can_be_taken_back_before_it_comes() -> None:
    row = build.held()
    with pytest.raises(subscriptions.NoEndAskedFor):
        subscriptions.take_back_end(number=row.number, **HOW)
    subscriptions.set_end(number=row.number, on=day(12, 1), slip_id=build.slip(row.account).pk, **HOW)
    subscriptions.take_back_end(number=row.number, **HOW)
    assert (build.state(row), row.ends_on, row.end_slip_id) == ("ACTIVE", None, None)
    subscriptions.carry_out_end(number=row.number, actor=ACTOR, as_of=noon(day(12, 2)))
    assert build.state(row) == "ACTIVE"


def test_an_end_that_came_is_not_taken_back() -> None:
    row = build.held()
    subscriptions.set_end(number=row.number, on=TODAY, slip_id=build.slip(row.account).pk, **HOW)
    with pytest.raises(subscriptions.NotInUse):
        subscriptions.take_back_end(number=row.number, **HOW)
    assert build.state(row) == "TERMINATED"


def test_a_change_today_ends_the_old_one_on_the_day_on_which_the_new_one_works() -> None:
    old = build.held(what=build.offer(entitlements=("BASIC", "SD"), line="100M"), service_number="KD1")
    better = build.offer(entitlements=("BASIC", "HD"), line="300M")
    slip = build.change(old, better)
    new = subscriptions.turn(number=old.number, wanted=Wanted(offer_id=better.pk), slip_id=slip.pk, **HOW)
    assert (build.state(old), build.state(new)) == ("ACTIVE", "PENDING")
    build.switch(noon(day(11, 20)))
    assert (build.state(old), old.ends_on) == ("TERMINATED", day(11, 20))
    assert (build.state(new), new.begins_on, new.follows_id) == ("ACTIVE", day(11, 20), old.pk)
    assert new.service_number == "KD1"
    assert (old.termination.reason, old.termination.slip_id) == (C.TRANSFER, slip.pk)
    assert build.commands(new) == [("AUTHORISE", ["BASIC", "HD"]), ("LINE_CHANGE", "300M")]
    assert build.commands(old)[2:] == [
        ("DEAUTHORISE", ["SD"])
    ]  # what both give stays on, and so does the line


def test_a_change_next_month_can_be_taken_back_and_asked_for_again() -> None:
    old, smaller = build.held(), build.offer()
    slip = build.change(old, smaller)
    later = Wanted(offer_id=smaller.pk, begins_on=day(12, 1))
    new = subscriptions.turn(number=old.number, wanted=later, slip_id=slip.pk, **HOW)
    with pytest.raises(subscriptions.ChangeUnderWay):
        subscriptions.turn(number=old.number, wanted=later, slip_id=slip.pk, **HOW)
    with pytest.raises(subscriptions.ChangeUnderWay):
        subscriptions.set_end(number=old.number, on=day(12, 1), slip_id=slip.pk, **HOW)
    subscriptions.take_back_end(number=old.number, **HOW)
    assert (build.state(new), build.state(old), old.ends_on) == ("CANCELLED", "ACTIVE", None)
    again = subscriptions.turn(number=old.number, wanted=later, slip_id=slip.pk, **HOW)
    subscriptions.carry_out_begin(number=again.number, actor=ACTOR, as_of=noon(day(12, 1)))
    assert (build.state(again), build.state(old), old.ends_on) == ("ACTIVE", "TERMINATED", day(12, 1))


def test_a_change_that_cannot_be_switched_on_leaves_the_old_one_as_it_was() -> None:
    old, better = build.held(), build.offer(entitlements=("HD",))
    slip = build.change(old, better)
    new = subscriptions.turn(number=old.number, wanted=Wanted(offer_id=better.pk), slip_id=slip.pk, **HOW)
    subscriptions.cancel(number=new.number, **HOW)
    assert (build.state(new), new.follows_id) == ("CANCELLED", None)
    assert (build.state(old), old.ends_on, old.end_slip_id) == ("ACTIVE", None, None)
    build.switch()
    assert build.state(new) == "CANCELLED"
    assert build.commands(new) == [("AUTHORISE", ["HD"]), ("DEAUTHORISE", ["HD"])]


def test_a_line_that_could_not_be_changed_goes_back_to_what_it_was_and_is_never_cut() -> None:
    old = build.held(what=build.offer(line="100M"))
    better = build.offer(line="300M")
    slip = build.change(old, better)
    new = subscriptions.turn(number=old.number, wanted=Wanted(offer_id=better.pk), slip_id=slip.pk, **HOW)
    subscriptions.cancel(number=new.number, **HOW)
    assert build.commands(new) == [("LINE_CHANGE", "300M"), ("LINE_CHANGE", "100M")]
    assert build.state(old) == "ACTIVE"


def test_a_line_that_was_changed_is_its_own_afterwards_off_and_on() -> None:
    old = build.held(what=build.offer(line="100M"))
    better = build.offer(line="300M")
    slip = build.change(old, better)
    new = subscriptions.turn(number=old.number, wanted=Wanted(offer_id=better.pk), slip_id=slip.pk, **HOW)
    build.switch()
    for step in (suspensions.suspend, suspensions.resume):
        step(number=new.number, reason=SuspensionReason.STAFF, **HOW)
        build.switch()
    assert build.commands(new) == [("LINE_CHANGE", "300M"), ("LINE_OFF", "300M"), ("LINE_ON", "300M")]


def test_what_is_in_use_cannot_be_cancelled() -> None:
    row = build.held()
    with pytest.raises(subscriptions.NotPending):
        subscriptions.cancel(number=row.number, **HOW)
    assert build.state(row) == "ACTIVE"


def test_what_is_given_back_in_time_was_never_held() -> None:
    offer = build.offer(return_days=7)
    row = build.held(what=offer, begins_on=day(11, 12))
    subscriptions.give_back(number=row.number, slip_id=build.slip(row.account).pk, **HOW)
    assert (build.state(row), row.ends_on) == ("TERMINATED", row.begins_on)


def test_the_seventh_day_is_too_late_to_give_back() -> None:
    row = build.held(what=build.offer(return_days=7), begins_on=day(11, 11))
    with pytest.raises(subscriptions.ReturnTimeOver):
        subscriptions.give_back(number=row.number, slip_id=build.slip(row.account).pk, **HOW)
    assert build.state(row) == "ACTIVE"


@pytest.mark.parametrize("reason", list(TerminationReason))
def test_nothing_ends_without_the_evidence_of_its_reason(reason: TerminationReason) -> None:
    row = build.held()
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        subscriptions.terminate(number=row.number, reason=reason, evidence=Evidence(), **HOW)
    assert violated(refused.value) == "termination_needs_evidence"
    assert (build.state(row), Termination.objects.exists()) == ("ACTIVE", False)


def test_no_state_says_ended_without_a_termination() -> None:
    row = build.held()
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Subscription.objects.filter(pk=row.pk).update(state="TERMINATED", ends_on=TODAY)
    assert violated(refused.value) == "subscription_ends_by_termination"


def test_arrears_do_not_end_it_by_a_notice_alone() -> None:
    """Everything that it takes is in tests/arrears/test_disconnecting.py."""
    row = build.held()
    suspensions.suspend(number=row.number, reason=SuspensionReason.ARREARS, **HOW)
    evidence = Evidence(suspension_id=Suspension.objects.get().pk)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        subscriptions.terminate(number=row.number, reason=C.ARREARS, evidence=evidence, **HOW)
    assert violated(refused.value) == "termination_hears_first"
    assert build.state(row) == "ACTIVE"


@pytest.mark.parametrize("changes", [{"confirmation": {"kind": "CLICK"}}, {}, {"customer": None}])
def test_a_customer_ends_it_only_by_a_slip_that_his_own_code_confirmed(changes: dict[str, Any]) -> None:
    row = build.held()
    slip = build.slip(row.account, is_confirmed=False)
    for each in ({"state": "QUOTED"}, {"state": "CONFIRMED"} | changes):
        Slip.objects.filter(pk=slip.pk).update(**each)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        subscriptions.set_end(number=row.number, on=TODAY, slip_id=slip.pk, **HOW)
    assert violated(refused.value) == "termination_hears_first"
    assert build.state(row) == "ACTIVE"


def test_no_batch_ends_what_a_customer_holds() -> None:
    row = build.held()
    slip = build.slip(row.account, channel=Channel.BATCH)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        subscriptions.set_end(number=row.number, on=TODAY, slip_id=slip.pk, **HOW)
    assert violated(refused.value) == "termination_hears_first"


def test_an_authority_ends_it_with_a_document_and_the_change_to_come_with_it() -> None:
    row = build.held()
    later = Wanted(offer_id=build.offer().pk, begins_on=day(12, 1))
    new = subscriptions.turn(number=row.number, wanted=later, slip_id=build.slip(row.account).pk, **HOW)
    evidence = Evidence(document_id=ends.ordered(row).document_id)
    how: Any = {"number": row.number, "reason": C.AUTHORITY, "evidence": evidence}
    assert subscriptions.terminate(**how, **HOW) == Outcome.DONE
    assert subscriptions.terminate(**how, **HOW) == Outcome.ALREADY_DONE
    assert (build.state(row), row.ends_on, build.state(new)) == ("TERMINATED", TODAY, "CANCELLED")


def test_a_new_term_is_paid_ahead_and_goes_on() -> None:
    row = build.held(paid_until=day(12, 1))
    subscriptions.renew(
        number=row.number, paid_until=day(12, 1, 2027), committed_until=day(12, 1, 2027), **HOW
    )
    row.refresh_from_db()
    assert (row.paid_until, row.committed_until, row.ends_on) == (day(12, 1, 2027), day(12, 1, 2027), None)


def test_charging_is_told_of_days_in_months_that_are_over(told: list[tuple[str, str]]) -> None:
    account = money.account()
    row = subscriptions.begin(account_id=account.pk, wanted=wanted(begins_on=day(9, 10)), **HOW)
    assert told == [(account.number, "2026-09-10")]
    slip = build.slip(account)
    subscriptions.terminate(
        number=row.number, reason=C.CUSTOMER, evidence=Evidence(slip_id=slip.pk), on=day(10, 5), **HOW
    )
    assert told == [(account.number, "2026-09-10"), (account.number, "2026-10-05")]


def test_what_happens_in_the_running_month_is_no_news_for_charging(told: list[tuple[str, str]]) -> None:
    row = build.held()
    told.clear()
    subscriptions.set_end(number=row.number, on=day(12, 1), slip_id=build.slip(row.account).pk, **HOW)
    suspensions.suspend(number=row.number, reason=SuspensionReason.STAFF, **HOW)
    assert told == []


def test_every_change_of_dates_is_in_the_history() -> None:
    row = build.held()
    subscriptions.set_end(number=row.number, on=day(12, 1), slip_id=build.slip(row.account).pk, **HOW)
    subscriptions.take_back_end(number=row.number, **HOW)
    ends: list[date | None] = list(
        SubscriptionHistory.objects.filter(subscription=row).order_by("pk").values_list("ends_on", flat=True)
    )
    assert ends == [None, None, day(12, 1), None]
