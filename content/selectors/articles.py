"""Articles as everybody reads them. "Now" is a condition of each read, never of a cache or of a template."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet, Window
from django.db.models.expressions import RawSQL
from django.db.models.functions import RowNumber

from content.models import Article, ArticleKind
from content.models.articles import RELEASED, ArticleQuerySet
from core.prepared import Prepared

PUBLIC_KINDS = (ArticleKind.NEWS, ArticleKind.NOTICE, ArticleKind.PROMO)


def listed(*, as_of: datetime, kinds: Sequence[str] = PUBLIC_KINDS) -> ArticleQuerySet:
    """Newest first, without their bodies, of all regions."""
    return (
        Article.objects.shown(as_of)
        .filter(kind__in=kinds)
        .select_related("section", "region", "picture")
        .defer("body_zh", "body_en", "picture__data")
        .order_by("-active_from", "-pk")
    )


def helps(*, as_of: datetime) -> ArticleQuerySet:
    """The help articles in the order in which they were written, which is that of importance."""
    return listed(as_of=as_of, kinds=(ArticleKind.HELP,)).order_by("section__order", "pk")


def one(slug: str, *, as_of: datetime, kinds: Sequence[str]) -> Article | None:
    """The article with its body, if it is shown at that instant."""
    found = Article.objects.shown(as_of).filter(slug=slug, kind__in=kinds)
    return found.select_related("section", "region", "picture").defer("picture__data").first()


def was_shown(slug: str, *, as_of: datetime, kinds: Sequence[str]) -> bool:
    """It could be read once and no longer can: its time is over."""
    gone = Article.objects.filter(slug=slug, kind__in=kinds, state__in=RELEASED, active_from__lte=as_of)
    return gone.exists()


_REGIONS_OF_USER = """
    WITH RECURSIVE mine AS (
        SELECT r.id, r.parent_id FROM accounts_region r
         WHERE r.id IN (SELECT a.region_id FROM accounts_billingaccount a
                          JOIN accounts_membership m ON m.account_id = a.id WHERE m.user_id = %s)
        UNION
        SELECT r.id, r.parent_id FROM accounts_region r JOIN mine ON r.id = mine.parent_id)
    SELECT id FROM mine"""
FRONT_PROMOS, FRONT_NEWS, FRONT_NOTICES = 1, 4, 3


@dataclass(frozen=True, slots=True)
class Front:
    """What the front page shows of the articles."""

    promos: list[Article]
    news: list[Article]
    notices: list[Article]


def front(user: Any, *, as_of: datetime) -> Front:
    """What concerns this reader: what is for everywhere, and what is for where his accounts are, or a place above.
    One query."""
    read, who = (_FRONT_OF_USER, {"user": user.pk}) if user.is_authenticated else (_FRONT_OF_VISITOR, {})
    rows = read.rows(as_of=as_of, **who)

    def of(kind: str, most: int) -> list[Article]:
        return [row for row in rows if row.kind == kind][:most]

    return Front(
        of(ArticleKind.PROMO, FRONT_PROMOS),
        of(ArticleKind.NEWS, FRONT_NEWS),
        of(ArticleKind.NOTICE, FRONT_NOTICES),
    )


def _newest(as_of: datetime, concerns: Q) -> "QuerySet[Article]":
    rank = Window(RowNumber(), partition_by="kind", order_by=(F("active_from").desc(), F("pk").desc()))
    found = listed(as_of=as_of).filter(concerns).annotate(rank=rank)
    return found.filter(rank__lte=max(FRONT_PROMOS, FRONT_NEWS, FRONT_NOTICES))


_EVERYWHERE = Q(region__isnull=True)
_FRONT_OF_VISITOR = Prepared(lambda as_of: _newest(as_of, _EVERYWHERE), as_of=datetime)
_FRONT_OF_USER = Prepared(
    lambda as_of, user: _newest(as_of, _EVERYWHERE | Q(region__in=RawSQL(_REGIONS_OF_USER, [user]))),
    as_of=datetime,
    user=int,
)
