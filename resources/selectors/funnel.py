"""Choosing a number and opening an account with it, step by step: counts of rows, by period. Nobody is followed.

Rooms above add the steps that they see (`step`), in the order of their `place`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDay, TruncMonth
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core import scopes
from core.clock import SHANGHAI
from core.scopes import Sight
from resources.models import NumberChange, NumberSearch, Verb

Rows = Callable[[], QuerySet[Any]]  # with a column `at`
By = Literal["day", "month"]
_TRUNC = {"day": TruncDay, "month": TruncMonth}


@dataclass(frozen=True)
class Step:
    """One step of the funnel with how often it happened, and its share of the step before in permille.

    None: it is the first, or the one before never happened.
    """

    code: str
    title: str | Promise
    count: int
    permille: int | None = None


@dataclass(frozen=True)
class _Known:
    code: str
    title: str | Promise
    place: int
    rows: Rows


_steps: dict[str, _Known] = {}


def step(code: str, *, title: str | Promise, place: int) -> Callable[[Rows], Rows]:
    """Declares the rows that the decorated function gives as a step; higher places come later."""

    def register(rows: Rows) -> Rows:
        if code in _steps:
            raise ValueError(f"two steps named {code}")
        _steps[code] = _Known(code, title, place, rows)
        return rows

    return register


def read(*, since: datetime, until: datetime, sight: Sight = scopes.everything) -> list[Step]:
    """All steps in order, within `[since, until)`: of the rows that the reader may see."""
    found = [(known, _within(known, since, until, sight).count()) for known in _known()]
    return _with_shares(found)


def instants(first: date, after: date) -> tuple[datetime, datetime]:
    """The local midnights at which these days begin."""
    since, until = (datetime.combine(day, time(), tzinfo=SHANGHAI) for day in (first, after))
    return since, until


def by_period(
    first: date, after: date, by: By, *, sight: Sight = scopes.everything
) -> list[tuple[date, list[Step]]]:
    """For each local day or month of `[first, after)` in which anything happened, the latest first."""
    since, until = instants(first, after)
    counted: dict[str, Counter[date]] = {}
    for known in _known():
        rows = _within(known, since, until, sight).order_by()
        trunc = _TRUNC[by]("at", tzinfo=SHANGHAI)
        per = rows.annotate(period=trunc).values("period").annotate(count=Count("pk"))
        counted[known.code] = Counter({row["period"].date(): row["count"] for row in per})
    periods = sorted({day for counts in counted.values() for day in counts}, reverse=True)
    return [(day, _with_shares([(each, counted[each.code][day]) for each in _known()])) for day in periods]


def _known() -> list[_Known]:
    return sorted(_steps.values(), key=lambda each: each.place)


def _within(known: _Known, since: datetime, until: datetime, sight: Sight) -> QuerySet[Any]:
    return sight(known.rows()).filter(at__gte=since, at__lt=until)


def _with_shares(found: Sequence[tuple[_Known, int]]) -> list[Step]:
    steps, before = list[Step](), 0
    for known, count in found:
        share = count * 1000 // before if before else None
        steps.append(Step(known.code, known.title, count, share))
        before = count
    return steps


@step("BROWSE", title=_("查询号码"), place=10)
def _browsed() -> QuerySet[Any]:
    return NumberSearch.objects.all()


@step("HOLD", title=_("预占号码"), place=20)
def _held() -> QuerySet[Any]:
    return NumberChange.objects.filter(verb=Verb.HELD)


@step("REAL_NAME", title=_("实名核验"), place=30)
def _real_named() -> QuerySet[Any]:
    return NumberChange.objects.filter(verb=Verb.REAL_NAMED)


@step("PAID", title=_("费用付清"), place=40)
def _paid() -> QuerySet[Any]:
    return NumberChange.objects.filter(verb=Verb.PAID)


@step("ACTIVE", title=_("号码启用"), place=90)
def _assigned() -> QuerySet[Any]:
    return NumberChange.objects.filter(verb=Verb.ASSIGNED)
