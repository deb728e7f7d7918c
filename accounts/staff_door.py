"""The door of the staff side: nobody passes it who has not shown a second factor in this session.

Also where it is kept that staff came and went, failed, or were refused.
"""

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.signals import user_logged_out
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext

from accounts import second_factor
from accounts.models import User
from core import audit, clock, reasoned
from core.actor import Actor
from core.staff_pages import refuse

VISITOR = Actor("visitor")  # who tried to log in as somebody


class StaffDoorMiddleware:
    """After allauth's. Holds for every address under the staff site, whatever its view asks for itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code == 403 and _is_staff_side(request) and _user(request) is not None:
            refuse(request, subject=("staff.Page", request.path[:80]), why="FORBIDDEN")
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if not _is_staff_side(request):
            return None
        user = _user(request)
        if user is None or second_factor.is_shown(request):
            return None  # strangers and customers are told by the site itself that this is not for them
        return _lead_to_second_factor(request, user)


def _is_staff_side(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and "admin" in match.app_names


def _user(request: HttpRequest) -> User | None:
    """The member of staff who asks; None for anybody else."""
    user = getattr(request, "user", None)
    return user if isinstance(user, User) and user.is_active and user.is_staff else None


def _lead_to_second_factor(request: HttpRequest, user: User) -> HttpResponse:
    if second_factor.has_one(user):
        page, text = "mfa_reauthenticate", gettext("请填写验证器上的验证码，再进入员工工作台")
    else:
        page, text = "mfa_activate_totp", gettext("员工工作台需要第二验证，请先设置验证器")
    messages.info(request, text)
    onward = request.get_full_path() if request.method == "GET" else reverse("admin:index")
    return HttpResponseRedirect(f"{reverse(page)}?{urlencode({'next': onward})}")


def note(request: HttpRequest | None, user: User, what: str, *, actor: Actor | None = None) -> None:
    """One audit row of a member of staff's coming and going; nothing for customers."""
    if not user.is_staff:
        return
    audit.record(
        actor=actor or Actor.user(user),
        action=f"staff.{what}",
        subject=user,
        address=reasoned.address(request) if request is not None else None,
        as_of=clock.now(),
    )


def note_failed_login(request: HttpRequest, credentials: dict[str, Any]) -> None:
    """A wrong password for a member of staff; guesses at names that nobody has leave nothing."""
    name, phone = credentials.get("username") or "", credentials.get("phone") or ""
    known = Q(username=name) | Q(phone=phone, phone_verified_at__isnull=False)
    user = User.objects.filter(known, is_staff=True).first() if name or phone else None
    if user is not None:
        note(request, user, "login_failed", actor=VISITOR)


def listen() -> None:
    """Hears what the log-in of Django and allauth tells."""
    user_logged_out.connect(_logged_out, dispatch_uid="accounts.staff_door.out")
    signals.authentication_failed.connect(_failed, dispatch_uid="accounts.staff_door.failed")
    signals.authenticator_added.connect(_added, dispatch_uid="accounts.staff_door.added")
    signals.authenticator_removed.connect(_removed, dispatch_uid="accounts.staff_door.removed")
    signals.authenticator_reset.connect(_renewed, dispatch_uid="accounts.staff_door.renewed")
    signals.authenticator_used.connect(_used, dispatch_uid="accounts.staff_door.used")


def _logged_out(sender: Any, request: HttpRequest, user: Any, **more: Any) -> None:
    if isinstance(user, User):
        note(request, user, "logged_out")


def _failed(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    note(request, user, "second_factor_failed")


def _added(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **more: Any) -> None:
    """Who sets up the app has typed its code just now: that is showing it."""
    note(request, user, "second_factor_added")
    if authenticator.type == Authenticator.Type.TOTP:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)


def _removed(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    note(request, user, "second_factor_removed")


def _renewed(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    note(request, user, "recovery_codes_renewed")


def _used(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **more: Any) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        note(request, user, "recovery_code_used")
