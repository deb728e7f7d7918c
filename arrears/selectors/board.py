"""催缴看板: how all cases stand that somebody may see, by set-wise statements. Definitions: docs/arrears.md."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import TruncMonth

from accounts.models import Region
from arrears.choices import CloseReason, Stage, Wait
from arrears.models import ArrearsCase, CaseNotice, Exemption, StageChange
from arrears.rules import STAGES
from arrears.selectors import policies, prospects
from arrears.selectors.prospects import Prospect
from core.clock import local_date
from core.scopes import Sight
from notices.models import Delivery, DeliveryState

MOST_LOOKED_AT = 2_000  # cases whose proofs are looked at for one page
FAILED_DAYS, ENDING_DAYS = 30, 7

# What is owed is counted as the daily pass does: no order's bills, nothing disputed, less credit.
_BY_STAGE = """
    WITH seen AS MATERIALIZED ({seen}), owed AS (
        SELECT seen.account_id, sum(b.open_cents) AS all_cents,
               sum(b.open_cents) FILTER (WHERE b.kind <> 'ORDER' AND NOT EXISTS (
                   SELECT FROM billing_dispute d WHERE d.bill_id = b.id AND d.state = 'OPEN')) AS cents
          FROM seen JOIN billing_bill b ON b.account_id = seen.account_id AND b.open_cents > 0
         GROUP BY seen.account_id
    )
    SELECT account.region_id, seen.stage, count(*),
           coalesce(sum(greatest(0, coalesce(owed.cents, 0)
                                    - greatest(0, coalesce(balance.balance_cents, 0) + owed.all_cents))), 0)::bigint
      FROM seen JOIN accounts_billingaccount account ON account.id = seen.account_id
      LEFT JOIN owed ON owed.account_id = seen.account_id
      LEFT JOIN billing_accountbalance balance ON balance.account_id = seen.account_id
     GROUP BY account.region_id, seen.stage"""
# Cases whose time for the next stage has come, as days are counted since they came into the present one. It takes a
# line to go beyond OVERDUE.
_DUE = """
    WITH seen AS MATERIALIZED ({seen}), due AS (
        SELECT seen.id, seen.account_id, following.stage, seen.stage_since
          FROM seen
          JOIN unnest(%s::text[], %s::text[]) AS step (stage, after) ON step.stage = seen.stage
          JOIN arrears_policystage following ON following.policy_id = seen.policy_id AND following.stage = step.after
          JOIN LATERAL (SELECT earliest_due_on FROM arrears_stagechange c
                         WHERE c.case_id = seen.id ORDER BY c.id DESC LIMIT 1) change ON true
          LEFT JOIN LATERAL (SELECT c."on" FROM arrears_stagechange c
                              WHERE c.case_id = seen.id AND c.to_stage = 'SUSPENDED' LIMIT 1) off ON true
          JOIN accounts_billingaccount account ON account.id = seen.account_id
          LEFT JOIN accounts_standing standing ON standing.customer_id = account.customer_id
               AND standing.active_from <= %s AND (standing.active_to IS NULL OR standing.active_to > %s)
         WHERE CASE WHEN step.after IN ('DISCONNECT_WARNED', 'DISCONNECTED') THEN off."on"
                    ELSE change.earliest_due_on + coalesce(standing.credit_days, 0) END + following.days <= %s
           AND seen.stage_since + greatest(1, following.minimum_stay_days) <= %s
           AND (step.after IN ('REMINDED', 'OVERDUE') OR EXISTS (SELECT FROM catalog_subscription s
                 WHERE s.payer_id = seen.account_id AND s.state = 'ACTIVE'))
    )"""
_HELD = """
    EXISTS (SELECT FROM arrears_promise p WHERE p.account_id = due.account_id AND p.state = 'OPEN' AND p.until >= %s)
    OR EXISTS (SELECT FROM arrears_exemption e WHERE e.account_id = due.account_id
                AND e.active_from <= %s AND e.active_to > %s)
    OR EXISTS (SELECT FROM billing_dispute d JOIN billing_bill b ON b.id = d.bill_id
                WHERE b.account_id = due.account_id AND b.open_cents > 0 AND d.state = 'OPEN')
    OR EXISTS (SELECT FROM billing_payment p WHERE p.account_id = due.account_id
                AND p.state IN ('CREATED', 'PENDING', 'UNKNOWN') AND p.created_at > %s)"""


@dataclass
class Sum:
    """Cases, and what they owe in fen."""

    cases: int = 0
    cents: int = 0

    def add(self, cases: int, cents: int) -> None:
        self.cases += cases
        self.cents += cents


@dataclass
class Place:
    """The open cases of a region, by stage."""

    name: str
    stages: dict[str, Sum] = field(default_factory=lambda: {stage: Sum() for stage in STAGES[1:]})
    total: Sum = field(default_factory=Sum)

    def add(self, stage: str, cases: int, cents: int) -> None:
        self.stages[stage].add(cases, cents)
        self.total.add(cases, cents)


def by_stage(sight: Sight) -> tuple[Place, list[Place]]:
    """All open cases together, and by the region of the account; the most cases first."""
    rows = _run(_BY_STAGE, sight, [])
    names = dict(Region.objects.filter(pk__in={row[0] for row in rows}).values_list("pk", "name"))
    total, places = Place(""), {key: Place(names.get(key, "")) for key in {row[0] for row in rows}}
    for region_id, stage, cases, cents in rows:
        for place in (total, places[region_id]):
            place.add(stage, cases, cents)
    return total, sorted(places.values(), key=lambda each: (-each.total.cases, each.name))


@dataclass(frozen=True, slots=True)
class Step:
    """Cases before one stage: came into it today; the time for it has come; of these, something holds them."""

    stage: Stage
    taken: int
    due: int
    held: int


def steps(sight: Sight, *, as_of: datetime) -> list[Step]:
    """What the day brings for each stage."""
    today = local_date(as_of)
    sql = _DUE + f" SELECT stage, count(*), count(*) FILTER (WHERE {_HELD}) FROM due GROUP BY stage"
    hold = [today, today, today, as_of - timedelta(days=3)]
    due = {row[0]: row[1:] for row in _run(sql, sight, [*_due_values(today), *hold])}
    changes = StageChange.objects.filter(on=today, case__in=sight(ArrearsCase.objects.all()))
    taken = dict(changes.values_list("to_stage").annotate(count=Count("pk")).order_by())
    return [Step(stage, taken.get(stage, 0), *due.get(stage, (0, 0))) for stage in STAGES[1:]]


def unreachable(sight: Sight, *, as_of: datetime) -> list[Prospect]:
    """Cases whose next stage is due and waits for proofs, or who cannot be told at all. Oldest first.

    At most `MOST_LOOKED_AT` are looked at; the rules themselves say which of them wait.
    """
    ids = _suspects(sight, local_date(as_of))
    book = policies.book(local_date(as_of))
    found = {each.subject.account_id: each for each in prospects.of(ids, as_of=as_of, book=book)}
    return [each for key in ids if (each := found.get(key)) and _is_stuck(each)]


def _is_stuck(each: Prospect) -> bool:
    after = each.decision.next if each.decision else None
    return each.is_unreachable or (after is not None and bool({Wait.NOBODY, Wait.PROOF} & set(after.waits)))


def _suspects(sight: Sight, today: date) -> list[int]:
    """Accounts that are due and waiting before a stage that needs proofs; those without any contact or address."""
    sql = (
        _DUE
        + """ SELECT account_id FROM (
            SELECT account_id, stage_since FROM due WHERE stage IN ('SUSPENDED', 'DISCONNECTED')
            UNION
            SELECT seen.account_id, seen.stage_since FROM seen
              JOIN accounts_billingaccount a ON a.id = seen.account_id
             WHERE NOT EXISTS (SELECT FROM accounts_contact k WHERE k.account_id = seen.account_id)
               AND coalesce(nullif(a.post_address, ''), a.address) = '' AND seen.stage <> 'DISCONNECTED'
        ) suspects ORDER BY stage_since, account_id LIMIT %s"""
    )
    return [row[0] for row in _run(sql, sight, [*_due_values(today), MOST_LOOKED_AT])]


def _due_values(today: date) -> list[Any]:
    return [list(STAGES[:-1]), list(STAGES[1:]), today, today, today, today]


def failed(sight: Sight, *, as_of: datetime) -> "QuerySet[Delivery]":
    """Deliveries of notices of these cases that failed in the last days."""
    told = CaseNotice.objects.filter(
        message_id=OuterRef("message_id"), case__in=sight(ArrearsCase.objects.all())
    )
    since = as_of - timedelta(days=FAILED_DAYS)
    return Delivery.objects.filter(Exists(told), state=DeliveryState.FAILED, created_at__gte=since)


def ending(sight: Sight, *, today: date) -> "QuerySet[Exemption]":
    """Exemptions that hold today and end in the next days."""
    rows = sight(Exemption.objects.all()).filter(
        active_from__lte=today, active_to__gt=today, active_to__lte=today + timedelta(days=ENDING_DAYS)
    )
    return rows.select_related("account").order_by("active_to", "pk")


@dataclass(frozen=True, slots=True)
class Saved:
    """Of the cases that came into a stage in that time, how many were paid before they came into the next."""

    reached: int = 0
    paid: int = 0

    @property
    def permille(self) -> int | None:
        return self.paid * 1000 // self.reached if self.reached else None

    def __add__(self, other: "Saved") -> "Saved":
        return Saved(self.reached + other.reached, self.paid + other.paid)


Rates = dict[Any, dict[str, Saved]]  # by month or region, then by stage


def saved(sight: Sight, *, first: date, after: date) -> tuple[Rates, Rates]:
    """By the month in which a stage was reached (its first day), and by region, over `[first, after)`."""
    paid = Q(case__close_reason=CloseReason.PAID, case__highest_stage=F("to_stage"))
    rows = (
        StageChange.objects.filter(on__gte=first, on__lt=after, case__in=sight(ArrearsCase.objects.all()))
        .exclude(to_stage=Stage.NONE)
        .annotate(month=TruncMonth("on"))
        .values_list("month", "case__account__region__name", "to_stage")
        .annotate(reached=Count("pk"), paid=Count("pk", filter=paid))
        .order_by("month", "case__account__region__name")
    )
    months: Rates = {}
    regions: Rates = {}
    for month, region, stage, reached, count in rows:
        for rates, key in ((months, month), (regions, region or "")):
            place = rates.setdefault(key, {})
            place[stage] = place.get(stage, Saved()) + Saved(reached, count)
    return months, regions


def _run(sql: str, sight: Sight, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The statement over the open cases that may be seen."""
    columns = ("id", "account_id", "stage", "stage_since", "policy_id")
    seen, given = sight(ArrearsCase.objects.open()).order_by().values(*columns).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("{seen}", seen), [*given, *values])
        return list(cursor.fetchall())


def total(rates: Iterable[dict[str, Saved]]) -> dict[str, Saved]:
    """All of them together, by stage."""
    found: dict[str, Saved] = {}
    for each in rates:
        for stage, figure in each.items():
            found[stage] = found.get(stage, Saved()) + figure
    return found
