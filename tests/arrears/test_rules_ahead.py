"""What announces a step is told when the step really comes, and names its day; who has no line is told of none."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from arrears import rules
from arrears.choices import Hold, Stage
from arrears.rule_facts import POST, Facts, NoticeRule, PolicyFacts, StageRule, Told
from tests.arrears.test_rules import (
    AHEAD,
    LAST_WARNED,
    MAIL,
    OFF,
    PHONE,
    POLICY,
    SLOWLY,
    WARNED,
    S,
    day,
    owing,
    stage_on,
    told,
)  # fmt: skip


@dataclass
class Lived:
    steps: dict[Stage, date] = field(default_factory=dict)
    named: list[tuple[date, str, dict[Stage, date]]] = field(
        default_factory=list
    )  # told on, what, the days ahead


def lived(facts: Facts, proofs: Callable[[Told], date], last: int, policy: PolicyFacts = POLICY) -> Lived:
    """Judged every day; what is told is proven on the day that `proofs` says. Steps, notices, and the days named."""
    seen = Lived()
    for n in range(last):
        today = day(n)
        known = tuple(
            each._replace(sent_on=proofs(each), delivered_on=proofs(each)) if proofs(each) <= today else each
            for each in facts.told
        )
        decision = rules.assess(replace(facts, told=known), policy, today)
        if decision.stage != facts.stage:
            seen.steps[decision.stage] = today
            facts = rules.stepped(facts, decision.stage, today)
        for tell in decision.notices:
            named = rules.expected(replace(facts, told=known), policy, today)
            seen.named.append((today, tell.rule.code, named))
            facts = replace(
                facts,
                told=(*facts.told, *(Told(tell.rule.id, tell.rule.code, ref, today) for ref in tell.refs)),
            )
    return seen


@SLOWLY
@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from([1, 8, 15]), st.sampled_from([0, 100]))
def test_tomorrow_is_the_day_before_however_late_the_proofs_come(
    phone: int, mail: int, stay: int, found: int
) -> None:
    late = {PHONE.ref: phone, MAIL.ref: mail}
    rows = dict(POLICY.stages) | {S.SUSPENDED: StageRule(S.SUSPENDED, 31, stay)}
    seen = lived(
        owing(S.OVERDUE, day(found), contacts=(PHONE, MAIL)),
        lambda each: each.on + timedelta(late.get(each.ref, 0)),
        found + 200,
        replace(POLICY, stages=rows),
    )
    for code, stage in (("suspension_tomorrow", S.SUSPENDED), ("disconnection_tomorrow", S.DISCONNECTED)):
        told_on = [(today, named[stage]) for today, each, named in seen.named if each == code]
        assert told_on
        for today, named_on in told_on:
            assert named_on == today + timedelta(1)
            assert seen.steps.get(stage, named_on) == named_on
        assert len({today for today, _named in told_on}) == 1
    first = [(today, named[S.SUSPENDED]) for today, each, named in seen.named if each == "suspension_ahead"]
    assert all(today + timedelta(7) <= named <= seen.steps[S.SUSPENDED] for today, named in first)


def test_nobody_is_told_tomorrow_while_nothing_proves_the_notice_before() -> None:
    unproven = (told(AHEAD, sent_on=None, delivered_on=None),)
    dead = (told(AHEAD, is_hard=True),)
    for each in (unproven, dead):
        facts = owing(S.SUSPEND_WARNED, day(23), told=each)
        codes = {tell.rule.code for tell in rules.assess(facts, POLICY, day(60)).notices}
        assert "suspension_tomorrow" not in codes
    posted = owing(S.SUSPEND_WARNED, day(23), told=(*dead, told(AHEAD, POST, day(60))), has_post=True)
    for n, expected in ((65, set()), (66, {"suspension_tomorrow"})):
        due = rules.assess(posted, POLICY, day(n)).notices
        assert {tell.rule.code for tell in due if PHONE.ref in tell.refs} == expected
        assert rules.expected(posted, POLICY, day(n))[S.SUSPENDED] == day(67)


def test_a_policy_that_names_no_further_step_tells_on_its_days() -> None:
    stages = dict(POLICY.stages)
    del stages[S.SUSPENDED]
    facts = owing(S.SUSPEND_WARNED, day(23), told=(told(AHEAD),))
    due = rules.assess(facts, replace(POLICY, stages=stages), day(30)).notices
    assert "suspension_tomorrow" in {tell.rule.code for tell in due}


def test_after_a_hold_the_day_that_is_named_leaves_one_for_the_notice() -> None:
    held = owing(S.SUSPEND_WARNED, day(23), told=(told(AHEAD),), holds=((Hold.EXEMPTION, day(40)),))
    assert rules.expected(held, POLICY, day(30))[S.SUSPENDED] == day(42)
    after = replace(held, holds=())
    assert {tell.rule.code for tell in rules.assess(after, POLICY, day(41)).notices} == {
        "suspension_ahead", "suspension_tomorrow",
    }  # fmt: skip
    assert rules.expected(after, POLICY, day(41))[S.SUSPENDED] == day(42)


def test_who_has_no_line_is_reminded_of_what_he_owes_and_no_step_is_announced() -> None:
    facts = owing(S.OVERDUE, day(1), has_lines=False)
    assert stage_on(facts, day(400)) == S.OVERDUE
    assert rules.expected(facts, POLICY, day(400)) == {}
    assert [tell.rule.code for tell in rules.assess(facts, POLICY, day(400)).notices] == ["bill_overdue"]
    assert (
        stage_on(replace(facts, has_lines=True), day(400)) == S.SUSPEND_WARNED
    )  # with the time of everybody


def test_who_gives_his_line_up_is_warned_of_nothing_more() -> None:
    for facts in (replace(WARNED, told=()), replace(LAST_WARNED, told=()), OFF):
        gone = rules.assess(replace(facts, has_lines=False), POLICY, day(400))
        assert (gone.stage, gone.next) == (facts.stage, None)
        assert {tell.rule.code for tell in gone.notices} <= {"suspended"}
    after = owing(S.DISCONNECTED, day(92), suspended_on=day(31), has_lines=False)
    debt = replace(POLICY, notices=(NoticeRule(8, S.DISCONNECTED, 91, "debt_remains"),))
    [tell] = rules.assess(after, debt, day(31 + 91)).notices
    assert tell.rule.code == "debt_remains"
