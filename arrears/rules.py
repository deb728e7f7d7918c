"""Arrears: what an account's stage is on a day, whom to tell, what holds it back, and what comes next.

Pure. `assess` is asked every day and after every payment; the same facts give the same answer, and asked again on
the same day after its answer was written, it changes nothing more.
"""

from dataclasses import replace
from datetime import date, timedelta

from arrears.choices import CloseReason, Hold, PartPayment, Proof, Stage, Wait
from arrears.rule_facts import (
    INBOX,
    POST,
    Decision,
    Facts,
    Holds,
    Next,
    NoticeRule,
    PolicyFacts,
    StageRule,
    Tell,
    Told,
)

STAGES = tuple(Stage)
Ready = tuple[date, frozenset[Wait]]  # the first day, came what is missing today, and what is missing
# Gateways are asked for three days what became of a message: what nobody can prove by then is also told by letter.
UNPROVEN_DAYS = 3
# Until SUSPENDED days are counted from the due date, afterwards from the suspension.
_AFTER_SUSPENSION = (Stage.DISCONNECT_WARNED, Stage.DISCONNECTED)
# Steps that take something away, or announce it: only the daily pass goes them.
_HARSH_STEPS = (Stage.SUSPEND_WARNED, Stage.SUSPENDED, *_AFTER_SUSPENSION)
# From which step on a policy may let a dispute, a promise, an exemption or a payment in flight stop everything.
HELD_FROM = (Stage.OVERDUE, Stage.SUSPEND_WARNED, Stage.SUSPENDED)
MOST_IN_FLIGHT_DAYS = 30  # for which a policy may let an undecided payment hold
_UNTIL_DECIDED = (Hold.DISPUTE, Hold.IN_FLIGHT)
# Before these, everything that the stage before had to tell has been told on an earlier day.
_HARD_STEPS = (Stage.SUSPENDED, Stage.DISCONNECTED)
# Stages whose notices announce such a step: a lie while something holds it.
_ANNOUNCING = (Stage.SUSPEND_WARNED, Stage.DISCONNECT_WARNED)
# Whose lines somebody else pays is told when these may stop or have stopped, in words that name no amount.
FAMILY_TEXTS = {
    Stage.SUSPEND_WARNED: "family_suspension_ahead",
    Stage.SUSPENDED: "family_suspended",
    Stage.DISCONNECT_WARNED: "family_disconnection_ahead",
}
# What the earliest unpaid bill must still reach, once it is another one, for the case to go on.
_FLOOR = {
    Stage.REMINDED: Stage.REMINDED,
    Stage.OVERDUE: Stage.OVERDUE,
    Stage.SUSPEND_WARNED: Stage.OVERDUE,
    Stage.SUSPENDED: Stage.SUSPENDED,
    Stage.DISCONNECT_WARNED: Stage.SUSPENDED,
    Stage.DISCONNECTED: Stage.SUSPENDED,  # of which the lines that were not cut have their service back
}


def assess(facts: Facts, policy: PolicyFacts, today: date) -> Decision:
    """What is so for the account on that day; at most one step upwards, and never into DISCONNECTED.

    Lines are cut one by one and by two people's leave: `next` says from when on that is possible.
    """
    holds = holding(facts, policy, today)
    close = _ends(facts, policy, today)
    if close or not _counts(facts, policy):
        facts = replace(facts, stage=Stage.NONE, since=None, suspended_on=None, entered_due_on=None, told=())
        if not _counts(facts, policy):
            return Decision(Stage.NONE, (), holds, None, close)
    ahead = _next(facts, policy, holds, today)
    if ahead and not ahead.waits:
        facts = stepped(facts, ahead.stage, today)
        ahead = _next(facts, policy, holds, today)
    return Decision(facts.stage, _notices(facts, policy, holds, today), holds, ahead, close)


