"""The pages for requests that Django itself refuses: each says what happened and what to do now."""

from urllib.parse import urlsplit

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413 where the request was merely too large. Asks nothing of the request: that may be what is wrong."""
    if isinstance(exception, RequestDataTooBig):
        return HttpResponse(render_to_string("413.html"), status=413)
    return HttpResponse(render_to_string("400.html"), status=400)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without its token: the way back to the page that it stood on."""
    return render(request, "403_csrf.html", {"came_from": came_from(request)}, status=403)


def came_from(request: HttpRequest) -> str:
    """The path of our page that led here, or nothing."""
    referer = str(request.META.get("HTTP_REFERER", ""))
    if not url_has_allowed_host_and_scheme(referer, {request.get_host()}):
        return ""
    parts = urlsplit(referer)
    return parts.path + (f"?{parts.query}" if parts.query else "")
