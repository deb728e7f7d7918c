"""A section in which nothing new comes is told to its owner, once (S0-16)."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from content.models import ContentTask
from content.selectors import freshness
from content.services import articles, sections
from core.models import Heartbeat
from tests.conftest import NOON
from tests.content import build

pytestmark = pytest.mark.django_db
A_DAY = timedelta(days=1)


def test_a_section_unchanged_for_its_days_gets_one_task_until_something_new_comes() -> None:
    section = build.section(unchanged_days=10, created_at=NOON - 100 * A_DAY)
    build.published(section=section, active_from=NOON - 10 * A_DAY, as_of=NOON - 10 * A_DAY)
    assert sections.check(as_of=NOON - timedelta(seconds=1))["tasks"] == 0
    assert sections.check(as_of=NOON)["tasks"] == 1
    assert sections.check(as_of=NOON + A_DAY) == {"sections": 1, "tasks": 0, "done": 0}
    task = ContentTask.objects.get()
    assert (task.owner, task.unchanged_since) == (section.owner, NOON - 10 * A_DAY)
    build.published(section=section, active_from=NOON + A_DAY, active_until=NOON + 9 * A_DAY, as_of=NOON)
    assert sections.check(as_of=NOON + A_DAY - timedelta(seconds=1))["done"] == 0  # it has not appeared yet
    assert sections.check(as_of=NOON + A_DAY)["done"] == 1
    assert ContentTask.objects.get().done_at == NOON + A_DAY


def test_a_rewritten_text_is_new_and_an_ended_or_withdrawn_one_is_not() -> None:
    section = build.section(created_at=NOON - 100 * A_DAY)
    article = build.published(section=section, active_from=NOON - 50 * A_DAY, as_of=NOON - 50 * A_DAY)
    [age] = freshness.ages(as_of=NOON)
    assert (age.days, age.shown) == (50, 1)
    article.title_zh = "改过"
    articles.write(article, actor=build.ACTOR, as_of=NOON - 5 * A_DAY)
    assert freshness.ages(as_of=NOON)[0].days == 5
    articles.withdraw(article_id=article.pk, actor=build.ACTOR, as_of=NOON, reason="旧")
    [age] = freshness.ages(as_of=NOON)
    assert (age.days, age.shown) == (50, 0)


def test_a_section_that_is_not_shown_asks_nobody() -> None:
    build.section(active_until=NOON, created_at=NOON - 100 * A_DAY)
    assert sections.check(as_of=NOON) == {"sections": 0, "tasks": 0, "done": 0}


@pytest.mark.django_db(transaction=True)
def test_the_command_is_the_job_and_leaves_a_heartbeat() -> None:
    build.section(unchanged_days=1, created_at=NOON - 100 * A_DAY)
    call_command("check_freshness", "--as-of", NOON.isoformat())
    beat = Heartbeat.objects.get(job="content.check_freshness")
    assert beat.last_ok
    assert beat.detail == {"published": 0, "sections": 1, "tasks": 1, "done": 0}


def test_the_calendar_tells_what_comes_and_what_ends() -> None:
    from content.models import Article

    build.published("开始", active_from=NOON + A_DAY, active_until=NOON + 100 * A_DAY)
    build.published("结束", active_until=NOON + 2 * A_DAY)
    found = freshness.coming(Article.objects.all(), as_of=NOON, days=60)
    assert [(each.article.title, each.ends) for each in found] == [("开始", False), ("结束", True)]
    assert list(freshness.by_day(found)) == ["2026-11-19", "2026-11-20"]