def stepped(facts: Facts, stage: Stage, on: date) -> Facts:
    """The same account, come into that stage on that day."""
    suspended_on = on if stage == Stage.SUSPENDED else facts.suspended_on
    return replace(facts, stage=stage, since=on, suspended_on=suspended_on)


def holding(facts: Facts, policy: PolicyFacts, today: date) -> Holds:
    """What holds on that day. A dispute holds until it is decided; a payment, too, as long as the policy says."""
    return tuple(
        (hold, until)
        for hold, until in facts.holds
        if until >= today or hold in _UNTIL_DECIDED
        if hold != Hold.IN_FLIGHT or facts.paying_days < policy.in_flight_days
    )


def is_harsh_step(stage: Stage) -> bool:
    """Whether the step into that stage takes something away, or announces it."""
    return stage in _HARSH_STEPS


def is_held_step(policy: PolicyFacts, stage: Stage) -> bool:
    """Whether a dispute, a promise, an exemption or a payment under way stops the step into that stage."""
    return STAGES.index(stage) >= STAGES.index(policy.held_from)


def holds_back(policy: PolicyFacts, stage: Stage) -> bool:
    """Whether such a hold stops what would follow that stage."""
    place = STAGES.index(stage) + 1
    return stage != Stage.NONE and place < len(STAGES) and is_held_step(policy, STAGES[place])


def expected(facts: Facts, policy: PolicyFacts, today: date) -> dict[Stage, date]:
    """The earliest day of each stage still ahead, as things stand: were all that is untold told, and proven, today."""
    days: dict[Stage, date] = {}
    holds = holding(facts, policy, today)
    while ahead := _next(facts, policy, holds, today):
        days[ahead.stage] = today = max(ahead.day, today)
        facts = stepped(facts, ahead.stage, today)
    return days


def cut_on(facts: Facts, policy: PolicyFacts, today: date) -> date:
    """The first day on which the proofs let a line be cut, were all that is untold told, and proven, today."""
    return max(today, _proven_before(facts, policy, Stage.DISCONNECTED, today)[0])


def unproven(facts: Facts, policy: PolicyFacts, stage: Stage) -> tuple[str, ...]:
    """Who has no proof yet of what had to be told before that stage; a dead contact has it by its letter."""
    needed = [rule for rule in policy.notices if rule.needed_for == stage]
    return tuple(
        ref for ref in must_hear(facts) if any(_proof(facts, policy, rule, ref) is None for rule in needed)
    )


def must_hear(facts: Facts) -> tuple[str, ...]:
    """Who must have been told: every live contact, of him and of whom he pays for; he by letter without one."""
    post = (POST,) if not has_contact(facts) and facts.has_post else ()
    return tuple(each.ref for each in facts.contacts) + post


def has_contact(facts: Facts) -> bool:
    """Whether who pays has left a contact of his own."""
    return any(not each.member for each in facts.contacts)


def _counts(facts: Facts, policy: PolicyFacts) -> bool:
    return facts.due_on is not None and facts.owed_cents >= max(1, policy.minimum_cents)


def _ends(facts: Facts, policy: PolicyFacts, today: date) -> CloseReason | None:
    """Why the present case is over; None while it goes on, or without one."""
    if facts.stage == Stage.NONE:
        return None
    if not _counts(facts, policy):
        return facts.relief if facts.owed_cents <= 0 else CloseReason.BELOW_MINIMUM
    if facts.entered_due_on is None:
        return None
    assert facts.due_on is not None
    floor = policy.stages.get(_FLOOR[facts.stage])
    if facts.due_on <= facts.entered_due_on or floor is None:
        return None  # the same bill as ever: a new policy does not take a stage back
    reached = facts.due_on + timedelta(floor.days + facts.credit_days) <= today
    stays = policy.part_payment == PartPayment.STAGE_STAYS and _is_late(facts, today)
    return None if reached or stays else CloseReason.PAID


