"""Pausing a service and having it back."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from operations import flow


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pause(request: HttpRequest) -> HttpResponse:
    """service.pause: from today to which day, what it costs meanwhile, what the next bills will be."""
    return _respond(request, "service.pause")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def resume(request: HttpRequest) -> HttpResponse:
    """service.resume."""
    return _respond(request, "service.resume")


def _respond(request: HttpRequest, operation: str) -> HttpResponse:
    return flow.respond(
        request,
        operation=operation,
        form_template="catalog/pauses/form.html",
        quote_template="catalog/pauses/quote.html",
    )
