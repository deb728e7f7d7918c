"""How a customer's accounts stand: what is owed, what holds it back, what comes next and when, what is kept for him.

The pages, the banner and the interface all read here; what is decided is decided by `arrears.rules` alone.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from accounts import rules as people
from accounts.models import Membership
from accounts.rules import Action
from arrears import rules
from arrears.choices import Hold, Stage, Wait
from arrears.rule_facts import Facts, PolicyFacts
from arrears.rules import STAGES
from arrears.selectors import facts as facts_reads
from arrears.selectors import policies
from arrears.selectors.facts import Subject
from catalog.holdings.services import service_numbers
from catalog.models import Subscription, TerminationReason
from core import arrays
from core.clock import local_date
from resources.models import NumberPeriod, PeriodKind

_OFF_STAGES = (Stage.SUSPENDED, Stage.DISCONNECT_WARNED)
_CONCERNED = """
    SELECT m.account_id, m.role FROM accounts_membership m
     WHERE m.user_id = %(user)s AND m.role = ANY(%(roles)s)
       AND (EXISTS (SELECT FROM arrears_arrearscase c WHERE c.account_id = m.account_id AND c.closed_at IS NULL)
            OR EXISTS (SELECT FROM catalog_subscription s
                         JOIN catalog_termination t ON t.subscription_id = s.id AND t.reason = 'ARREARS'
                         JOIN resources_numberperiod p ON p.holder = 'subscription:' || s.number
                              AND p.kind = 'LOCK' AND p.during @> %(now)s
                        WHERE s.account_id = m.account_id AND s.state = 'TERMINATED'))"""


_PAID_FOR = """
    SELECT a.number, s.payer_id, bool_or(EXISTS (SELECT FROM catalog_suspension off WHERE off.subscription_id = s.id
                                                    AND off.reason = 'ARREARS' AND off.ends_on IS NULL))
      FROM accounts_membership m
      JOIN accounts_billingaccount a ON a.id = m.account_id
      JOIN catalog_subscription s ON s.account_id = a.id AND s.payer_id <> a.id AND s.state = 'ACTIVE'
      JOIN arrears_arrearscase c ON c.account_id = s.payer_id AND c.closed_at IS NULL
                                AND c.stage = ANY(%(stages)s::text[])
     WHERE m.user_id = %(user)s AND m.role = ANY(%(roles)s) GROUP BY a.number, s.payer_id ORDER BY a.number"""


@dataclass(frozen=True, slots=True)
class PaidFor:
    """An account for whose lines another one pays that is in arrears. `day`: the earliest of what comes next."""

    number: str
    is_off: bool
    day: date | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A number whose line was cut, kept for who had it. `until`: the last day on which he gets it back."""

    line: str
    service_number: str
    until: date


@dataclass(frozen=True, slots=True)
class Outlook:
    """An account as its members read it on a day. `days`: the earliest day of each stage ahead, as things stand."""

    subject: Subject
    today: date
    days: dict[Stage, date]
    waits: tuple[Wait, ...]  # what the next stage waits for
    holds: tuple[tuple[Hold, date], ...]
    kept: tuple[Kept, ...]
    role: str

    @property
    def facts(self) -> Facts:
        return self.subject.facts

    @property
    def number(self) -> str:
        return self.subject.number

    @property
    def stage(self) -> Stage:
        return self.facts.stage

    @property
    def owed_cents(self) -> int:
        """What counts: without what is disputed, less credit."""
        return max(0, self.facts.owed_cents)

    @property
    def is_late(self) -> bool:
        return bool(self.owed_cents and self.facts.due_on and self.facts.due_on < self.today)

    @property
    def is_off(self) -> bool:
        """What it pays for is off for arrears."""
        return self.stage in _OFF_STAGES

    @property
    def is_cut(self) -> bool:
        return self.stage == Stage.DISCONNECTED

    @property
    def is_concerned(self) -> bool:
        """There is something that its members must know on every page."""
        return self.is_late or self.is_off or self.is_cut or bool(self.kept)

    def may(self, action: Action) -> bool:
        return people.may(self.role, action)


