"""Lines that are off for arrears, with everything that stands for and against cutting them. Read set-wise."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import BillingAccount
from arrears import rules
from arrears.choices import Hold, Stage
from arrears.disconnect_rules import SUSPENDED_DAYS, LineFacts, Notice
from arrears.laws import LATE, MAY_BE_PAYING, NOTICES, STOPS
from arrears.models import DisconnectPlan, LineState, PlanApproval, PlanLine, PlanState
from arrears.rule_facts import POST, Facts
from arrears.selectors import facts as facts_reads
from arrears.selectors import policies
from arrears.selectors.facts import Subject
from arrears.selectors.policies import Book
from catalog.choices import SuspensionReason
from catalog.models import Subscription, SubscriptionState, Suspension
from core import approvals
from core.actor import Actor
from core.clock import local_date

APPROVE = "arrears.approve_disconnectplan"
_NOTICES = f"""
    SELECT x.account_id, x.ref, x.delivery_id, x.message_id, CASE WHEN x.is_proof THEN x.delivered_on END,
           x.needed_days, x.is_hard
      FROM ({NOTICES}) x WHERE x.account_id = ANY(%s::bigint[]) ORDER BY x.delivery_id"""
_DISPUTED = """
    SELECT DISTINCT b.account_id FROM billing_dispute d JOIN billing_bill b ON b.id = d.bill_id
     WHERE d.state = 'OPEN' AND b.account_id = ANY(%s::bigint[])"""

# By who pays: he, or somebody for whom he pays, waits for an answer.
_ESCALATED = f"""
    SELECT p.id FROM accounts_billingaccount p
     WHERE p.id = ANY(%s::bigint[]) AND EXISTS (
           SELECT FROM arrears_escalation e WHERE {STOPS.format(payer="p.id")} AND e.account_id IN (
                  SELECT p.id UNION SELECT s.account_id FROM catalog_subscription s
                   WHERE s.payer_id = p.id AND s.state = 'ACTIVE'))"""
_LATE = f"""
    SELECT x.payer, ({LATE}) FROM unnest(%s::bigint[]) AS x (payer) CROSS JOIN (SELECT %s::date AS today) AS judged"""
_PAYING = f"""
    SELECT DISTINCT p.account_id FROM billing_payment p
     WHERE p.account_id = ANY(%s::bigint[]) AND ({MAY_BE_PAYING.format(at="%s::timestamptz")})"""


def candidates(
    *,
    after: int,
    most: int,
    as_of: datetime,
    regions: Collection[int] | None = None,
    numbers: Collection[str] = (),
) -> list[Subscription]:
    """The next lines, by id, that have been off for arrears for long enough."""
    off = Suspension.objects.filter(
        reason=SuspensionReason.ARREARS, ends_on=None, begins_on__lt=_latest(local_date(as_of))
    )
    rows = Subscription.objects.filter(
        pk__gt=after, state=SubscriptionState.ACTIVE, pk__in=off.values("subscription_id")
    )
    if regions is not None:
        rows = rows.filter(payer__region_id__in=regions)
    if numbers:
        rows = rows.filter(number__in=numbers)
    return list(rows.order_by("pk")[:most])


def facts(
    lines: Collection[Subscription], *, as_of: datetime, plan_id: int | None = None
) -> dict[int, LineFacts]:
    """By id of the line; `plan_id`: the plan that would cut it. A few statements, however many lines."""
    payers = sorted({row.payer_id for row in lines})
    subjects = facts_reads.of(payers, as_of=as_of)
    off = {
        row.subscription_id: row
        for row in Suspension.objects.filter(
            subscription__in=[row.pk for row in lines], reason=SuspensionReason.ARREARS, ends_on=None
        )
    }
    book = policies.book(local_date(as_of))
    notices, late = _notices(payers), dict(_rows(_LATE, payers, local_date(as_of)))
    held = {
        Hold.DISPUTE: {row[0] for row in _rows(_DISPUTED, payers)},
        Hold.IN_FLIGHT: {row[0] for row in _rows(_PAYING, payers, as_of)},
    }
    holders = dict(
        BillingAccount.objects.filter(pk__in={row.account_id for row in lines}).values_list("pk", "number")
    )
    escalated = {row[0] for row in _rows(_ESCALATED, payers)}
    ordered, people = _plan(plan_id, as_of)
    found = {}
    for row in lines:
        subject, suspension = subjects.get(row.payer_id), off.get(row.pk)
        known = subject.facts if subject else None
        holds: set[Hold] = {each[0] for each in known.holds if each[0] not in held} if known else set()
        holds |= {hold for hold, accounts in held.items() if row.payer_id in accounts}
        found[row.pk] = LineFacts(
            subscription_id=row.pk,
            number=row.number,
            service_number=row.service_number,
            account_id=row.payer_id,
            holder=holders[row.account_id],
            suspension_id=suspension.pk if suspension else None,
            suspended_on=suspension.begins_on if suspension else None,
            owed_cents=known.owed_cents if known else 0,
            late_cents=late[row.payer_id],
            case_id=subject.case_id if subject else None,
            stage=known.stage if known else Stage.NONE,
            refs=_refs(known) if known else (),
            notices=tuple(notices[row.payer_id]),
            holds=frozenset(holds),
            is_escalated=row.payer_id in escalated,
            is_ordered=row.pk in ordered,
            approvers=people if row.pk in ordered else (),
            **_policy(book, subject, suspension, local_date(as_of)),
        )
    return found


def _refs(known: Facts) -> tuple[str, ...]:
    """Where the case was told; who pays and left no contact reads a letter, or nobody was told."""
    refs = rules.must_hear(known)
    return refs if rules.has_contact(known) or POST in refs else (*refs, POST)


def _policy(book: Book, subject: Subject | None, off: Suspension | None, today: date) -> dict[str, Any]:
    """What the policy that holds for who pays adds to the law of the land."""
    found = book.find(subject.region_id, subject.customer_kind) if subject else None
    rule = found.stages.get(Stage.DISCONNECTED) if found else None
    if subject is None or found is None or rule is None:
        return {"not_before": None}
    return {
        "not_before": off.begins_on + timedelta(rule.days) if off else date.min,
        "is_over": rules.assess(subject.facts, found, today).close is not None,
        "minimum_cents": found.minimum_cents,
        "policy_id": found.id,
        "policy_cap": rule.cap,
    }


def _latest(today: date) -> date:
    return date.fromordinal(today.toordinal() - SUSPENDED_DAYS)


def _rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _notices(account_ids: list[int]) -> defaultdict[int, list[Notice]]:
    found: defaultdict[int, list[Notice]] = defaultdict(list)
    for account_id, *rest in _rows(_NOTICES, account_ids):
        found[account_id].append(Notice(*rest))
    return found


def approvers(plan: DisconnectPlan, *, as_of: datetime) -> tuple[int, ...]:
    """Those of whom the approval counts: said not too long ago, by who may still say it."""
    return tuple(each for each in said_yes(plan, as_of=as_of) if may_approve(each, plan.region_id))


def may_approve(user_id: int, region_id: int | None) -> bool:
    """Whether this is active staff who may approve plans of that region (None: of the whole operator)."""
    return approvals.holds_there(Actor(f"user:{user_id}"), APPROVE, region_id)


def said_yes(plan: DisconnectPlan, *, as_of: datetime) -> tuple[int, ...]:
    """Who approved the plan not too long ago, without whoever made it, in order; also who is gone meanwhile."""
    since = as_of - timedelta(days=plan.approval_days)
    yes = PlanApproval.objects.filter(plan=plan, at__gt=since).order_by("pk")
    return tuple(
        each for each in dict.fromkeys(yes.values_list("user_id", flat=True)) if each != plan.made_by_id
    )


def _plan(plan_id: int | None, as_of: datetime) -> tuple[set[int], tuple[int, ...]]:
    """Which lines wait in the plan, if it is being run, and who approved it."""
    if plan_id is None:
        return set(), ()
    waiting = PlanLine.objects.filter(plan_id=plan_id, plan__state=PlanState.RUNNING, state=LineState.WAITING)
    plan = DisconnectPlan.objects.get(pk=plan_id)
    return set(waiting.values_list("subscription_id", flat=True)), approvers(plan, as_of=as_of)
