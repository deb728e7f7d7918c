"""The customer's own pages."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext, override
from django.views.decorators.http import require_safe

from accounts import phones
from accounts.forms import ProfileForm
from accounts.models import User
from accounts.selectors import accounts
from accounts.services import users


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
        "has_password": user.has_usable_password(),
    }
    return render(request, "accounts/profile.html", context)


def _saved(request: HttpRequest, language: str) -> HttpResponse:
    """Back to the page, in the language that was chosen."""
    with override(language):
        messages.success(request, gettext("已保存"))
    response = HttpResponseRedirect(reverse("accounts:profile"))
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 86_400,
        samesite="Lax",
        httponly=True,
        secure=request.is_secure(),
    )
    return response


@login_required
@require_safe
def account_list(request: HttpRequest) -> HttpResponse:
    """The bound accounts and what the user may do on each."""
    memberships = accounts.memberships_of(request.user)
    return render(request, "accounts/accounts.html", {"memberships": memberships})
