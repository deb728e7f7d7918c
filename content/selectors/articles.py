"""Articles as everybody reads them. "Now" is a condition of each read, never of a cache or of a template."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.models import Region
from content.models import Article, ArticleKind
from content.models.articles import RELEASED, ArticleQuerySet

PUBLIC_KINDS = (ArticleKind.NEWS, ArticleKind.NOTICE, ArticleKind.PROMO)


def listed(*, as_of: datetime, kinds: Sequence[str] = PUBLIC_KINDS, region_ids: list[int] | None = None) -> ArticleQuerySet:
    """Newest first, without their bodies. `region_ids` None: of all regions."""
    found = Article.objects.shown(as_of).filter(kind__in=kinds)
    if region_ids is not None:
        found = found.of_regions(region_ids)
    return (
        found.select_related("section", "region", "picture")
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


def chain(region_ids: list[int]) -> list[int]:
    """These regions and all above them: what is for a province is for each of its districts."""
    found, level = set(region_ids), set(region_ids)
    while level:
        above = Region.objects.filter(pk__in=level, parent__isnull=False).values_list("parent_id", flat=True)
        level = {pk for pk in above if pk is not None} - found
        found |= level
    return sorted(found)


_OF_USER = """
    WITH RECURSIVE mine AS (
        SELECT r.id, r.parent_id FROM accounts_region r
         WHERE r.id IN (SELECT a.region_id FROM accounts_billingaccount a
                          JOIN accounts_membership m ON m.account_id = a.id WHERE m.user_id = %s)
        UNION
        SELECT r.id, r.parent_id FROM accounts_region r JOIN mine ON r.id = mine.parent_id)
    SELECT id FROM mine"""


def regions_of(user: Any) -> list[int]:
    """Where the user's accounts are, and every place above; one query, none for a visitor."""
    if not user.is_authenticated:
        return []
    return [region.pk for region in Region.objects.raw(_OF_USER, [user.pk])]


