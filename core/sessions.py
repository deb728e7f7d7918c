"""How long somebody stays logged in: so long idle, so long at all; see SESSION_… in the settings.

Django's own age counts from the last write, and we write on few requests. So the session notes when it was begun and
last seen, at most every ten minutes, which costs one small write then.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from allauth.account.signals import authentication_step_completed
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest, HttpResponseBase

log = logging.getLogger("hall.security")
AGE = "_age"  # {"since", "seen": seconds of the epoch, "staff": bool}
REMEMBER = "_remember"  # put here before a log-in that has no form for it at its end (by code)
_NOTED_EVERY = 600  # seconds


class SessionAgeMiddleware:
    """After Django's session middleware. A session that is over is emptied before anybody reads who it was."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and _is_over(request.session, time.time()):
            request.session.flush()
        response = self.get_response(request)
        if request.session.accessed:
            _note(request.session, time.time())
        return response


def begin(sender: Any, request: HttpRequest | None, user: Any, **_: Any) -> None:
    """At each log-in: the session's age is zero, its key is new (Django's part)."""
    if request is None or not hasattr(request, "session"):
        return
    session, now = request.session, time.time()
    is_staff = bool(user.is_staff)
    session[AGE] = {"since": now, "seen": now, "staff": is_staff}
    session.set_expiry(_idle(session.pop(REMEMBER, False), is_staff))
    log.info("logged in", extra={"user_id": user.pk, "staff": is_staff})


def renew(sender: Any, request: HttpRequest, **told: Any) -> None:
    """Whoever proves himself anew gets a new key: an older one that somebody read is worth nothing from now on."""
    if told.get("reauthenticated"):
        request.session.cycle_key()
        log.info("proven anew", extra={"user_id": request.user.pk, "how": told.get("method", "")})


def failed(sender: Any, credentials: Any = None, **_: Any) -> None:
    log.warning("log-in failed")  # not with what: a password may stand where the name should


def ended(sender: Any, user: Any = None, **_: Any) -> None:
    log.info("logged out", extra={"user_id": getattr(user, "pk", None)})


def _idle(is_remembered: bool, is_staff: bool) -> int:
    if is_staff:
        return int(settings.SESSION_IDLE_SECONDS_STAFF)
    return int(settings.SESSION_COOKIE_AGE if is_remembered else settings.SESSION_IDLE_SECONDS)


def _is_over(session: Any, now: float) -> bool:
    age = session.get(AGE)
    if SESSION_KEY not in session:
        return False
    if age is None:  # from before sessions had an age, or made by hand
        return False
    most = settings.SESSION_ABSOLUTE_SECONDS_STAFF if age["staff"] else settings.SESSION_ABSOLUTE_SECONDS
    return bool(now - age["since"] > most or now - age["seen"] > session.get_expiry_age() + _NOTED_EVERY)


def _note(session: Any, now: float) -> None:
    if SESSION_KEY not in session or session.is_empty():
        return
    age = session.get(AGE)
    if age is None:
        session[AGE] = {"since": now, "seen": now, "staff": False}
        return
    if session.get_expire_at_browser_close():  # how allauth says "not remembered"
        session.set_expiry(_idle(False, age["staff"]))
    elif age["staff"] and session.get_expiry_age() > settings.SESSION_IDLE_SECONDS_STAFF:
        session.set_expiry(_idle(False, True))
    if now - age["seen"] > _NOTED_EVERY:
        session[AGE] = age | {"seen": now}


def listen() -> None:
    """Called once, when all is loaded."""
    user_logged_in.connect(begin, dispatch_uid="core.sessions")
    user_login_failed.connect(failed, dispatch_uid="core.sessions")
    user_logged_out.connect(ended, dispatch_uid="core.sessions")
    authentication_step_completed.connect(renew, dispatch_uid="core.sessions")
