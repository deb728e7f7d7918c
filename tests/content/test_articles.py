"""Writing, publishing, withdrawing: what the database refuses, what is kept."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from content.models import Article, ArticleHistory, ArticleState, ArticleVersion
from content.models.articles import ARTICLE_MACHINE
from content.services import articles
from core.db import violated
from core.errors import HallError
from core.models import AuditRow
from core.statemachine import IllegalTransition
from tests.conftest import NOON
from tests.content import build

pytestmark = pytest.mark.django_db
A_DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("column", "law", "error"),
    [
        ("owner", "article_published_has_an_owner", articles.NoOwner),
        ("active_until", "article_published_has_an_end", articles.NoEnd),
    ],
)
def test_what_lacks_an_owner_or_an_end_is_not_published(
    column: str, law: str, error: type[HallError]
) -> None:
    draft = build.draft()
    Article.objects.filter(pk=draft.pk).update(**{column: None})
    with pytest.raises(error):
        articles.publish(article_id=draft.pk, actor=build.ACTOR, as_of=NOON)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():  # nor by who goes around the service
        Article.objects.filter(pk=draft.pk).update(state="PUBLISHED")
    assert violated(refused.value) == law
    published = build.published()
    with pytest.raises(IntegrityError), transaction.atomic():
        Article.objects.filter(pk=published.pk).update(**{column: None})


def test_an_end_before_the_beginning_is_refused() -> None:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        build.draft(active_until=NOON - A_DAY, active_from=NOON - A_DAY)
    assert violated(refused.value) == "article_ends_after_it_begins"


def test_what_is_over_or_empty_is_not_published() -> None:
    over = build.draft(active_from=NOON - 2 * A_DAY, active_until=NOON)
    with pytest.raises(articles.AlreadyOver):
        articles.publish(article_id=over.pk, actor=build.ACTOR, as_of=NOON)
    with pytest.raises(articles.NothingWritten):
        articles.publish(article_id=build.draft(body_zh="").pk, actor=build.ACTOR, as_of=NOON)
    assert Article.objects.filter(state=ArticleState.PUBLISHED).count() == 0


def test_every_step_leaves_a_row_and_no_other_step_is_possible() -> None:
    article = build.published(active_from=NOON + A_DAY, active_until=NOON + 2 * A_DAY)
    assert article.state == ArticleState.SCHEDULED
    with pytest.raises(IllegalTransition):
        articles.rewrite(article_id=article.pk, actor=build.ACTOR, as_of=NOON, reason="x")
    assert articles.note_published(as_of=NOON, actor=build.ACTOR) == 0
    assert articles.note_published(as_of=NOON + 2 * A_DAY, actor=build.ACTOR) == 1
    assert articles.note_published(as_of=NOON + 2 * A_DAY, actor=build.ACTOR) == 0
    articles.withdraw(article_id=article.pk, actor=build.ACTOR, as_of=NOON + 3 * A_DAY, reason="错")
    articles.rewrite(article_id=article.pk, actor=build.ACTOR, as_of=NOON + 3 * A_DAY, reason="改")
    rows = ArticleHistory.objects.filter(article=article).order_by("pk").values_list("to_state", "at")
    assert list(rows) == [
        ("SCHEDULED", NOON),
        ("PUBLISHED", NOON + A_DAY),  # when it appeared, not when the job saw it
        ("WITHDRAWN", NOON + 3 * A_DAY),
        ("DRAFT", NOON + 3 * A_DAY),
    ]
    assert ARTICLE_MACHINE.initial == "DRAFT"


def test_each_text_is_kept_and_the_same_text_is_no_new_one() -> None:
    article = build.published("第一版")
    articles.write(article, actor=build.ACTOR, as_of=NOON)
    article.title_zh = "第二版"
    articles.write(article, actor=build.ACTOR, as_of=NOON + A_DAY)
    kept = ArticleVersion.objects.filter(article=article).order_by("number")
    assert [(row.number, row.content["title_zh"]) for row in kept] == [(1, "第一版"), (2, "第二版")]
    assert Article.objects.get().state == ArticleState.PUBLISHED


def test_a_new_owner_is_in_the_audit_trail() -> None:
    article = build.published()
    before, article.owner = article.owner_id, build.owner()
    articles.write(article, actor=build.ACTOR, as_of=NOON)
    row = AuditRow.objects.get(action="content.article.owner_changed")
    assert row.detail == {"from": before, "to": article.owner_id}


def test_a_slug_is_used_once() -> None:
    build.draft(slug="same")
    with pytest.raises(articles.SlugTaken):
        build.draft(slug="same")
