"""The desk at which serving begins, under the staff site, and the button that ends it."""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from core import audit, clock
from core.actor import Actor
from core.errors import HallError
from operations.context import client_address
from operations.serving import middleware, present, rights, search, sessions
from operations.serving.models import ServingSession, ServingState

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Admin = ModelAdmin[ServingSession]

DESK, BEGIN = middleware.DESK, "admin:operations_serving_begin"
LATEST = 5


class BeginForm(forms.Form):
    """Hidden but for the reason; `user` is empty for a holder who never logged in."""

    account = forms.IntegerField()
    user = forms.IntegerField(required=False)
    reason = forms.CharField(min_length=2, max_length=300)


def may_open(request: HttpRequest) -> bool:
    return request.user.has_perm(rights.PERMISSION)


def desk(admin: "Admin", request: HttpRequest) -> HttpResponse:
    """Finds customers; each search is on record."""
    clerk, term = _staff(request), request.GET.get("q", "").replace("\0", "").strip()[:60]
    found = search.find(term, clerk=clerk, as_of=clock.now()) if term else []
    if term:
        audit.record(
            actor=Actor.user(clerk),
            action="operations.serving.search",
            subject=("operations.ServingSession", ""),
            detail={"found": [each.account.number for each in found]},
            address=client_address(request),
            as_of=clock.now(),
        )
    return _page(admin, request, clerk, term, found)


def begin(admin: "Admin", request: HttpRequest) -> HttpResponse:
    """The customer's first page, as he sees it; or the desk again, with why not."""
    clerk, form = _staff(request), BeginForm(request.POST)
    if request.method != "POST":
        return HttpResponseRedirect(reverse(DESK))
    if not form.is_valid():
        messages.warning(request, sessions.ReasonMissing().text)
        return HttpResponseRedirect(reverse(DESK))
    try:
        session = sessions.begin(
            clerk_id=clerk.pk,
            account_id=form.cleaned_data["account"],
            user_id=form.cleaned_data["user"],
            reason=form.cleaned_data["reason"],
            address=client_address(request),
            as_of=clock.now(),
        )
    except HallError as error:
        messages.warning(request, error.text)
        return HttpResponseRedirect(reverse(DESK))
    request.session[present.SESSION_KEY] = session.pk
    rotate_token(
        request
    )  # forms of the clerk's own that are still open must not be sent in the customer's name
    return HttpResponseRedirect(reverse("hall:home"))


@login_required
@require_POST
def serving_end(request: HttpRequest) -> HttpResponse:
    """Back to the desk; the customer's pages are his alone again."""
    key: int | None = request.session.get(present.SESSION_KEY)
    if key is not None:
        actor = Actor.user(request.user)
        sessions.end(session_id=key, state=ServingState.ENDED, actor=actor, as_of=clock.now())
        middleware.forget(request)
        messages.success(request, _("代客办理已结束"))
    return HttpResponseRedirect(reverse(DESK))


def _staff(request: HttpRequest) -> User:
    if not (isinstance(request.user, User) and may_open(request)):
        raise PermissionDenied
    return request.user


def _page(
    admin: "Admin", request: HttpRequest, clerk: User, term: str, found: list[search.Found]
) -> HttpResponse:
    blocked = ""
    try:
        rights.check_clerk(clerk, as_of=clock.now())
    except HallError as error:
        blocked = error.text
    mine = ServingSession.objects.filter(clerk=clerk).select_related("account__customer", "served")
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": _("代客办理"),
        "term": term,
        "found": found,
        "blocked": blocked,
        "latest": list(mine.order_by("-pk")[:LATEST]),
        "is_open": present.SESSION_KEY in request.session,
        "begin": reverse(BEGIN),
    }
    return TemplateResponse(request, "backoffice/serving_desk.html", context)
