"""The front door's own pages."""

import re
from collections.abc import Sequence
from functools import partial

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
from billing.selectors import penalty_policies
from core import clock
from hall.context import TEXT_SIZES, THEMES
from hall.selectors import home as reads
from operations import flow, registry
from operations.context import Context
from operations.registry import Operation

OPERATIONS_SHOWN = 6  # the rest is a click away
RECOMMENDED = ("bill.email_subscribe", "contact.change", "balance.auto_debit")
A_YEAR = 365 * 86_400  # seconds


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What I owe, what is under way, what I can do; for a visitor, what this place is for."""
    user, now = request.user, clock.now()
    if not user.is_authenticated:
        found = reads.of_visitor(user, as_of=now)
        response = render(request, "hall/welcome.html", {"welcome": found, "front": found.front})
        response.headers["Cache-Control"] = "private, no-cache"
        return response
    ctx = flow.context_of(request)
    shown = registry.available(ctx, most=OPERATIONS_SHOWN, known=reads.offers(ctx.served, as_of=now))
    found_home = reads.of_user(user, as_of=now, offered=partial(_offered, ctx, shown))
    context = {
        "home": found_home,
        "front": found_home.front,
        "caller": user.name or phones.mask(user.phone or "") or user.get_username(),
        "operations": shown,
    }
    return render(request, "hall/home.html", context)


def _offered(ctx: Context, shown: Sequence[Operation]) -> frozenset[str]:
    """Which of the operations that the home page may recommend this user may use; those shown are not asked again."""
    codes = {operation.code for operation in shown}
    others = [(code, registry.find(code)) for code in RECOMMENDED if code not in codes]
    return frozenset(codes | {code for code, found in others if found and found.available(ctx)})


@require_safe
def tariffs(request: HttpRequest) -> HttpResponse:
    """What the hall itself charges, and which tariffs are published here: nothing that is not true today."""
    context = {"policies": penalty_policies.published(on=clock.local_date(clock.now()))}
    return render(request, "hall/tariffs.html", context)


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
    context = {
        "icons": _named_in("img/icons.svg", r'<symbol id="([a-z-]+)"'),
        "drawings": _named_in("img/drawings.svg", r'<symbol id="([a-z-]+)"'),
        "colours": _named_in("css/styleguide.css", r"\.swatch--([a-z0-9-]+)"),
        "page_obj": Paginator(range(200), 20).get_page(4),
    }
    return render(request, "styleguide.html", context)


def _named_in(source: str, pattern: str) -> list[str]:
    return re.findall(pattern, (settings.BASE_DIR / "static" / source).read_text(encoding="utf-8"))


def _next(request: HttpRequest) -> str:
    """The page that the form named, if it is one of ours."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return resolve_url("hall:home")
