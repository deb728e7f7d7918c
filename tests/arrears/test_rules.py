"""The rules on their own: every border day, every hold, every end."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arrears import rules
from arrears.choices import CloseReason, Hold, Proof, Stage, Wait
from arrears.rule_facts import POST, Facts, NoticeRule, PolicyFacts, Reach, StageRule, Told

S = Stage
DUE = date(2026, 3, 4)
PHONE, MAIL = Reach("contact:1", "SMS", "+8613700000001", 1), Reach("contact:2", "EMAIL", "a@example.com", 2)
AHEAD = NoticeRule(3, S.SUSPEND_WARNED, 23, "suspension_ahead", S.SUSPENDED, Proof.SENT, 7, has_letter=True)
TOMORROW = NoticeRule(4, S.SUSPEND_WARNED, 30, "suspension_tomorrow")
LAST = NoticeRule(6, S.DISCONNECT_WARNED, 50, "disconnection_ahead", S.DISCONNECTED, Proof.DELIVERED, 7, True)
POLICY = PolicyFacts(
    1,
    100,
    {
        rule.stage: rule
        for rule in (
            StageRule(S.REMINDED, -3),
            StageRule(S.OVERDUE, 1),
            StageRule(S.SUSPEND_WARNED, 23),
            StageRule(S.SUSPENDED, 31, 8),
            StageRule(S.DISCONNECT_WARNED, 50),
            StageRule(S.DISCONNECTED, 61, 11),
        )
    },
    (
        NoticeRule(1, S.REMINDED, -3, "bill_due_soon"),
        NoticeRule(2, S.OVERDUE, 1, "bill_overdue"),
        AHEAD,
        TOMORROW,
        NoticeRule(5, S.SUSPENDED, 31, "suspended"),
        LAST,
        NoticeRule(7, S.DISCONNECT_WARNED, 60, "disconnection_tomorrow"),
    ),
)


def day(past_due: int) -> date:
    return DUE + timedelta(past_due)


def told(rule: NoticeRule, reach: str = PHONE.ref, on: date | None = None, **more: Any) -> Told:
    at = on or day(rule.days)
    return Told(rule.id, rule.code, reach, at, **({"sent_on": at, "delivered_on": at} | more))


def owing(stage: Stage = S.NONE, since: date | None = None, **more: Any) -> Facts:
    given: dict[str, Any] = {
        "account_id": 1, "owed_cents": 2600, "due_on": DUE, "stage": stage, "since": since,
        "entered_due_on": DUE if since else None, "contacts": (PHONE,),
    }  # fmt: skip
    return Facts(**(given | more))


WARNED = owing(S.SUSPEND_WARNED, day(23), told=(told(AHEAD), told(TOMORROW)))
OFF = owing(S.SUSPENDED, day(31), suspended_on=day(31))
LAST_WARNED = owing(
    S.DISCONNECT_WARNED, day(81), suspended_on=day(31),
    told=(told(LAST, on=day(81)), *(told(each, on=day(91)) for each in POLICY.notices if each.id == 7)),
)  # fmt: skip


def stage_on(facts: Facts, today: date, policy: PolicyFacts = POLICY) -> Stage:
    return rules.assess(facts, policy, today).stage


@pytest.mark.parametrize(
    ("facts", "past_due", "stage"),
    [
        (owing(), -4, S.NONE),
        (owing(), -3, S.REMINDED),
        (owing(S.REMINDED, day(-3)), 0, S.REMINDED),
        (owing(S.REMINDED, day(-3)), 1, S.OVERDUE),
        (owing(S.OVERDUE, day(1)), 22, S.OVERDUE),
        (owing(S.OVERDUE, day(1)), 23, S.SUSPEND_WARNED),
        (WARNED, 29, S.SUSPEND_WARNED),
        (WARNED, 30, S.SUSPEND_WARNED),
        (WARNED, 31, S.SUSPENDED),
        (OFF, 31 + 49, S.SUSPENDED),
        (OFF, 31 + 50, S.DISCONNECT_WARNED),
        (LAST_WARNED, 31 + 59, S.DISCONNECT_WARNED),
        (LAST_WARNED, 31 + 61, S.DISCONNECT_WARNED),
        (owing(S.DISCONNECTED, day(92)), 200, S.DISCONNECTED),
    ],
)
def test_each_stage_comes_on_its_day(facts: Facts, past_due: int, stage: Stage) -> None:
    assert stage_on(facts, day(past_due)) == stage


@pytest.mark.parametrize("due", [date(2028, 1, 29), date(2028, 1, 30), date(2026, 12, 1), date(2026, 2, 1)])
def test_days_are_days_over_leap_days_and_year_ends(due: date) -> None:
    facts = replace(WARNED, due_on=due, entered_due_on=due, since=due + timedelta(23))
    shifted = tuple(
        each._replace(on=due + (each.on - DUE), sent_on=due + (each.on - DUE)) for each in WARNED.told
    )
    facts = replace(facts, told=shifted)
    assert [stage_on(facts, due + timedelta(n)) for n in (30, 31)] == [S.SUSPEND_WARNED, S.SUSPENDED]


@pytest.mark.parametrize(("past", "waits"), [(59, True), (60, True), (61, False)])
def test_disconnection_is_possible_after_more_than_sixty_days_and_never_done_here(
    past: int, waits: bool
) -> None:
    decision = rules.assess(LAST_WARNED, POLICY, day(31 + past))
    assert decision.next is not None
    assert (decision.stage, decision.next.stage) == (S.DISCONNECT_WARNED, S.DISCONNECTED)
    assert decision.next.day == day(31 + 61)
    assert decision.next.waits == ((Wait.DAY, Wait.APPROVAL) if waits else (Wait.APPROVAL,))


def test_credit_days_come_before_every_day_until_suspension() -> None:
    patient = replace(WARNED, credit_days=10)
    assert [stage_on(patient, day(n)) for n in (40, 41)] == [S.SUSPEND_WARNED, S.SUSPENDED]
    assert [stage_on(owing(credit_days=10), day(n)) for n in (6, 7)] == [S.NONE, S.REMINDED]
    assert stage_on(replace(OFF, credit_days=10), day(81)) == S.DISCONNECT_WARNED


@pytest.mark.parametrize(
    ("n", "stage"), [(105, S.SUSPEND_WARNED), (107, S.SUSPEND_WARNED), (108, S.SUSPENDED)]
)
def test_who_is_found_late_stays_as_long_as_the_policy_says(n: int, stage: Stage) -> None:
    facts = owing(S.SUSPEND_WARNED, day(100), told=(told(AHEAD, on=day(100)), told(TOMORROW, on=day(107))))
    assert stage_on(facts, day(n)) == stage


def test_the_notice_of_the_day_before_is_told_the_day_before() -> None:
    facts = owing(S.SUSPEND_WARNED, day(100), told=(told(AHEAD, on=day(100)),))
    for n, codes in ((106, []), (107, ["suspension_tomorrow"])):
        due = rules.assess(facts, POLICY, day(n)).notices
        assert [tell.rule.code for tell in due if PHONE.ref in tell.refs] == codes
    assert stage_on(facts, day(150)) == S.SUSPEND_WARNED  # not without it


@pytest.mark.parametrize("hold", [Hold.DISPUTE, Hold.PROMISE, Hold.EXEMPTION, Hold.IN_FLIGHT])
def test_a_hold_stops_every_step_from_overdue_on(hold: Hold) -> None:
    holds = ((hold, day(300)),)
    for facts in (owing(S.OVERDUE, day(1)), WARNED, OFF):
        decision = rules.assess(replace(facts, holds=holds), POLICY, day(200))
        assert (decision.stage, decision.holds) == (facts.stage, holds)
        assert decision.next is not None
        assert Wait.HOLD in decision.next.waits
        assert decision.next.day > day(300)
    assert stage_on(owing(S.REMINDED, day(-3), holds=holds), day(1)) == S.OVERDUE


def test_reminders_go_on_but_under_a_promise() -> None:
    facts = owing(S.OVERDUE, day(1))
    for hold, expected in ((Hold.DISPUTE, 1), (Hold.EXEMPTION, 1), (Hold.PROMISE, 0)):
        held = replace(facts, holds=((hold, day(30)),))
        assert len(rules.assess(held, POLICY, day(2)).notices) == expected


def test_nobody_is_told_of_a_step_that_is_held() -> None:
    facts = owing(S.SUSPEND_WARNED, day(23), holds=((Hold.EXEMPTION, day(40)),))
    assert rules.assess(facts, POLICY, day(30)).notices == ()


def test_a_hold_that_is_over_holds_nothing_and_a_dispute_holds_until_it_is_decided() -> None:
    assert stage_on(replace(WARNED, holds=((Hold.PROMISE, day(30)),)), day(31)) == S.SUSPENDED
    late = replace(WARNED, holds=((Hold.DISPUTE, day(30)),))
    assert stage_on(late, day(31)) == S.SUSPEND_WARNED
    coming = rules.expected(late, POLICY, day(31))
    assert coming[S.SUSPENDED] == day(32)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"owed_cents": 0, "due_on": None}, CloseReason.PAID),
        ({"owed_cents": 0, "due_on": None, "relief": CloseReason.ADJUSTED}, CloseReason.ADJUSTED),
        ({"owed_cents": 99}, CloseReason.BELOW_MINIMUM),
        ({"due_on": day(30), "owed_cents": 5000}, CloseReason.PAID),
    ],
)
@pytest.mark.parametrize("facts", [owing(S.REMINDED, day(-3)), owing(S.OVERDUE, day(1)), WARNED, OFF])
def test_the_case_ends(facts: Facts, changes: Any, reason: CloseReason) -> None:
    decision = rules.assess(replace(facts, **changes), POLICY, day(25))
    assert (decision.stage, decision.close) == (S.NONE, reason)


def test_a_new_case_begins_where_the_next_bill_is_due() -> None:
    decision = rules.assess(replace(OFF, due_on=day(30)), POLICY, day(60))
    assert (decision.close, decision.stage) == (CloseReason.PAID, S.REMINDED)
    assert stage_on(replace(OFF, due_on=day(30)), day(61)) == S.SUSPENDED


def test_a_case_of_which_nobody_knows_with_which_bill_it_began_goes_on() -> None:
    unknown = replace(WARNED, entered_due_on=None)
    decision = rules.assess(unknown, POLICY, day(25))
    assert (decision.stage, decision.close) == (S.SUSPEND_WARNED, None)


def test_a_stage_is_never_taken_back_by_a_new_policy() -> None:
    later = {key: replace(rule, days=rule.days + 40) for key, rule in POLICY.stages.items()}
    decision = rules.assess(OFF, replace(POLICY, stages=later), day(40))
    assert (decision.stage, decision.close) == (S.SUSPENDED, None)


def test_below_the_minimum_nothing_begins_and_a_policy_without_stages_does_nothing() -> None:
    assert stage_on(owing(owed_cents=99), day(50)) == S.NONE
    assert stage_on(owing(), day(50), replace(POLICY, stages={})) == S.NONE
    assert rules.assess(OFF, replace(POLICY, stages={}, notices=POLICY.notices), day(90)).notices == ()


def test_a_case_that_ended_in_disconnection_is_closed_when_it_is_paid() -> None:
    gone = owing(S.DISCONNECTED, day(92), suspended_on=day(31))
    assert rules.assess(gone, POLICY, day(100)).next is None
    assert rules.assess(replace(gone, owed_cents=0, due_on=None), POLICY, day(100)).close == CloseReason.PAID


def test_every_live_contact_needs_its_own_proof() -> None:
    both = replace(WARNED, contacts=(PHONE, MAIL))
    decision = rules.assess(both, POLICY, day(40))
    assert decision.stage == S.SUSPEND_WARNED
    assert decision.next is not None
    assert decision.next.waits == (Wait.DAY, Wait.NOTICE, Wait.PROOF)
    sent = (*both.told, told(AHEAD, MAIL.ref, day(33)), told(TOMORROW, MAIL.ref, day(33)))
    assert [stage_on(replace(both, told=sent), day(n)) for n in (39, 40)] == [S.SUSPEND_WARNED, S.SUSPENDED]


def test_sent_is_not_delivered() -> None:
    sent = tuple(each._replace(delivered_on=None) for each in LAST_WARNED.told)
    decision = rules.assess(replace(LAST_WARNED, told=sent), POLICY, day(120))
    assert decision.next is not None
    assert Wait.PROOF in decision.next.waits


def test_a_dead_address_counts_by_the_letter_alone() -> None:
    dead = replace(
        WARNED, told=(told(AHEAD, is_hard=True), told(TOMORROW)), has_post=True
    )  # fmt: skip
    decision = rules.assess(dead, POLICY, day(31))
    assert decision.stage == S.SUSPEND_WARNED
    assert (AHEAD, ("inbox", POST)) in decision.notices
    posted = replace(dead, told=(*dead.told, told(AHEAD, POST, day(32))))
    assert [stage_on(posted, day(n)) for n in (38, 39)] == [S.SUSPEND_WARNED, S.SUSPENDED]
    assert (
        stage_on(replace(dead, told=(*dead.told, told(AHEAD, POST, is_hard=True))), day(60))
        == S.SUSPEND_WARNED
    )


def test_who_has_no_contact_gets_a_letter_and_without_an_address_a_person_looks() -> None:
    nobody = replace(WARNED, contacts=(), told=())
    decision = rules.assess(nobody, POLICY, day(60))
    assert decision.next is not None
    assert decision.next.waits == (Wait.NOBODY,)
    by_post = replace(nobody, has_post=True)
    assert (AHEAD, ("inbox", POST)) in rules.assess(by_post, POLICY, day(60)).notices
    assert stage_on(replace(by_post, told=(told(AHEAD, POST, day(50)),)), day(60)) == S.SUSPENDED


def test_a_letter_proves_nothing_before_it_counts_as_delivered() -> None:
    """It is sent when it is printed: days before it is posted."""
    printed = told(AHEAD, POST, day(24), delivered_on=None)
    dead = replace(WARNED, told=(told(AHEAD, is_hard=True), told(TOMORROW), printed), has_post=True)
    decision = rules.assess(dead, POLICY, day(60))
    assert decision.next is not None
    assert (decision.stage, decision.next.waits) == (S.SUSPEND_WARNED, (Wait.DAY, Wait.PROOF))


@pytest.mark.parametrize(
    ("has_post", "letter", "wait"),
    [
        (True, (), Wait.PROOF),
        (False, (), Wait.NOBODY),
        (True, (told(AHEAD, POST, is_hard=True),), Wait.NOBODY),
    ],
)
def test_who_has_only_dead_contacts_and_no_letter_waits_for_a_person(
    has_post: bool, letter: tuple[Told, ...], wait: Wait
) -> None:
    dead = replace(WARNED, told=(told(AHEAD, is_hard=True), told(TOMORROW), *letter), has_post=has_post)
    decision = rules.assess(dead, POLICY, day(60))
    assert decision.next is not None
    assert (decision.stage, decision.next.waits) == (S.SUSPEND_WARNED, (Wait.DAY, wait))


def test_who_is_unproven_is_named() -> None:
    both = replace(WARNED, contacts=(PHONE, MAIL))
    assert rules.unproven(both, POLICY, S.SUSPENDED) == (MAIL.ref,)
    assert rules.unproven(WARNED, POLICY, S.SUSPENDED) == ()
    assert rules.unproven(both, POLICY, S.OVERDUE) == ()


def test_only_what_takes_something_away_is_held() -> None:
    held = [stage for stage in Stage if rules.is_held_step(POLICY, stage)]
    assert held == [stage for stage in Stage if rules.is_harsh_step(stage)]
    assert held == [S.SUSPEND_WARNED, S.SUSPENDED, S.DISCONNECT_WARNED, S.DISCONNECTED]


def test_what_was_told_under_an_older_policy_counts() -> None:
    newer = replace(POLICY, notices=tuple(replace(rule, id=rule.id + 100) for rule in POLICY.notices))
    assert stage_on(WARNED, day(31), newer) == S.SUSPENDED
    assert [tell.refs for tell in rules.assess(WARNED, newer, day(30)).notices] == [("inbox",), ("inbox",)]


def test_what_is_expected_is_what_comes() -> None:
    coming = rules.expected(owing(S.OVERDUE, day(1)), POLICY, day(1))
    assert coming == {
        S.SUSPEND_WARNED: day(23), S.SUSPENDED: day(31), S.DISCONNECT_WARNED: day(81), S.DISCONNECTED: day(92),
    }  # fmt: skip
    assert rules.expected(owing(), POLICY, day(-10))[S.REMINDED] == day(-3)
    assert rules.expected(Facts(1), POLICY, day(1)) == {}


DAYS = st.integers(-40, 200)
SLOWLY = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@st.composite
def some_facts(draw: Any) -> Facts:
    stage = draw(st.sampled_from(list(Stage)))
    since = None if stage == S.NONE else day(draw(DAYS))
    holds = tuple((hold, day(draw(DAYS))) for hold in draw(st.sets(st.sampled_from(list(Hold)))))
    contacts = draw(st.sampled_from([(), (PHONE,), (PHONE, MAIL)]))
    said = tuple(
        Told(rule.id, rule.code, each.ref, at, draw(st.sampled_from([None, at])), draw(st.sampled_from([None, at])),
             draw(st.booleans()))
        for rule in POLICY.notices for each in contacts if draw(st.booleans()) for at in (day(draw(DAYS)),)
    )  # fmt: skip
    due_on = draw(st.sampled_from([None, DUE, day(30)]))
    is_off = stage in (S.SUSPENDED, S.DISCONNECT_WARNED, S.DISCONNECTED)
    return Facts(
        1, draw(st.integers(0, 300)) if due_on else 0, due_on, stage, since, since if is_off else None,
        DUE if since else None, draw(st.sampled_from([0, 15])), contacts, draw(st.booleans()), said if since else (),
        holds,
    )  # fmt: skip


@SLOWLY
@given(some_facts(), DAYS)
def test_one_step_at_a_time_and_never_upwards_while_held(facts: Facts, n: int) -> None:
    decision = rules.assess(facts, POLICY, day(n))
    before, after = rules.STAGES.index(facts.stage), rules.STAGES.index(decision.stage)
    if decision.close:
        assert decision.stage in (S.NONE, S.REMINDED)
    else:
        assert after in (before, before + 1)
    assert decision.stage != S.DISCONNECTED or facts.stage == S.DISCONNECTED
    if decision.holds and after > before:
        assert decision.stage in (S.REMINDED, S.OVERDUE)


@SLOWLY
@given(some_facts(), DAYS)
def test_asked_again_after_it_was_written_it_changes_nothing(facts: Facts, n: int) -> None:
    first = rules.assess(facts, POLICY, day(n))
    moved = first.close is not None or first.stage != facts.stage
    kept = () if first.close else facts.told
    told_now = tuple(
        Told(tell.rule.id, tell.rule.code, ref, day(n)) for tell in first.notices for ref in tell.refs
    )
    is_none = first.stage == S.NONE
    written = replace(
        facts,
        stage=first.stage,
        since=None if is_none else day(n) if moved else facts.since,
        suspended_on=day(n)
        if moved and first.stage == S.SUSPENDED
        else None
        if first.close
        else facts.suspended_on,
        entered_due_on=None if is_none else facts.due_on if moved else facts.entered_due_on,
        told=() if is_none else (*kept, *told_now),
    )
    again = rules.assess(written, POLICY, day(n))
    assert (again.stage, again.notices, again.close) == (first.stage, (), None)


@SLOWLY
@given(some_facts(), DAYS, st.integers(0, 60))
def test_time_alone_never_takes_a_stage_back(facts: Facts, n: int, more: int) -> None:
    first, later = (rules.assess(facts, POLICY, day(each)) for each in (n, n + more))
    if first.close is None and later.close is None and not later.holds:
        assert rules.STAGES.index(later.stage) >= rules.STAGES.index(first.stage)
