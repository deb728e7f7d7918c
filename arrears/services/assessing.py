"""The judgement of one account: every day in the pass, and at once after a payment, a dispute, a promise."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from django.db import transaction

from arrears import locks, rules
from arrears.models import Policy
from arrears.rule_facts import PolicyFacts
from arrears.selectors import facts as facts_reads
from arrears.selectors import policies
from arrears.selectors.facts import Subject
from arrears.selectors.policies import Book
from arrears.services import casework, promises, telling
from arrears.services.casework import Counts, Judged
from core.actor import Actor
from core.clock import local_date


def judge(subjects: Iterable[Subject], book: Book, today: date) -> list[Judged]:
    """What is decided about each; an account without a policy is left alone, unless it has a case of an old one."""
    judged = []
    old: dict[int, PolicyFacts] = {}
    for subject in subjects:
        policy = book.find(subject.region_id, subject.customer_kind)
        if policy is None and subject.case_policy_id is not None:
            known = subject.case_policy_id
            if known not in old:
                old[known] = policies.facts_of(Policy.objects.get(pk=known))
            policy = old[known]
        if policy is not None:
            judged.append(Judged(subject, policy, rules.assess(subject.facts, policy, today)))
    return judged


def is_held(each: Judged) -> bool:
    """Whether something holds a case back of which the customer is told: a step that would come without it."""
    if not each.decision.holds or each.decision.close or not each.policy.tells_when_held:
        return False
    if not each.subject.facts.has_lines:
        return False
    return rules.holds_back(each.policy, each.decision.stage)


@transaction.atomic
def assess_one(account_id: int, *, actor: Actor, as_of: datetime, is_news: bool = False) -> Counts:
    """The account is where it belongs as of now, behind its lock; what arrears had stopped is on again if it may be.

    Asked again it changes nothing. Caps of the daily pass do not hold back what one account is asked for. `is_news`:
    because something was paid, answered or decided; what would be taken away waits for the next daily pass, so that
    nobody is switched off in the second of his part payment, or in the middle of the night.
    """
    locks.accounts([account_id])
    today = local_date(as_of)
    judged = judge(facts_reads.of([account_id], as_of=as_of).values(), policies.book(today), today)
    if is_news:
        judged = [_kindly(each) for each in judged]
    return write(judged, actor=actor, as_of=as_of)


def _kindly(each: Judged) -> Judged:
    """The same without a step that takes something away."""
    if not rules.is_harsh_step(each.decision.stage) or not each.moves or each.decision.close:
        return each
    stays = replace(each.decision, stage=each.subject.facts.stage, notices=(), next=None)
    return replace(each, decision=stays)


def write(judged: list[Judged], *, actor: Actor, as_of: datetime) -> Counts:
    """All that follows from these decisions; the accounts' locks are held, the facts were read behind them."""
    today = local_date(as_of)
    over = [each.subject for each in judged if promises.is_over(each.subject, today)]
    broken = promises.settle(over, as_of=as_of) if over else 0
    changed = [each for each in judged if each.is_change]
    counts = casework.write(changed, actor=actor, as_of=as_of) if changed else Counts()
    counts.told += broken
    held = [each for each in judged if is_held(each) and each.subject.case_id is not None]
    if held:
        counts.told += telling.tell_held(held, as_of=as_of)
    return counts
