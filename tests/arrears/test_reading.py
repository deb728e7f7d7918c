"""Facts and policies are read set-wise, once, and again only where something was written meanwhile."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Contact, Region
from arrears import locks
from arrears.choices import Stage
from arrears.models import ArrearsCase, Policy, StageChange
from arrears.selectors import facts, policies
from arrears.services import bulk_assessing
from notices.models import Message
from tests.arrears import build
from tests.arrears.build import after, noon

pytestmark = pytest.mark.django_db


def read(*accounts: object) -> list[facts.Subject]:
    return list(facts.of([each.pk for each in accounts], as_of=noon(after(1))).values())  # type: ignore[attr-defined]


def test_where_nothing_was_written_the_very_same_is_given_back_in_one_query() -> None:
    accounts = [build.account() for _n in range(4)]
    for each in accounts:
        build.bill(each)
    build.run(after(-3))
    before = read(*accounts)
    with CaptureQueriesContext(connection) as seen:
        again = facts.again(before, as_of=noon(after(1)))
    assert len(seen) == 1
    assert [id(each) for each in again] == [id(each) for each in before]


def test_what_was_paid_meanwhile_is_read_anew_and_the_rest_is_not() -> None:
    owing, paying = build.account(), build.account()
    for each in (owing, paying):
        build.bill(each)
    build.run(after(-3))
    before = read(owing, paying)
    build.pay(paying, 2600, after(0))
    found = {each.account_id: each for each in facts.again(before, as_of=noon(after(1)))}
    assert found[owing.pk] is before[0]
    assert found[paying.pk].facts.owed_cents == 0
    assert before[1].facts.owed_cents == 2600
    assert found[paying.pk] == read(paying)[0]


def test_a_step_of_somebody_else_is_read_anew() -> None:
    account = build.account()
    build.bill(account)
    before = read(account)
    build.one(account, after(-3))
    [found] = facts.again(before, as_of=noon(after(1)))
    assert (before[0].facts.stage, found.facts.stage) == (Stage.NONE, Stage.REMINDED)
    assert len(found.facts.told) == 3


def test_a_payment_between_the_judgement_and_the_lock_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    owing, paying = build.account(), build.account()
    for each in (owing, paying):
        build.bill(each)
    build.run(after(-3))
    told = Message.objects.filter(code="bill_overdue")
    lock = locks.accounts

    def late(ids: object) -> None:
        monkeypatch.setattr(locks, "accounts", lock)
        build.pay(paying, 2600, after(0))
        lock(ids)  # type: ignore[arg-type]

    monkeypatch.setattr(locks, "accounts", late)
    done = build.run(after(1))
    assert (done.moved, done.closed) == (1, 1)
    assert build.stage(owing) == Stage.OVERDUE
    assert build.stage(paying) == "NONE"
    assert set(told.values_list("recipient_ref", flat=True)) == {f"account:{owing.number}"}
    assert StageChange.objects.filter(to_stage=Stage.OVERDUE).count() == 1


def test_only_cases_in_the_named_stages_are_read() -> None:
    first, last = build.account(), build.account()
    build.bill(first)
    build.bill(last, due_on=after(4))
    build.days(first, after(-3), after(1))
    build.run(after(1))
    ids = sorted([first.pk, last.pk])

    def between(**more: object) -> set[int]:
        found = facts.between(ids[0] - 1, ids[1], days_ahead=3, as_of=noon(after(1)), **more)  # type: ignore[arg-type]
        return set(found)

    assert between() == {first.pk, last.pk}
    assert between(stages={Stage.OVERDUE}) == {first.pk}
    assert between(stages={Stage.REMINDED}) == {last.pk}
    assert between(stages={Stage.SUSPENDED, Stage.DISCONNECT_WARNED}) == set()
    done = build.run(after(1), stages=frozenset({Stage.SUSPENDED}))
    assert done.looked == 0


def test_the_last_step_and_the_suspension_come_with_the_account() -> None:
    account = build.account()
    build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(31))
    [found] = read(account)
    assert found.facts.suspended_on == after(31)
    assert found.facts.entered_due_on == build.DUE
    case = ArrearsCase.objects.get(account=account)
    assert found.facts.suspended_on == case.changes.get(to_stage=Stage.SUSPENDED).on


def test_contacts_come_before_lines_and_in_their_order() -> None:
    account = build.account(phones=0)
    build.line(account, service_number="13900000009")
    phones = ["+8613712300002", "+8613712300001"]
    for value in phones:
        Contact.objects.create(account=account, kind="PHONE", value=value, created_at=noon(after(0)))
    refs = [each.address for each in facts.contacts([account.pk])[account.pk]]
    assert refs == [*phones, "+8613900000009"]
    Contact.objects.create(account=account, kind="PHONE", value="+8613900000009", created_at=noon(after(0)))
    assert len(facts.contacts([account.pk])[account.pk]) == 3  # a line that is a contact is told once


def test_the_book_says_what_the_policies_say_in_one_query() -> None:
    policy = Policy.objects.get(code="default")
    with CaptureQueriesContext(connection) as seen:
        book = policies.book(after(0))
    assert len(seen) == 1
    assert book.find(None, "PERSONAL") == policies.facts_of(policy)
    assert [rule.days for rule in policies.facts_of(policy).stages.values()] == [-3, 1, 23, 31, 50, 61]
    assert book.promises == {policy.pk: (policy.promise_days, policy.promises_a_month)}
    assert policies.book(date(1999, 12, 31)).by_place == {}


def test_a_policy_without_stages_and_one_of_a_region() -> None:
    city = Region.objects.create(code="330199", name="某市", level=Region.Level.CITY)
    district = Region.objects.create(code="330198", name="某区", level=Region.Level.DISTRICT, parent=city)
    own = Policy.objects.create(
        code="own",
        title="自有",
        region=city,
        customer_kind="BUSINESS",
        active_from=after(0),
        active_to=after(0) + timedelta(days=9),
        created_at=noon(after(0)),
        created_by="test",
    )
    book = policies.book(after(0))
    found = book.find(district.pk, "BUSINESS")
    assert found == policies.facts_of(own)
    assert found is not None
    assert (found.stages, found.notices) == ({}, ())
    default = book.find(district.pk, "PERSONAL")
    assert default is not None
    assert default.id == Policy.objects.get(code="default").pk
    assert policies.book(after(9)).find(district.pk, "BUSINESS") == default


def test_two_blocks_say_what_one_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for _n in range(5):
        build.bill(build.account())
    monkeypatch.setattr(bulk_assessing, "BLOCK", 2)
    done = build.run(after(-3))
    assert (done.looked, done.opened, done.told) == (5, 5, 15)
