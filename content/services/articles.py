"""Writing, letting go and withdrawing articles. Every text is kept, every step leaves a row, the search follows."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from content import markdown, search
from content.locks import article as locked
from content.models import Article, ArticleHistory, ArticleKind, ArticleState, ArticleVersion, Section
from content.models.articles import ARTICLE_MACHINE, RELEASED
from core import audit, clock
from core.actor import Actor
from core.db import violated
from core.errors import Conflict, HallError

# What a reader sees of an article: a change of any of these is a new version.
PUBLIC = (
    "kind",
    "section_id",
    "title_zh",
    "title_en",
    "summary_zh",
    "summary_en",
    "body_zh",
    "body_en",
    "owner_id",
    "region_id",
    "active_from",
    "active_until",
    "drawing",
    "picture_id",
)


class NoOwner(HallError):
    code = "ARTICLE_WITHOUT_OWNER"
    message = _("没有负责人的内容不能发布")


class NoEnd(HallError):
    code = "ARTICLE_WITHOUT_END"
    message = _("没有失效时间的内容不能发布")


class AlreadyOver(HallError):
    code = "ARTICLE_OVER"
    message = _("失效时间已过，请先改失效时间")


class NothingWritten(HallError):
    code = "ARTICLE_EMPTY"
    message = _("没有正文的内容不能发布")


class SlugTaken(Conflict):
    code = "ARTICLE_SLUG_TAKEN"
    message = _("这个网址名已经有人用了")


@transaction.atomic
def write(article: Article, *, actor: Actor, as_of: datetime) -> Article:
    """Saves the article as given, new or changed, with a version of what readers see; the search knows it at once."""
    before = locked(article.pk) if article.pk else None
    if before:
        article.state, article.version = before.state, before.version
    else:
        article.created_at = as_of
    if before is None or _content(before) != _content(article):
        article.version += 1
        article.changed_at = as_of
        _save(article)
        _keep(article, actor, as_of)
    if before and before.owner_id != article.owner_id:
        _audit_owner(article, before.owner_id, actor, as_of)
    put_into_search(article)
    return article


def _save(article: Article) -> None:
    try:
        with transaction.atomic():
            article.save()
    except IntegrityError as error:
        if violated(error) == "content_article_slug_key":
            raise SlugTaken() from error
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(error: IntegrityError) -> HallError | None:
    refusals: dict[str, HallError] = {
        "article_published_has_an_owner": NoOwner(),
        "article_published_has_an_end": NoEnd(),
    }
    return refusals.get(violated(error))


def _content(article: Article) -> dict[str, Any]:
    return {name: getattr(article, name) for name in PUBLIC}


def _keep(article: Article, actor: Actor, as_of: datetime) -> None:
    content = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in _content(article).items()
    }
    ArticleVersion.objects.create(
        article=article, number=article.version, content=content, actor=actor.ref, at=as_of
    )


def _audit_owner(article: Article, before: int | None, actor: Actor, as_of: datetime) -> None:
    audit.record(
        actor=actor,
        action="content.article.owner_changed",
        subject=article,
        detail={"from": before, "to": article.owner_id},
        as_of=as_of,
    )


@transaction.atomic
def publish(*, article_id: int, actor: Actor, as_of: datetime, reason: str = "") -> Article:
    """Lets a draft go: PUBLISHED when its time has come, SCHEDULED until then. Its own times decide what is shown."""
    article = locked(article_id)
    if article.owner_id is None:
        raise NoOwner()
    if article.active_until is None:
        raise NoEnd()
    if article.active_until <= as_of:
        raise AlreadyOver()
    if not article.body_zh and article.kind != ArticleKind.PROMO:
        raise NothingWritten()
    to = ArticleState.SCHEDULED if article.active_from > as_of else ArticleState.PUBLISHED
    return _move(article, to, actor, as_of, reason)


@transaction.atomic
def withdraw(*, article_id: int, actor: Actor, as_of: datetime, reason: str) -> Article:
    """It is gone from every page at once; it and its versions stay with staff."""
    return _move(locked(article_id), ArticleState.WITHDRAWN, actor, as_of, reason)


@transaction.atomic
def rewrite(*, article_id: int, actor: Actor, as_of: datetime, reason: str) -> Article:
    """A withdrawn article is a draft again."""
    return _move(locked(article_id), ArticleState.DRAFT, actor, as_of, reason)


@transaction.atomic
def note_published(*, as_of: datetime, actor: Actor) -> int:
    """Writes into the books that scheduled articles have appeared, at the instant at which they did. How many."""
    due = Article.objects.filter(state=ArticleState.SCHEDULED, active_from__lte=as_of).values_list("pk")
    keys = [pk for (pk,) in due.order_by("pk")]
    for pk in keys:
        article = locked(pk)
        if article.state == ArticleState.SCHEDULED:
            _move(article, ArticleState.PUBLISHED, actor, as_of, "", at=article.active_from)
    return len(keys)


def _move(
    article: Article, to: str, actor: Actor, as_of: datetime, reason: str, *, at: datetime | None = None
) -> Article:
    ARTICLE_MACHINE.check(article.state, to)
    ArticleHistory.objects.create(
        article=article, from_state=article.state, to_state=to, actor=actor.ref, reason=reason, at=at or as_of
    )
    article.state, article.changed_at = to, as_of
    article.save(update_fields=["state", "changed_at"])
    put_into_search(article)
    return article


def put_into_search(article: Article) -> None:
    """The search knows a released article for exactly as long as it is shown; it knows no other."""
    entry = entry_of(article)
    if entry is None:
        search.remove(kind="article", key=article.slug)
    else:
        search.put([entry])


def entry_of(article: Article) -> search.Entry | None:
    """How it stands in the search; None: not at all."""
    section: Section = article.section
    if article.state not in RELEASED or article.active_until is None:
        return None
    begins = max(article.active_from, section.active_from)
    ends = min(article.active_until, section.active_until)
    if begins >= ends:
        return None
    is_help = article.kind == ArticleKind.HELP
    return search.Entry(
        kind="article",
        key=article.slug,
        title=_both(article, "title"),
        summary=_both(article, "summary"),
        text={code: markdown.plain(text) for code, text in _both(article, "body").items()},
        url=address_of(article),
        active_from=begins,
        active_until=ends,
        boost=110 if is_help else 100,
    )


def _both(article: Article, name: str) -> dict[str, str]:
    texts = {"zh-hans": getattr(article, f"{name}_zh"), "en": getattr(article, f"{name}_en")}
    return {code: text for code, text in texts.items() if text}


def address_of(article: Article) -> str:
    """The page of the article."""
    name = "content:help_article" if article.kind == ArticleKind.HELP else "content:article"
    return reverse(name, args=[article.slug])


def every_entry() -> list[search.Entry]:
    """All released articles, for `search.rebuild`."""
    released = Article.objects.filter(state__in=RELEASED, active_until__gt=clock.now()).select_related(
        "section"
    )
    return [entry for article in released.iterator() if (entry := entry_of(article)) is not None]
