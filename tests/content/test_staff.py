"""Staff write, look beforehand, publish and withdraw, each where his posts are."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from content.models import Article, ArticleState, Hall, HallCheck
from core import clock, reasoned
from tests.admin import build as staff
from tests.admin.conftest import desk, log_in, root
from tests.conftest import NOON
from tests.content import build

__all__ = ["desk", "log_in", "root"]
pytestmark = pytest.mark.django_db


def act(client: Client, row: Article | Hall, name: str, **data: str) -> int:
    address = reverse(f"admin:{reasoned.url_name(type(row))}", args=[name])
    with clock.stopped(NOON):
        return client.post(f"{address}?ids={row.pk}", {"reason": "到时间了", **data}).status_code


def plain(page: str) -> str:
    """Without what differs by reader and request: the frame, tokens, and other articles."""
    return re.sub(r"csrf\S+ value=\S+", "", page[page.index("<article") : page.index("</article>")])


def test_the_preview_is_the_public_page(desk: Client) -> None:
    article = build.draft("先看一看", active_from=NOON, body_zh="## 正文\n\n在这里")
    with clock.stopped(NOON):
        preview = desk.get(reverse("admin:content_article_preview", args=[article.pk]))
        assert "no-store" in preview["Cache-Control"]
        assert Client().get(f"/news/{article.slug}/").status_code == 404
        assert act(desk, article, "publish") == 302
        public = Client().get(f"/news/{article.slug}/")
    assert plain(preview.content.decode()) == plain(public.content.decode())


@pytest.mark.parametrize("name", ["freshness", "calendar"])
def test_the_reports_open(desk: Client, name: str) -> None:
    build.published()
    with clock.stopped(NOON):
        assert desk.get(reverse(f"admin:content_section_{name}")).status_code == 200


@pytest.mark.parametrize(
    "model", ["article", "section", "hall", "picture", "contenttask", "hallcheck", "searchitem"]
)
def test_the_lists_open(desk: Client, model: str) -> None:
    build.published()
    build.hall()
    assert desk.get(reverse(f"admin:content_{model}_changelist")).status_code == 200
    if model in ("article", "section", "hall"):
        assert desk.get(reverse(f"admin:content_{model}_add")).status_code == 200
        row = {"article": Article, "hall": Hall}.get(model)
        if row:
            page = reverse(f"admin:content_{model}_change", args=[row._base_manager.get().pk])
            assert desk.get(page).status_code == 200


def test_an_editor_of_one_place_touches_nothing_elsewhere(log_in: Callable[[User], Client]) -> None:
    here, there = build.region("HERE"), build.region("THERE")
    mine, theirs, everywheres = (build.draft(region=region) for region in (here, there, None))
    rights = [f"content.{verb}_article" for verb in ("view", "add", "change", "publish")]
    client = log_in(staff.staff_with(*rights, region=here))
    assert act(client, mine, "publish") == 302
    for other in (theirs, everywheres):
        assert act(client, other, "publish") == 404
        assert client.get(reverse("admin:content_article_change", args=[other.pk])).status_code == 404
        assert client.get(reverse("admin:content_article_preview", args=[other.pk])).status_code == 404
    states = dict(Article.objects.values_list("pk", "state"))
    assert states == {
        mine.pk: ArticleState.PUBLISHED,
        theirs.pk: ArticleState.DRAFT,
        everywheres.pk: ArticleState.DRAFT,
    }


def test_who_writes_does_not_publish_without_the_right(log_in: Callable[[User], Client]) -> None:
    article = build.draft()
    client = log_in(staff.staff_with("content.view_article", "content.change_article"))
    assert act(client, article, "publish") == 403
    article.refresh_from_db()
    assert article.state == ArticleState.DRAFT


def test_a_hall_is_checked_once_a_day_by_one_person(desk: Client) -> None:
    hall = build.hall()
    for _ in range(2):
        assert act(desk, hall, "check", checked_on="2026-11-18", hours="on", tariffs="on") == 302
    check = HallCheck.objects.get()
    assert (check.score, check.note) == (25, "到时间了")


def test_an_old_count_of_people_waiting_is_not_shown(desk: Client) -> None:
    hall = build.hall()
    assert act(desk, hall, "queue", people="7") == 302
    for minutes, shown in ((0, True), (30, True), (31, False)):
        with clock.stopped(NOON + minutes * build.A_DAY / 1440):
            assert ("7 人排队" in Client().get(f"/halls/{hall.code}/").content.decode()) is shown