def concerning(user: Any, *, as_of: datetime) -> list[Outlook]:
    """The user's accounts of which every page tells him, the worst first. One query where there is none."""
    roles = _concerned(user, as_of)
    found = [each for each in of(roles, as_of=as_of) if each.is_concerned] if roles else []
    return sorted(found, key=lambda each: (-STAGES.index(each.stage), -each.owed_cents, each.number))


def everything(user: Any, *, as_of: datetime) -> list[Outlook]:
    """All accounts whose bills the user may see, those in arrears first."""
    mine = Membership.objects.filter(user_id=user.pk, role__in=people.roles_for(Action.SEE_BILLS))
    found = of(dict(mine.values_list("account_id", "role")), as_of=as_of)
    return sorted(found, key=lambda each: (not each.is_concerned, -STAGES.index(each.stage), each.number))


def one(user: Any, number: str, *, as_of: datetime) -> Outlook | None:
    """The user's account of that number; None for a stranger's."""
    mine = Membership.objects.filter(
        user_id=user.pk, role__in=people.roles_for(Action.SEE_BILLS), account__number=number
    )
    found = of(dict(mine.values_list("account_id", "role")), as_of=as_of)
    return next(iter(found), None)


def of(roles: dict[int, str], *, as_of: datetime) -> list[Outlook]:
    """How these accounts stand, for members in these roles."""
    subjects = facts_reads.of(roles, as_of=as_of)
    book, today = policies.book(local_date(as_of)), local_date(as_of)
    locked = kept(roles, as_of=as_of)
    found = []
    for account_id, subject in subjects.items():
        policy = book.find(subject.region_id, subject.customer_kind)
        days, waits = _ahead(subject.facts, policy, today) if policy else ({}, ())
        holds = rules.holding(subject.facts, policy, today) if policy else ()
        found.append(
            Outlook(subject, today, days, waits, holds, tuple(locked[account_id]), roles[account_id])
        )
    return found


def paid_for(user: Any, *, as_of: datetime) -> list[PaidFor]:
    """The user's accounts for whose lines somebody else pays who has been warned, or whose lines are off."""
    values = {
        "user": user.pk,
        "roles": people.roles_for(Action.SEE_BILLS),
        "stages": arrays.texts([*rules.FAMILY_TEXTS, Stage.DISCONNECTED]),
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAID_FOR, values)
        rows = cursor.fetchall()
    payers = of({payer_id: "" for _number, payer_id, _is_off in rows}, as_of=as_of) if rows else []
    found = {each.subject.account_id: each for each in payers}
    return [
        PaidFor(number, is_off, found[payer_id].days.get(Stage.DISCONNECTED if is_off else Stage.SUSPENDED))
        for number, payer_id, is_off in rows
    ]


def kept(account_ids: Collection[int], *, as_of: datetime) -> defaultdict[int, list[Kept]]:
    """By whose they were: the numbers of lines cut for arrears that are still locked for who had them."""
    cut = Subscription.objects.filter(
        account__in=list(account_ids), termination__reason=TerminationReason.ARREARS
    ).exclude(service_number="")
    rows = {service_numbers.owner(row): row for row in cut.only("number", "account_id", "service_number")}
    found: defaultdict[int, list[Kept]] = defaultdict(list)
    if not rows:
        return found
    locks = NumberPeriod.objects.filter(holder__in=rows, kind=PeriodKind.LOCK, during__contains=as_of)
    for lock in locks.select_related("number").order_by("pk"):
        row, end = rows[lock.holder], lock.ends_at
        assert end is not None  # period_only_owners_stay
        until = local_date(end - timedelta(microseconds=1))
        found[row.account_id].append(Kept(row.number, lock.number.digits, until))
    return found


def _concerned(user: Any, as_of: datetime) -> dict[int, str]:
    values = {"user": user.pk, "roles": people.roles_for(Action.SEE_BILLS), "now": as_of}
    with connection.cursor() as cursor:
        cursor.execute(_CONCERNED, values)
        return dict(cursor.fetchall())


def _ahead(facts: Facts, policy: PolicyFacts, today: date) -> tuple[dict[Stage, date], tuple[Wait, ...]]:
    """The days of the stages ahead, and for what the next one waits."""
    if facts.owed_cents < max(1, policy.minimum_cents):
        return {}, ()
    ahead = rules.assess(facts, policy, today).next
    return rules.expected(facts, policy, today), ahead.waits if ahead else ()
