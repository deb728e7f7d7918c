"""Two yardsticks for the first page, served by `bare_wsgi`, where nothing stands before the view.

`same` is the page itself: the same templates, the same words, from values that are at hand; no query, no log-in, no
middleware. `plain` is the least that a page of this size can be in Django: one small template with one loop, without
includes, addresses or translations.
"""

from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any
from unittest import mock

from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from accounts.models import User
from hall import views

PLAIN = "bench/plain.html"
_VALUES_IN_A_ROW = 3
_one_at_a_time = Lock()
_MARKUP_OF_A_ROW = 90  # bytes


def same(request: HttpRequest) -> HttpResponse:
    """The first page of the user whose key is asked for, made of what was read once."""
    with _one_at_a_time:
        user, template, context = _known(int(request.GET["user"]))
    request.user = user
    return _sized(render(request, template, context))


def plain(request: HttpRequest) -> HttpResponse:
    """A page of `bytes` bytes in which so many `values` stand."""
    context = _rows(int(request.GET["bytes"]), int(request.GET["values"]))
    return _sized(render(request, PLAIN, context))


def _sized(response: HttpResponse) -> HttpResponse:
    """Else the middleware does it."""
    response.headers["Content-Length"] = str(len(response.content))
    return response


@cache
def _known(user_id: int) -> tuple[User, str, dict[str, Any]]:
    """What the first page's view hands to its template."""
    request, caught = HttpRequest(), list[tuple[str, dict[str, Any]]]()
    request.method, request.user, request.session = "GET", User.objects.get(pk=user_id), SessionStore()

    def catch(_request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        caught.append((template, context))
        return HttpResponse()

    with mock.patch.object(views, "render", catch):
        views.home(request)
    return request.user, *caught[0]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the plain page."""

    href: str
    title: str
    text: str


@cache
def _rows(size: int, values: int) -> dict[str, Any]:
    count = max(1, values // _VALUES_IN_A_ROW)
    width = max(1, (size // count - _MARKUP_OF_A_ROW) // len("文".encode()))
    rows = [Row(f"/bills/{number:06d}/", f"标题 {number}", "文" * width) for number in range(count)]
    context = {"title": "页面", "rows": rows, "rest": ""}
    missing = size - len(render_to_string(PLAIN, context).encode())
    return {**context, "rest": "." * missing}
