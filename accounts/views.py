"""The customer's own pages: who he is, and the accounts that he shares."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext, override
from django.views.decorators.http import require_safe

from accounts import cookies, phones
from accounts.forms import ProfileForm
from accounts.models import User
from accounts.selectors import accounts, members
from accounts.services import users
from core import clock
from core.errors import NotFound


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Name, phone, language, bound accounts, and the ways to password and phone."""
    user = cast(User, request.user)
    posted = request.POST if request.method == "POST" else None
    # The language that is read now, or saving a name would change it.
    form = ProfileForm(posted, initial={"name": user.name, "language": get_language() or user.language})
    if form.is_valid():
        users.update_profile(user_id=user.pk, **form.cleaned_data)
        return _saved(request, form.cleaned_data["language"])
    context = {
        "form": form,
        "masked_phone": phones.mask(user.phone or ""),
        "memberships": accounts.memberships_of(user),
        "invitations": members.invitations_to(user, as_of=clock.now()),
    }
    return render(request, "accounts/profile.html", context)


def _saved(request: HttpRequest, language: str) -> HttpResponse:
    """Back to the page, in the language that was chosen."""
    with override(language):
        messages.success(request, gettext("已保存"))
    response = HttpResponseRedirect(reverse("accounts:profile"))
    cookies.keep_language(request, response, language)
    return response


@login_required
@require_safe
def account_list(request: HttpRequest) -> HttpResponse:
    """The bound accounts, what the user may do on each, and what he is invited to."""
    context = {
        "memberships": accounts.memberships_of(request.user),
        "invitations": members.invitations_to(request.user, as_of=clock.now()),
    }
    return render(request, "accounts/accounts.html", context)


@login_required
@require_safe
def account(request: HttpRequest, number: str) -> HttpResponse:
    """One account: its people, its contacts, what this member may do; 404 for a stranger's."""
    try:
        shared = members.shared(request.user, number, as_of=clock.now())
    except NotFound as error:
        raise Http404 from error
    return render(request, "accounts/account.html", {"shared": shared})
