"""The headers that no answer goes without, and the browsers' reports of what the content policy kept out."""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from prometheus_client import Counter

from core import json_errors

_MOST_BYTES = 16_384  # of a browser's report
_PATIENCE = "60"  # seconds; where whoever refused did not say better
_reports = Counter("hall_csp_reports", "What the content policy kept out, by directive", ["directive"])


class HeadersMiddleware:
    """Near the top of the list, so that errors, static files and redirects get them too. What is set already stands."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._answer(request)
        if response.status_code >= 400 and json_errors.is_for(request):
            response = json_errors.instead_of(response)
        for name, value in settings.SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        if response.status_code == 429:
            response.headers.setdefault("Retry-After", _PATIENCE)
        return response

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        """A program that calls without TLS is refused, not led on: it would send its token in clear each time."""
        if settings.SECURE_SSL_REDIRECT and json_errors.is_for(request) and not request.is_secure():
            return json_errors.answer(json_errors.TlsRequired())
        return self.get_response(request)


@csrf_exempt
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Counts a report by its directive; nothing else of it is kept, for it holds addresses of pages."""
    for directive in _directives(request):
        _reports.labels(directive).inc()
    return HttpResponse(status=204)


def _directives(request: HttpRequest) -> list[str]:
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not length.isdecimal() or int(length[:9]) > _MOST_BYTES:
        return []
    try:
        given = json.loads(request.read(_MOST_BYTES))
    except (ValueError, RecursionError):
        return []
    reports = given if isinstance(given, list) else [given]
    return [_directive(report) for report in reports[:10] if isinstance(report, dict)]


def _directive(report: dict[str, Any]) -> str:
    """One of the directives of our own policy, or "other": a stranger must not make up series."""
    body = report.get("csp-report") or report.get("body") or {}
    if not isinstance(body, dict):
        return "other"
    named = str(body.get("effective-directive") or body.get("effectiveDirective") or "")
    known = {"script-src", "style-src", *settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]}
    base = named.removesuffix("-elem").removesuffix("-attr")
    return base if base in known else "other"
