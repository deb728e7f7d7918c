"""How old everything is: sections, and what ends when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import Greatest

from content import rules
from content.models import Article, ArticleState, Section
from content.models.articles import RELEASED
from core import clock


@dataclass(frozen=True, slots=True)
class Age:
    """When something new was last to be read in a section, and how much is to be read in it now."""

    section: Section
    changed_at: datetime
    days: int
    shown: int

    @property
    def is_stale(self) -> bool:
        return self.days >= self.section.unchanged_days


def ages(*, as_of: datetime) -> list[Age]:
    """One for each section that is shown, the oldest first. What ends or is withdrawn makes nothing newer."""
    appeared = Q(articles__state__in=(*RELEASED, ArticleState.WITHDRAWN), articles__active_from__lte=as_of)
    shown = Q(
        articles__state__in=RELEASED, articles__active_from__lte=as_of, articles__active_until__gt=as_of
    )
    found = Section.objects.shown(as_of).annotate(
        appeared_at=Max("articles__active_from", filter=appeared),
        rewritten_at=Max(
            "articles__versions__at",
            filter=shown & Q(articles__versions__at__lte=as_of),
        ),
        shown=Count("articles", filter=shown, distinct=True),
        changed=Greatest("created_at", "appeared_at", "rewritten_at", "active_from"),
    )
    annotated: list[Any] = list(found.select_related("owner"))
    rows = [Age(row, row.changed, rules.age_days(row.changed, as_of), row.shown) for row in annotated]
    return sorted(rows, key=lambda age: (age.changed_at, age.section.code))


@dataclass(frozen=True, slots=True)
class Coming:
    """An article that appears or ends at `at`."""

    article: Article
    at: datetime
    ends: bool


def coming(articles: QuerySet[Article], *, as_of: datetime, days: int) -> list[Coming]:
    """What appears and what ends among these within so many days, in the order of time."""
    last = as_of + timedelta(days=days)
    released = articles.filter(state__in=RELEASED).select_related("section", "owner", "region")
    begins = released.filter(active_from__gt=as_of, active_from__lt=last)
    ends = released.filter(active_until__gt=as_of, active_until__lt=last)
    found = [Coming(article, article.active_from, False) for article in begins]
    found += [Coming(article, article.active_until, True) for article in ends if article.active_until]
    return sorted(found, key=lambda each: (each.at, each.article.pk))


def by_day(found: list[Coming]) -> dict[str, list[Coming]]:
    days: dict[str, list[Coming]] = {}
    for each in found:
        days.setdefault(clock.local_date(each.at).isoformat(), []).append(each)
    return days
