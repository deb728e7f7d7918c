"""How long public answers may be kept: never past the instant at which one of them changes by itself.

An answer that is the same for everybody may be kept by anybody, for a minute at most (so long may a withdrawn article
still be read in somebody's copy; one that ends by its time never). A page carries its reader's menu and is kept by his
browser alone, which asks each time whether it is still right.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import quote_etag
from django.utils.translation import get_language

LONGEST = 60  # seconds
_COOKIES = ("theme", "text")  # how a visitor wants pages displayed


def seconds_until(changes_at: datetime | None, as_of: datetime) -> int:
    """Whole seconds that an answer of `as_of` holds, rounded down: 0 in the last second before a change."""
    if changes_at is None:
        return LONGEST
    return max(0, min(LONGEST, int((changes_at - as_of).total_seconds())))


def stamp(*parts: object) -> str:
    """An ETag for everything that these stand for."""
    text = "\x1f".join(str(part) for part in parts)
    return quote_etag(hashlib.sha256(text.encode()).hexdigest()[:32])


def for_everybody(
    request: HttpRequest, etag: str, max_age: int, make: Callable[[], HttpResponse]
) -> HttpResponse:
    """The answer, or 304 when the reader has it already; anyone may keep it so many seconds."""
    response = get_conditional_response(request, etag=etag) or make()
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = f"public, max-age={max_age}"
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


def page(request: HttpRequest, parts: list[object], make: Callable[[], HttpResponse]) -> HttpResponse:
    """A page of everybody's in its reader's frame. A visitor's browser may keep it and asks each time whether it still
    holds: by `parts` and the frame. What somebody sees who is logged in is kept nowhere (core.middleware)."""
    if request.user.is_authenticated:
        return make()
    cookies = [request.COOKIES.get(name, "") for name in (*_COOKIES, settings.CSRF_COOKIE_NAME)]
    etag = stamp(get_language(), request.get_full_path(), *cookies, *parts)
    kept = None if _has_news(request) else get_conditional_response(request, etag=etag)
    response = kept if isinstance(kept, HttpResponseNotModified) else make()
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


def _has_news(request: HttpRequest) -> bool:
    """A message waits that is told once: such a page is never answered short."""
    return bool(getattr(request, "_messages", None))
