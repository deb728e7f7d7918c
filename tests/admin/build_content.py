"""Rows of everything that staff write for everybody."""

from datetime import date, timedelta

from accounts.models import Region, User
from content import search
from content.models import Article, ContentTask, Hall, Picture, SearchMiss, Section
from content.services import articles, halls, sections
from core.actor import Actor
from tests.conftest import NOON

ACTOR = Actor("test:editor")
A_DAY = timedelta(days=1)


def everything(i: int, region: Region, owner: User) -> None:
    """One of each."""
    section = _section(i, owner)
    picture = Picture.objects.create(
        digest=f"{i:064x}", width=4, height=3, data=b"RIFF", created_at=NOON, created_by=ACTOR.ref
    )
    article = Article(
        slug=f"article-{i}",
        kind="NEWS",
        section=section,
        title_zh=f"检修公告 {i}",
        body_zh="正文",
        owner=owner,
        region=region,
        picture=picture,
        active_from=NOON - A_DAY,
        active_until=NOON + A_DAY,
    )
    articles.write(article, actor=ACTOR, as_of=NOON)
    articles.publish(article_id=article.pk, actor=ACTOR, as_of=NOON)
    _hall(i, region, owner)
    search.index(kind="test", key=f"entry-{i}", title=f"条目 {i}", url="/")
    SearchMiss.objects.create(on=date(2026, 11, 18), language="zh-hans", term=f"没有 {i}")


def _section(i: int, owner: User) -> Section:
    section = Section(
        code=f"section-{i}",
        title_zh=f"栏目 {i}",
        owner=owner,
        active_from=NOON - 99 * A_DAY,
        active_until=NOON + 99 * A_DAY,
    )
    sections.write(section, actor=ACTOR, as_of=NOON)
    ContentTask.objects.create(section=section, owner=owner, unchanged_since=NOON - 40 * A_DAY, found_at=NOON)
    return section


def _hall(i: int, region: Region, owner: User) -> Hall:
    hall = Hall(
        code=f"hall-{i}",
        name_zh=f"营业厅 {i}",
        address_zh="和平路 1 号",
        region=region,
        owner=owner,
        active_from=NOON - A_DAY,
    )
    halls.write(hall, actor=ACTOR, as_of=NOON)
    day = date(2026, 11, 18)
    halls.check(hall_id=hall.pk, checked_on=day, today=day, kept={}, note="", actor=ACTOR, as_of=NOON)
    return hall
