"""Reading statements: what a channel said of a day, how it agreed with the books, and what still waits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import Case, Count, IntegerField, QuerySet, Sum, Value, When
from prometheus_client.core import GaugeMetricFamily, Metric

from billing.models import LineKind, Statement, StatementDifference, Verdict
from billing.models.statements import UNSETTLED
from core import metrics
from core.scopes import Sight, everything


@dataclass(frozen=True, slots=True)
class Cell:
    """Lines (or money of ours that no line names) of one verdict. Amounts in fen."""

    number: int = 0
    cents: int = 0


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One verdict of the day: as found at the import, and what of it waits now."""

    verdict: Verdict
    payments: Cell
    refunds: Cell
    waiting: int


@dataclass(frozen=True, slots=True)
class StatementDay:
    """All that is known of one channel's day. Without statements, nothing was imported."""

    gateway: str
    day: date
    current: Sequence[Statement]  # those that speak for the day
    superseded: Sequence[Statement]  # older versions of them
    rows: Sequence[VerdictRow]
    differences: QuerySet[StatementDifference]  # what waits first
    earlier: date | None  # the nearest days with a statement
    later: date | None
    waiting: int = field(default=0)


def of_day(gateway: str, day: date) -> StatementDay:
    """The channel's day. Five queries, and those for the page of differences."""
    statements = list(
        Statement.objects.filter(gateway=gateway, day=day).order_by("merchant", "coverage", "-version")
    )
    current = [row for row in statements if _is_newest(row, statements)]
    differences = StatementDifference.objects.filter(statement__in=current)
    waiting = dict(
        differences.filter(state__in=UNSETTLED).order_by().values_list("verdict").annotate(number=Count("id"))
    )
    days = Statement.objects.filter(gateway=gateway)
    return StatementDay(
        gateway=gateway,
        day=day,
        current=current,
        superseded=[row for row in statements if row not in current],
        rows=[_row(verdict, current, waiting.get(verdict, 0)) for verdict in Verdict],
        differences=_waiting_first(differences),
        earlier=days.filter(day__lt=day).order_by("-day").values_list("day", flat=True).first(),
        later=days.filter(day__gt=day).order_by("day").values_list("day", flat=True).first(),
        waiting=sum(waiting.values()),
    )


def newest() -> Statement | None:
    """The statement of the latest day."""
    return Statement.objects.order_by("-day", "-id").first()


def unsettled_sums(sight: Sight = everything) -> dict[str, int]:
    """How many differences are OPEN or HELD, and the fen of those that are OPEN."""
    rows = sight(StatementDifference.objects.filter(state__in=UNSETTLED)).order_by().values("state")
    found = {row["state"]: row for row in rows.annotate(number=Count("id"), cents=_SUM)}
    opened = found.get("OPEN", {"number": 0, "cents": 0})
    return {
        "open": opened["number"],
        "cents": opened["cents"],
        "held": found.get("HELD", {"number": 0})["number"],
    }


_SUM = Sum(
    Case(
        When(channel_cents__isnull=False, then="channel_cents"),
        default="hall_cents",
        output_field=IntegerField(),
    ),
    default=0,
)


def figures(as_of: datetime) -> Iterator[Metric]:
    """What waits of the differences, for /metrics."""
    found = unsettled_sums()
    waiting = GaugeMetricFamily(
        "hall_statement_differences",
        "Differences between channels' statements and the books",
        labels=["state"],
    )
    for state in UNSETTLED:
        waiting.add_metric([state.lower()], found[state.lower()])
    yield waiting
    yield GaugeMetricFamily(
        "hall_statement_difference_cents", "The fen of the open ones", float(found["cents"])
    )


metrics.register_figures(figures)


def _is_newest(row: Statement, statements: Sequence[Statement]) -> bool:
    key = (row.merchant, row.coverage)
    return row.version == max(
        other.version for other in statements if (other.merchant, other.coverage) == key
    )


def _row(verdict: Verdict, statements: Sequence[Statement], waiting: int) -> VerdictRow:
    return VerdictRow(
        verdict,
        _cell(statements, LineKind.PAYMENT, verdict),
        _cell(statements, LineKind.REFUND, verdict),
        waiting,
    )


def _cell(statements: Sequence[Statement], kind: str, verdict: str) -> Cell:
    found = [statement.counts.get(kind, {}).get(verdict, (0, 0)) for statement in statements]
    return Cell(sum(number for number, _cents in found), sum(cents for _number, cents in found))


def _waiting_first(differences: QuerySet[StatementDifference]) -> QuerySet[StatementDifference]:
    rank = Case(When(state__in=UNSETTLED, then=Value(0)), default=Value(1), output_field=IntegerField())
    return differences.select_related("payment", "receipt").order_by(rank, "id")
