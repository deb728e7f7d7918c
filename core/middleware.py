"""Around each request: an id for logs and answer, one access line, the request figures; and refusals as pages.

Also what no view should have to think of: addresses with a NUL, and pages that no browser may keep.
"""

import logging
import re
from collections.abc import Callable
from random import getrandbits
from time import perf_counter

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.utils.html import escape

from core import logs, metrics
from core.errors import HallError

access = logging.getLogger("hall.access")
security = logging.getLogger("hall.security")
_ACCEPTED = re.compile(r"[A-Za-z0-9-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestContextMiddleware:
    """First in the list. It stands on the way of every payment callback: nothing here asks a database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.META.get("HTTP_X_REQUEST_ID")
        request_id = given if given and _ACCEPTED.fullmatch(given) else f"{getrandbits(96):024x}"
        token = logs.request_id.set(request_id)
        started = perf_counter()
        try:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id
            _record(request, response.status_code, perf_counter() - started)
            return response
        finally:
            logs.request_id.reset(token)


def _record(request: HttpRequest, status: int, seconds: float) -> None:
    match = request.resolver_match
    route = match.route if match else "(none)"
    method = request.method if request.method in _METHODS else "OTHER"
    metrics.count_request(method or "OTHER", route, status, seconds)
    # Only a user whom something has already looked up: asking here would cost queries.
    user = getattr(request, "_cached_user", None)
    if status == 404 and user and user.is_authenticated and match and match.kwargs:
        security.warning("no such thing for this user", extra={"route": route, "user_id": user.pk})
    if access.isEnabledFor(logging.INFO):
        extra = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        if user:
            extra["user_id"] = user.pk
        access.info("request", extra=extra)


class HallErrorMiddleware:
    """Turns a HallError that a page view lets through into a friendly page; the API has its own handler."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("NUL in an address")  # PostgreSQL cannot be asked for it
        response = self.get_response(request)
        _keep_private(request, response)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, HallError):
            return None
        try:
            return render(request, "errors/refused.html", {"error": error}, status=error.status)
        except TemplateDoesNotExist:
            return HttpResponse(
                f"<!doctype html><meta charset=utf-8><p>{escape(error.text)}", status=error.status
            )


def _keep_private(request: HttpRequest, response: HttpResponseBase) -> None:
    """What somebody sees who is logged in stays out of the browser's store: the next one at this screen is another."""
    user = getattr(request, "_cached_user", None)  # as above: asking would cost queries
    if user is not None and user.is_authenticated and not response.has_header("Cache-Control"):
        response.headers["Cache-Control"] = "private, no-store"