def _is_late(facts: Facts, today: date) -> bool:
    """Whether something is still overdue."""
    return facts.due_on is not None and facts.due_on + timedelta(facts.credit_days) < today


def _base(stage: Stage, facts: Facts) -> date | None:
    """From when on the days of that stage are counted."""
    if stage in _AFTER_SUSPENSION:
        return facts.suspended_on
    return facts.due_on + timedelta(facts.credit_days) if facts.due_on else None


def _not_before(base: date, rule: StageRule, since: date) -> date:
    return max(base + timedelta(rule.days), since + timedelta(max(1, rule.stay_days)))


def _next(facts: Facts, policy: PolicyFacts, holds: Holds, today: date) -> Next | None:
    place = STAGES.index(facts.stage) + 1
    if place == len(STAGES):
        return None
    stage = STAGES[place]
    rule, base = policy.stages.get(stage), _base(stage, facts)
    if rule is None or base is None or (is_harsh_step(stage) and not facts.has_lines):
        return None
    day = base + timedelta(rule.days) if facts.since is None else _not_before(base, rule, facts.since)
    waits, free = [], today
    if holds and is_held_step(policy, stage):
        free = max(today, *(until for _hold, until in holds)) + timedelta(1)
        waits.append(Wait.HOLD)
    proven_on, unproven = _proven_before(facts, policy, stage, today)
    told_on, untold = _told_before(facts, policy, stage, free)
    if missing := unproven | untold:
        waits += [wait for wait in Wait if wait in missing]
    day = max(day, proven_on, told_on, free if Wait.HOLD in waits else day)
    if day > today:
        waits.insert(0, Wait.DAY)
    if stage == Stage.DISCONNECTED:
        waits.append(Wait.APPROVAL)
    return Next(stage, day, tuple(waits))


def _proven_before(facts: Facts, policy: PolicyFacts, stage: Stage, today: date) -> Ready:
    """When the proofs allow that stage."""
    day, waits = date.min, set()
    refs = must_hear(facts)
    for rule in (each for each in policy.notices if each.needed_for == stage):
        for ref in refs:
            proof = _proof(facts, policy, rule, ref)
            if proof is None:
                waits.add(_lacking(facts, policy, rule, ref))
            day = max(day, (proof or today) + timedelta(rule.needed_days))
        waits |= set() if POST in refs or has_contact(facts) else {Wait.NOBODY}
    return day, frozenset(waits)


def _told_before(facts: Facts, policy: PolicyFacts, stage: Stage, free: date) -> Ready:
    """Before a hard step each contact has on an earlier day what the present stage tells, at the earliest on `free`."""
    day, waits = date.min, set()
    for rule in policy.notices if stage in _HARD_STEPS else ():
        if rule.stage == facts.stage and rule.days < policy.stages[stage].days:
            for each in facts.contacts:
                told = _told(facts, policy, rule, each.ref)
                waits |= set() if told else {Wait.NOTICE}
                on = told.on if told else max(free, _scheduled(facts, policy, rule) or free)
                day = max(day, on + timedelta(1))
    return day, frozenset(waits)


def _told(facts: Facts, policy: PolicyFacts, rule: NoticeRule, ref: str) -> Told | None:
    """What this ref was told of that rule, or of the rule that said the same in a policy of before."""
    for each in facts.told:
        if each.ref == ref and (
            each.rule_id == rule.id or (each.code == rule.code and each.rule_id not in policy.rule_ids)
        ):
            return each
    return None


def _proof(facts: Facts, policy: PolicyFacts, rule: NoticeRule, ref: str) -> date | None:
    """The day from which on it is proven that this ref was told. A dead address is replaced by a letter."""
    told = _told(facts, policy, rule, ref)
    if told and told.is_hard and ref != POST:
        return _proof(facts, policy, rule, POST)
    if told is None or told.is_hard:
        return None
    # A letter counts as sent when it is printed, days before it is posted: that proves nothing.
    if rule.proof == Proof.SENT and ref != POST:
        return told.sent_on or told.delivered_on
    return told.delivered_on


