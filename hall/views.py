"""The front door's own pages."""

import re

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import set_language

from accounts import phones
from accounts.models import User
from accounts.services import users
from core import clock
from hall.context import TEXT_SIZES, THEMES
from hall.selectors import home as reads
from operations import flow, registry

OPERATIONS_SHOWN = 6  # the rest is a click away
A_YEAR = 365 * 86_400  # seconds


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What I owe, what is under way, what I can do; for a visitor, what this place is for."""
    user = request.user
    if not user.is_authenticated:
        return render(request, "hall/welcome.html")
    context = {
        "home": reads.of_user(user, today=clock.local_date(clock.now())),
        "caller": user.name or phones.mask(user.phone or "") or user.get_username(),
        "operations": registry.available(flow.context_of(request), most=OPERATIONS_SHOWN),
    }
    return render(request, "hall/home.html", context)


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "hall/help.html", {"minutes": settings.PAYMENT_EXPIRES_MINUTES})


@require_POST
def display(request: HttpRequest) -> HttpResponse:
    """Keeps theme and text size in two cookies and goes back to where the visitor was."""
    response = HttpResponseRedirect(_next(request))
    for name, allowed in (("theme", THEMES), ("text", TEXT_SIZES)):
        value = request.POST.get(name, "")
        if value in allowed:
            response.set_cookie(
                name, value, max_age=A_YEAR, samesite="Lax", httponly=True, secure=request.is_secure()
            )
    return response


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keeps the language in a cookie and goes back; for who is logged in, it is that of his messages too."""
    wanted = request.POST.get("language", "")
    if isinstance(request.user, User) and wanted in dict(settings.LANGUAGES):
        users.choose_language(user_id=request.user.pk, language=wanted)
    return set_language(request)


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in every state. Only where developers are."""
    if not (settings.DEBUG or settings.SANDBOX_URL):
        raise Http404
    sprite = (settings.BASE_DIR / "static" / "img" / "icons.svg").read_text(encoding="utf-8")
    context = {
        "icons": re.findall(r'<symbol id="([a-z-]+)"', sprite),
        "page_obj": Paginator(range(200), 20).get_page(4),
    }
    return render(request, "styleguide.html", context)


def _next(request: HttpRequest) -> str:
    """The page that the form named, if it is one of ours."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return resolve_url("hall:home")
