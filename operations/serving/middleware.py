"""While a member of staff serves a customer, the customer's pages are his: the same views, templates and rows.

Costs who serves nobody no query. After it `request.user` is the customer on his pages, `request.serving` says who is
really there, and django's own records of the log-in are untouched.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import second_factor
from accounts.models import User
from core import audit, clock
from core.actor import Actor
from core.errors import Forbidden, HallError
from operations.context import client_address
from operations.serving import pages, present, sessions
from operations.serving.models import ServingSession, ServingState
from operations.serving.pages import Page

DESK = "admin:operations_serving_desk"


class NotWhileServing(Forbidden):
    code = "NOT_WHILE_SERVING"
    message = _("代客办理时不能使用这个页面。客户本人的安全设置、导出等只能由他自己操作")


class ServingMiddleware:
    """After authentication and messages, before whatever asks who the user is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        key = _session_id(request)
        if key is None or request.resolver_match is None:
            return None
        page = pages.kind(request.resolver_match, request.method or "")
        if page is Page.OWN:
            _leave(request, key)
            return None
        try:
            session = sessions.present(session_id=key, clerk=_clerk(request), as_of=clock.now())
        except HallError as over:
            return _over(request, over)
        _note(request, session, page)
        if page is Page.REFUSED:
            return _refused(request, session)
        present.put(request, session)
        return None


def forget(request: HttpRequest) -> None:
    """The clerk's browser serves nobody any more; forms that are still open somewhere are worth nothing."""
    request.session.pop(present.SESSION_KEY, None)
    rotate_token(request)


def _session_id(request: HttpRequest) -> int | None:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:  # asking would make the page vary by cookie
        return None
    found: int | None = request.session.get(present.SESSION_KEY)
    return found


def _clerk(request: HttpRequest) -> User:
    if not (isinstance(request.user, User) and second_factor.is_shown(request)):
        raise sessions.NotServing()
    return request.user


def _leave(request: HttpRequest, key: int) -> None:
    """Logging out ends the serving too."""
    is_out = request.resolver_match and request.resolver_match.view_name in ("account_logout", "admin:logout")
    if is_out and request.method == "POST" and isinstance(request.user, User):
        actor = Actor.user(request.user)
        sessions.end(session_id=key, state=ServingState.LOGGED_OUT, actor=actor, as_of=clock.now())


def _over(request: HttpRequest, error: HallError) -> HttpResponseBase:
    """Nothing of what was asked is done: it was meant for the customer."""
    forget(request)
    if _is_api(request):
        return _as_json(error)
    messages.warning(request, error.text)
    return HttpResponseRedirect(reverse(DESK))


def _note(request: HttpRequest, session: ServingSession, page: Page) -> None:
    """Each page that staff see as a customer is on record, the ones that they were refused too."""
    now = clock.now()
    audit.record(
        actor=Actor.user(session.clerk),
        action="operations.serving.refused" if page is Page.REFUSED else "operations.serving.page",
        subject=session,
        detail={"path": request.path, "method": request.method, "served": f"user:{session.served_id}"},
        address=client_address(request),
        as_of=now,
    )
    if "HX-Request" not in request.headers:  # a page that asks by itself is nobody's doing
        sessions.seen(session, as_of=now)


def _refused(request: HttpRequest, session: ServingSession) -> HttpResponse:
    error = NotWhileServing()
    if _is_api(request):
        return _as_json(error)
    present.put(request, session)
    return render(request, "serving/refused.html", {"error": error}, status=error.status)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def _as_json(error: HallError) -> JsonResponse:
    return JsonResponse({"code": error.code, "message": error.text, "fields": {}}, status=error.status)
