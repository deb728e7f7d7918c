"""Sections, articles and halls for tests, made by the services that make them elsewhere."""

from datetime import datetime, time, timedelta
from itertools import count
from typing import Any

from accounts.models import Region, User
from content.models import Article, Hall, HallHours, Section
from content.services import articles, halls, sections
from core.actor import Actor
from tests.conftest import NOON

ACTOR = Actor("test:editor")
A_DAY = timedelta(days=1)
_next = count(1)


def owner() -> User:
    number = next(_next)
    return User.objects.create(username=f"editor{number}", name=f"编辑{number}", is_staff=True)


def section(code: str = "", **more: Any) -> Section:
    given: dict[str, Any] = {
        "code": code or f"section-{next(_next)}",
        "title_zh": "通知",
        "active_from": NOON - 400 * A_DAY,
        "active_until": NOON + 400 * A_DAY,
        "unchanged_days": 30,
    } | more
    given.setdefault("owner", owner())
    return sections.write(Section(**given), actor=ACTOR, as_of=more.get("created_at", NOON - 100 * A_DAY))


def draft(title: str = "检修公告", *, as_of: datetime = NOON, **more: Any) -> Article:
    given: dict[str, Any] = {
        "slug": f"article-{next(_next)}",
        "kind": "NEWS",
        "title_zh": title,
        "body_zh": "正文在这里。",
        "active_from": NOON - A_DAY,
        "active_until": NOON + A_DAY,
    } | more
    given.setdefault("section", None) or given.update(section=section())
    given.setdefault("owner", given["section"].owner)
    return articles.write(Article(**given), actor=ACTOR, as_of=as_of)


def published(title: str = "检修公告", *, as_of: datetime = NOON, **more: Any) -> Article:
    return articles.publish(article_id=draft(title, as_of=as_of, **more).pk, actor=ACTOR, as_of=as_of)


def region(code: str = "", level: str = Region.Level.CITY, parent: Region | None = None) -> Region:
    code = code or f"REG{next(_next)}"
    return Region.objects.create(code=code, name=f"城市{code}", level=level, parent=parent)


def hall(name: str = "和平路营业厅", *, hours: bool = True, **more: Any) -> Hall:
    given: dict[str, Any] = {
        "code": f"hall-{next(_next)}",
        "name_zh": name,
        "address_zh": "和平路 1 号",
        "active_from": NOON - A_DAY,
    } | more
    given.setdefault("region", None) or given.update(region=region())
    given.setdefault("owner", None) or given.update(owner=owner())
    made = halls.write(Hall(**given), actor=ACTOR, as_of=NOON)
    if hours:
        for day in range(5):
            HallHours.objects.create(hall=made, day=day, opens=time(9), closes=time(17, 30))
    return made
