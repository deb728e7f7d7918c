"""The user's page of everything he was told."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.selectors import inbox
from accounts.selectors.inbox import Filter
from accounts.services import inbox as marks
from core import clock
from notices.models import Channel

PER_PAGE = 20
_LONGEST_ID = 18


@login_required
@require_safe
@never_cache
def told(request: HttpRequest) -> HttpResponse:
    """Newest first, all channels; what is unread is marked, and stays so until he says that he has read it."""
    user = cast(User, request.user)
    found, numbers = inbox.of(user), inbox.numbers(user)
    wanted = _wanted(request, numbers)
    page = Paginator(found.filtered(wanted), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "up_to": found.up_to,
        "newest": max((row.pk for row in page), default=0),
        "unread": found.unread,
        "wanted": wanted,
        "query": urlencode(_query(wanted)),
        "numbers": numbers if len(numbers) > 1 else [],
        "channels": Channel.choices,
    }
    return render(request, "accounts/inbox.html", context)


@login_required
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """All up to the newest that the page showed is read."""
    typed = request.POST.get("up_to", "")
    if typed.isascii() and typed.isdecimal() and len(typed) <= _LONGEST_ID:
        marks.read(user=cast(User, request.user), up_to=int(typed), as_of=clock.now())
        messages.success(request, gettext("已全部标为已读"))
    return HttpResponseRedirect(reverse("accounts:messages"))


def _wanted(request: HttpRequest, numbers: list[str]) -> Filter:
    """What the address asks for; what it does not know is left out."""
    channel, account = request.GET.get("channel", ""), request.GET.get("account", "")
    return Filter(
        channel=channel if channel in Channel.values else "",
        account=account if account in numbers else "",
        is_unread=request.GET.get("unread") == "1",
    )


def _query(wanted: Filter) -> dict[str, Any]:
    given = {"channel": wanted.channel, "account": wanted.account, "unread": "1" if wanted.is_unread else ""}
    return {name: value for name, value in given.items() if value}
