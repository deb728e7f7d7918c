"""News, notices and help, as everybody reads them."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from content import caching
from content.models import Article, ArticleKind
from content.selectors import articles as reads
from core import clock

ON_A_PAGE = 20
KINDS = {"news": ArticleKind.NEWS, "notice": ArticleKind.NOTICE, "promo": ArticleKind.PROMO}
HELP = (ArticleKind.HELP,)


@require_safe
def news(request: HttpRequest) -> HttpResponse:
    """News, notices and offers, newest first; `kind` narrows."""
    kind = request.GET.get("kind", "")
    if kind and kind not in KINDS:
        raise Http404
    found = reads.listed(as_of=clock.now(), kinds=(KINDS[kind],) if kind else reads.PUBLIC_KINDS)
    page = Paginator(found, ON_A_PAGE).get_page(request.GET.get("page"))
    context = {"page_obj": page, "kind": kind, "kinds": [(code, KINDS[code].label) for code in KINDS]}
    return caching.page(
        request, _parts(list(page.object_list)), lambda: render(request, "content/news.html", context)
    )


@require_safe
def article(request: HttpRequest, slug: str) -> HttpResponse:
    return _one(request, slug, reads.PUBLIC_KINDS)


@require_safe
def help_centre(request: HttpRequest) -> HttpResponse:
    """All help articles by section; what must always be there stands in the template itself."""
    found = list(reads.helps(as_of=clock.now()))
    context = {"articles": found, "minutes": settings.PAYMENT_EXPIRES_MINUTES}
    return caching.page(request, _parts(found), lambda: render(request, "content/help.html", context))


@require_safe
def help_article(request: HttpRequest, slug: str) -> HttpResponse:
    return _one(request, slug, HELP)


def _one(request: HttpRequest, slug: str, kinds: Sequence[str]) -> HttpResponse:
    """The article; 410 and a page that says so when its time is over, 404 when there never was one to be read."""
    now = clock.now()
    found = reads.one(slug, as_of=now, kinds=kinds)
    if found is None:
        if not reads.was_shown(slug, as_of=now, kinds=kinds):
            raise Http404
        response = render(request, "content/over.html", {"is_help": kinds == HELP}, status=410)
        response.headers["Cache-Control"] = "private, no-cache"
        return response
    return caching.page(request, _parts([found]), lambda: show(request, found))


def show(request: HttpRequest, found: Article) -> HttpResponse:
    """The page of an article, whatever its state: the staff's preview is this very page."""
    is_help = found.kind == ArticleKind.HELP
    context: dict[str, Any] = {"article": found, "is_help": is_help, "others": _others(found, is_help)}
    return render(request, "content/article.html", context)


def _others(found: Article, is_help: bool) -> list[Article]:
    now = clock.now()
    rows = reads.helps(as_of=now) if is_help else reads.listed(as_of=now)
    return list(rows.exclude(pk=found.pk)[:4])


def _parts(found: Sequence[Article]) -> list[object]:
    """What tells one answer from another: which articles it is over, and in which texts."""
    return [(each.pk, each.version, each.changed_at.isoformat()) for each in found]
