"""What machines read: the feed, the map of the site, robots.txt, and pictures."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language, gettext
from django.utils.xmlutils import SimplerXMLGenerator
from django.views.decorators.http import require_safe

from content import caching, markdown
from content.models import Article, Hall, Picture
from content.selectors import articles as reads
from content.services.articles import address_of
from core import clock

IN_THE_FEED = 30
MOST_IN_THE_MAP = 10_000
PLACES = ("hall:home", "content:news", "content:halls", "hall:help", "hall:tariffs", "content:search")


@require_safe
def feed(request: HttpRequest) -> HttpResponse:
    """News, notices and offers as Atom."""
    now = clock.now()
    found = list(
        Article.objects.shown(now)
        .filter(kind__in=reads.PUBLIC_KINDS)
        .order_by("-active_from", "-pk")[:IN_THE_FEED]
    )
    changes = Article.objects.filter(kind__in=reads.PUBLIC_KINDS).changes_after(now)
    etag = caching.stamp(
        "feed", get_language(), *((each.pk, each.version, each.changed_at) for each in found)
    )
    return caching.for_everybody(request, etag, caching.seconds_until(changes, now), lambda: _feed(found))


def _feed(found: list[Article]) -> HttpResponse:
    atom = Atom1Feed(
        title=gettext("%(site)s · 新闻与公告") % {"site": settings.SITE_NAME},
        link=_absolute(reverse("content:news")),
        feed_url=_absolute(reverse("content:feed")),
        description="",
        language=get_language(),
    )
    for each in found:
        atom.add_item(
            title=each.title,
            link=_absolute(address_of(each)),
            description=each.summary or markdown.plain(each.body)[:200],
            content=markdown.html(each.body),
            pubdate=each.active_from,
            updateddate=max(each.active_from, each.changed_at),
            unique_id=_absolute(address_of(each)),
        )
    return HttpResponse(atom.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    """Every public page, for search engines."""
    now = clock.now()
    found = list(
        Article.objects.shown(now)
        .only("slug", "kind", "changed_at", "version")
        .order_by("pk")[:MOST_IN_THE_MAP]
    )
    halls = list(Hall.objects.shown(now).only("code", "changed_at").order_by("pk")[:MOST_IN_THE_MAP])
    ends = [hall.active_until for hall in Hall.objects.filter(active_until__gt=now)]
    begins = [hall.active_from for hall in Hall.objects.filter(active_from__gt=now)]
    changes = [Article.objects.all().changes_after(now), *ends, *begins]
    nearest = min((at for at in changes if at), default=None)
    etag = caching.stamp(
        "sitemap",
        *((each.pk, each.changed_at) for each in found),
        *((each.pk, each.changed_at) for each in halls),
    )
    return caching.for_everybody(
        request, etag, caching.seconds_until(nearest, now), lambda: _sitemap(found, halls)
    )


def _sitemap(found: list[Article], halls: list[Hall]) -> HttpResponse:
    response = HttpResponse(content_type="application/xml; charset=utf-8")
    xml: Any = SimplerXMLGenerator(response, "utf-8")
    xml.startDocument()
    xml.startElement("urlset", {"xmlns": "http://www.sitemaps.org/schemas/sitemap/0.9"})
    for name in PLACES:
        _place(xml, reverse(name), "")
    for each in found:
        _place(xml, address_of(each), each.changed_at.isoformat(timespec="seconds"))
    for hall in halls:
        _place(xml, reverse("content:hall", args=[hall.code]), hall.changed_at.isoformat(timespec="seconds"))
    xml.endElement("urlset")
    xml.endDocument()
    return response


def _place(xml: Any, path: str, changed: str) -> None:
    xml.startElement("url", {})
    xml.addQuickElement("loc", _absolute(path))
    if changed:
        xml.addQuickElement("lastmod", changed)
    xml.endElement("url")


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """What is public may be found; what belongs to somebody need not be tried."""
    lines = ["User-agent: *", "Disallow: /account/", "Disallow: /admin/", "Disallow: /api/", "Disallow: /me/"]
    lines += ["Disallow: /search/", "", f"Sitemap: {_absolute(reverse('content:sitemap'))}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@require_safe
def picture(request: HttpRequest, digest: str) -> HttpResponse:
    """A picture of an article that is shown now; staff see those of others too, for the preview."""
    now = clock.now()
    found = Picture.objects.filter(digest=digest).first()
    if found is None:
        raise Http404
    of_it = Article.objects.filter(picture=found)
    if not of_it.shown(now).exists():
        if not (request.user.is_authenticated and request.user.has_perm("content.view_article")):
            raise Http404
        return _picture(found)
    max_age = caching.seconds_until(of_it.changes_after(now), now)
    return caching.for_everybody(request, caching.stamp(digest), max_age, lambda: _picture(found))


def _picture(found: Picture) -> HttpResponse:
    response = HttpResponse(bytes(found.data), content_type="image/webp")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _absolute(path: str) -> str:
    return f"{settings.BASE_URL.rstrip('/')}{path}"
