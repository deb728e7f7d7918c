"""What makes the hall a web app that a phone can install: manifest, service worker, and the page for no network.

The service worker keeps the offline page and what that shows, and nothing else: no personal page is ever stored.
"""

import hashlib

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.templatetags.static import static
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

ICONS = (
    ("img/icon-192.png", "192x192", "any"),
    ("img/icon-512.png", "512x512", "any"),
    ("img/icon-maskable-512.png", "512x512", "maskable"),
)
SHOWN_OFFLINE = ("bundles/hall.css", "img/drawings.svg", "img/favicon.svg")


@require_safe
@cache_control(private=True, max_age=3600)  # in one reader's language
def manifest(request: HttpRequest) -> JsonResponse:
    """The web app's name, colours, icons and the three places most asked for, in the reader's language."""
    places = (
        (_("缴费"), resolve_url("billing:pay")),
        (_("我的账单"), resolve_url("billing:bills")),
        (_("办业务"), resolve_url("operations:list")),
    )
    home = resolve_url("hall:home")
    return JsonResponse(
        {
            "id": home,
            "name": str(settings.SITE_NAME),
            "short_name": str(settings.SITE_NAME),
            "description": _("查账单、缴费、办业务，在家就能办。"),
            "lang": get_language(),
            "start_url": home,
            "scope": home,
            "display": "standalone",
            "background_color": "#f1f5f2",
            "theme_color": "#0b6b57",
            "icons": [
                {"src": static(name), "sizes": sizes, "type": "image/png", "purpose": purpose}
                for name, sizes, purpose in ICONS
            ],
            "shortcuts": [{"name": name, "url": url} for name, url in places],
        },
        content_type="application/manifest+json",
        json_dumps_params={"ensure_ascii": False},
    )


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script itself; its store is named after what it holds, so that a new release makes a new one."""
    kept = [resolve_url("hall:offline"), *(static(name) for name in SHOWN_OFFLINE)]
    version = hashlib.sha256(" ".join(kept).encode()).hexdigest()[:12]
    answer = render(
        request,
        "hall/service_worker.js",
        {"kept": kept, "version": version},
        content_type="text/javascript; charset=utf-8",
    )
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@require_safe
@cache_control(public=True, max_age=3600)
def offline(request: HttpRequest) -> HttpResponse:
    """What is shown without a network; the same for everybody, in both languages, since nobody can be asked."""
    return HttpResponse(render(request, "hall/offline.html").content)