def _lacking(facts: Facts, policy: PolicyFacts, rule: NoticeRule, ref: str) -> Wait:
    """What is missing where there is no proof: time, or a person who finds a way to tell him."""
    told, post = _told(facts, policy, rule, ref), _told(facts, policy, rule, POST)
    is_dead = ref == POST or (told is not None and told.is_hard)
    can_post = facts.has_post and not (post and post.is_hard)
    return Wait.NOBODY if is_dead and not can_post else Wait.PROOF


def _notices(facts: Facts, policy: PolicyFacts, holds: Holds, today: date) -> tuple[Tell, ...]:
    """What is due and to whom it has not been told yet."""
    is_idle = bool(holds) or not facts.has_lines  # what would be announced does not come
    if any(hold == Hold.PROMISE for hold, _until in holds) or (is_idle and facts.stage in _ANNOUNCING):
        return ()
    told = []
    for rule in policy.notices:
        if _speaks(facts, rule, holds) and _is_due(facts, policy, rule, today):
            in_family = rule.stage in FAMILY_TEXTS
            wanted = [each.ref for each in facts.contacts if in_family or not each.member] + [INBOX]
            if facts.has_post and _needs_letter(facts, policy, rule, today):
                wanted.append(POST)
            refs = tuple(ref for ref in wanted if _told(facts, policy, rule, ref) is None)
            if refs:
                told.append(Tell(rule, refs))
    return tuple(told)


def _speaks(facts: Facts, rule: NoticeRule, holds: Holds) -> bool:
    """Whether it belongs to the present stage; what a cut waits for also after the first line was cut."""
    is_left = facts.stage == Stage.DISCONNECTED and facts.has_lines and not holds
    return rule.stage == facts.stage or (is_left and rule.needed_for == Stage.DISCONNECTED)


def _is_due(facts: Facts, policy: PolicyFacts, rule: NoticeRule, today: date) -> bool:
    """On its day. What says after the first notice how soon a step comes moves with that step, once that is proven."""
    day, base = _scheduled(facts, policy, rule), _base(rule.stage, facts)
    if day is None or today < day or base is None or facts.since is None:
        return False
    step = policy.stages.get(STAGES[STAGES.index(rule.stage) + 1]) if rule.stage in _ANNOUNCING else None
    if step is None or rule.needed_for or rule.days == policy.stages[rule.stage].days:
        return True
    proven_on, missing = _proven_before(facts, policy, step.stage, today)
    comes_on = max(_not_before(base, step, facts.since), proven_on)
    return not missing and today >= comes_on + timedelta(rule.days - step.days)


def _scheduled(facts: Facts, policy: PolicyFacts, rule: NoticeRule) -> date | None:
    """The day of the policy; where the stage came late, as many days after it as the policy puts between them."""
    base, stage = _base(rule.stage, facts), policy.stages.get(rule.stage)
    if base is None or stage is None or facts.since is None:
        return None
    return max(base + timedelta(rule.days), facts.since + timedelta(rule.days - stage.days))


def _needs_letter(facts: Facts, policy: PolicyFacts, rule: NoticeRule, today: date) -> bool:
    """Nobody else can be told; an address is dead; or nothing proves for days that a message arrived."""
    lost = (_is_lost(facts, policy, rule, each.ref, today) for each in facts.contacts)
    return bool(rule.needed_for and rule.has_letter) and (not has_contact(facts) or any(lost))


def _is_lost(facts: Facts, policy: PolicyFacts, rule: NoticeRule, ref: str, today: date) -> bool:
    told = _told(facts, policy, rule, ref)
    if told is None or told.is_hard:
        return told is not None
    return today >= told.on + timedelta(UNPROVEN_DAYS) and _proof(facts, policy, rule, ref) is None
