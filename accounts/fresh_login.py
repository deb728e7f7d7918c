"""Who has neither password nor app cannot be asked for it before what is delicate: he must have logged in just now.

Otherwise whoever finds his browser open could make the login his own, with another phone, a password or an app.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils.translation import gettext

from core import sessions

FRESH_SECONDS = 900  # how long ago he may have logged in
View = Callable[..., HttpResponseBase]


def is_proven(request: HttpRequest) -> bool:
    """Whether he has logged in just now, or has something else that he can be asked for."""
    if get_reauthentication_flows(request.user):
        return True
    since = request.session.get(sessions.AGE, {}).get("since", 0)
    return bool(time.time() - since < FRESH_SECONDS)


def log_in_again(request: HttpRequest, why: str) -> HttpResponseRedirect:
    """Logged out and at the entrance, told why, and on to this page afterwards."""
    messages.info(request, why)
    waiting = list(messages.get_messages(request))
    logout(request)
    for message in waiting:
        messages.add_message(request, message.level, message.message)
    return redirect_to_login(request.path)


def wanted(view: View) -> View:
    """The view; what is sent to it is not taken from a user whose log-in is no longer fresh."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" and request.user.is_authenticated and not is_proven(request):
            return log_in_again(request, gettext("为了安全，请重新登录后再继续。"))
        return view(request, *args, **kwargs)

    return guarded
