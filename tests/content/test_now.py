"""What is over is gone that second, on every way out; what is to come is not there a second early (S0-17)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from content import search
from content.models import Article
from content.services import articles
from core import clock
from tests.billing import build as customers
from tests.conftest import NOON
from tests.content import build

pytestmark = pytest.mark.django_db
TITLE = "独一无二的检修消息"
SECOND = timedelta(seconds=1)
UNTIL, FROM = NOON + timedelta(hours=1), NOON - timedelta(hours=1)

Way = Callable[[Client, Article], str]


def _as_customer(client: Client) -> Client:
    client.force_login(customers.user())
    return client


WAYS: dict[str, Way] = {
    "home": lambda client, _: client.get("/").content.decode(),
    "customer's home": lambda client, _: _as_customer(client).get("/").content.decode(),
    "list": lambda client, _: client.get("/news/").content.decode(),
    "list of its kind": lambda client, _: client.get("/news/?kind=news").content.decode(),
    "detail": lambda client, article: client.get(f"/news/{article.slug}/").content.decode(),
    "search": lambda client, _: unmarked(client.get("/search/", {"q": "独一无二"}).content.decode()),
    "feed": lambda client, _: client.get("/news/feed/").content.decode(),
    "API list": lambda client, _: client.get("/api/content/articles/").content.decode(),
    "API detail": lambda client, article: client.get(
        f"/api/content/articles/{article.slug}/"
    ).content.decode(),
    "API search": lambda client, _: client.get("/api/content/search/", {"q": "独一无二"}).content.decode(),
}


@pytest.fixture
def article() -> Article:
    return build.published(TITLE, active_from=FROM, active_until=UNTIL, as_of=FROM - timedelta(days=1))


def unmarked(page: str) -> str:
    """Without the marks of what was searched for."""
    return page.replace("<mark>", "").replace("</mark>", "")


def told(way: str, article: Article, at: datetime) -> bool:
    """Asked twice: the second answer comes with everything warm."""
    with clock.stopped(at):
        first, second = (TITLE in WAYS[way](Client(), article) for _ in range(2))
    assert first is second
    return first


@pytest.mark.parametrize("way", WAYS)
def test_it_is_there_until_its_last_second_and_not_longer(way: str, article: Article) -> None:
    assert told(way, article, UNTIL - SECOND)
    assert not told(way, article, UNTIL)
    assert not told(way, article, UNTIL + SECOND)


@pytest.mark.parametrize("way", WAYS)
def test_it_is_not_there_before_its_first_second_whatever_its_state_says(way: str, article: Article) -> None:
    assert article.state == "SCHEDULED"  # nobody needs to turn it into PUBLISHED for it to be shown
    assert not told(way, article, FROM - SECOND)
    assert told(way, article, FROM)


@pytest.mark.parametrize("way", WAYS)
def test_an_article_of_a_section_that_is_over_is_gone_too(way: str) -> None:
    section = build.section(active_until=UNTIL)
    found = build.published(TITLE, section=section, active_until=UNTIL + timedelta(days=9))
    assert told(way, found, UNTIL - SECOND)
    assert not told(way, found, UNTIL)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_withdrawn_is_gone_at_once(way: str, article: Article) -> None:
    assert told(way, article, NOON)
    articles.withdraw(article_id=article.pk, actor=build.ACTOR, as_of=NOON, reason="写错了")
    assert not told(way, article, NOON)


@pytest.mark.parametrize("way", WAYS)
def test_a_draft_is_nowhere(way: str) -> None:
    assert not told(way, build.draft(TITLE), NOON)


@pytest.mark.parametrize("kind", ["NOTICE", "PROMO"])
@pytest.mark.parametrize("way", ["home", "customer's home", "list", "detail", "search", "feed", "API list"])
def test_notices_and_banners_are_gone_that_second_too(way: str, kind: str) -> None:
    found = build.published(TITLE, kind=kind, active_from=FROM, active_until=UNTIL)
    assert [told(way, found, at) for at in (FROM - SECOND, FROM, UNTIL - SECOND, UNTIL)] == [
        False,
        True,
        True,
        False,
    ]


def test_its_address_is_in_the_map_of_the_site_for_as_long(client: Client, article: Article) -> None:
    for at, is_there in ((UNTIL - SECOND, True), (UNTIL, False), (FROM - SECOND, False)):
        with clock.stopped(at):
            assert (f"/news/{article.slug}/" in client.get("/sitemap.xml").content.decode()) is is_there


def test_the_page_says_that_it_is_over_and_nothing_of_what_it_was(client: Client, article: Article) -> None:
    with clock.stopped(UNTIL):
        answer = client.get(f"/news/{article.slug}/")
    assert answer.status_code == 410
    assert "已经过期" in answer.content.decode()
    with clock.stopped(FROM - SECOND):
        assert client.get(f"/news/{article.slug}/").status_code == 404
    assert client.get("/news/never-was/").status_code == 404


@pytest.mark.parametrize("path", ["/news/feed/", "/sitemap.xml", "/api/content/articles/"])
def test_nobody_keeps_an_answer_past_the_next_change(client: Client, article: Article, path: str) -> None:
    """The copy that is made a moment before the end is not usable at the end."""
    with clock.stopped(FROM - timedelta(seconds=7)):
        assert client.get(path)["Cache-Control"] == "public, max-age=7"
    for before, most in (
        (timedelta(hours=1), 60),
        (timedelta(seconds=20), 20),
        (timedelta(milliseconds=900), 0),
    ):
        with clock.stopped(UNTIL - before):
            answer = client.get(path)
        assert answer["Cache-Control"] == f"public, max-age={most}"


@pytest.mark.parametrize(
    "path", ["/news/", "/news/feed/", "/sitemap.xml", "/help/", "/api/content/articles/"]
)
def test_a_copy_is_confirmed_while_it_holds_and_made_anew_when_it_does_not(
    article: Article, path: str
) -> None:
    client = Client()
    build.published("别的消息", kind="HELP", active_from=FROM, active_until=UNTIL)
    with clock.stopped(UNTIL - SECOND):
        client.get(path)
        etag = client.get(path)["ETag"]
        assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    with clock.stopped(UNTIL):
        anew = client.get(path, headers={"If-None-Match": etag})
    assert anew.status_code == 200
    assert anew["ETag"] != etag


def test_pages_are_kept_by_the_readers_browser_alone(client: Client, article: Article) -> None:
    with clock.stopped(NOON):
        for path in ("/", "/news/", f"/news/{article.slug}/", "/help/"):
            assert client.get(path)["Cache-Control"] == "private, no-cache"
        client.force_login(build.owner())
        for path in ("/", "/news/", f"/news/{article.slug}/", "/help/", "/halls/"):
            assert client.get(path)["Cache-Control"] == "private, no-store"


def test_a_closed_hall_is_gone_from_every_way() -> None:
    hall = build.hall("将要搬走的营业厅", active_until=UNTIL)
    ways = ("/", "/halls/", f"/halls/{hall.code}/", "/search/?q=将要搬走", "/api/content/halls/")
    for at, is_there in ((UNTIL - SECOND, True), (UNTIL, False), (UNTIL + SECOND, False)):
        with clock.stopped(at):
            for path in ways:
                answer = Client().get(path)
                assert ("将要搬走的营业厅" in unmarked(answer.content.decode())) is is_there, (path, at)


def test_the_search_is_told_by_the_database_not_by_a_job(article: Article) -> None:
    assert [hit.title for hit in search.find("检修", as_of=UNTIL - SECOND).hits] == [TITLE]
    assert search.find("检修", as_of=UNTIL).hits == []
