"""The pages of a forgotten password: phone → code → new password. Nobody is logged in on them.

They say the same, take as long and are limited alike whether somebody has the phone or not. What was proven so far
stands in the session, on the server.
"""

import secrets
import unicodedata
from datetime import datetime
from typing import Any

from allauth.account.internal.decorators import login_not_required
from allauth.decorators import rate_limit
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import phones
from accounts.models import User
from accounts.phone_field import PhoneField
from accounts.services import passwords
from accounts.services.passwords import Proof
from core import clock
from core.errors import HallError
from operations import inputs, registry, texts
from operations.context import client_address
from operations.models import Channel
from operations.people.password_reset import CODE, ProvenContext
from operations.services import slips

_KEY = "password_reset"  # in the session
_MOST_GUESSES = 5  # at the number of an account, with one proof


class PhoneForm(forms.Form):
    phone = PhoneField(
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "tel"})
    )


class CodeForm(forms.Form):
    code = forms.CharField(label=gettext_lazy("6 位验证码"), max_length=12)

    def clean_code(self) -> str:
        return unicodedata.normalize("NFKC", self.cleaned_data["code"])


@login_not_required  # type: ignore[untyped-decorator]  # allauth is untyped
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_phone(request: HttpRequest) -> HttpResponse:
    """Whose password: by his phone."""
    form = PhoneForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _send(request, form, form.cleaned_data["phone"]):
        request.session[_KEY] = {"phone": form.cleaned_data["phone"]}
        return redirect("password_reset_code")
    return render(request, "accounts/reset_phone.html", {"form": form}, status=422 if form.errors else 200)


@login_not_required  # type: ignore[untyped-decorator]  # allauth is untyped
@never_cache
@rate_limit(action="confirm_code")  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "HEAD", "POST"])
def ask_code(request: HttpRequest) -> HttpResponse:
    """The code that the phone received, whoever has it."""
    phone = request.session.get(_KEY, {}).get("phone")
    if not phone:
        return redirect("account_reset_password")
    if request.POST.get("action") == "resend":
        return _again(request, phone)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            proof = passwords.check_code(phone=phone, code=form.cleaned_data["code"], as_of=clock.now())
        except HallError as error:
            form.add_error("code", forms.ValidationError(error.text, code=error.code))
        else:
            request.session.cycle_key()
            request.session[_KEY] = _kept(proof)
            return redirect("password_reset_new")
    context = {"form": form, "phone": phones.mask(phone)}
    return render(request, "accounts/reset_code.html", context, status=422 if form.errors else 200)


@login_not_required  # type: ignore[untyped-decorator]  # allauth is untyped
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_password(request: HttpRequest) -> HttpResponse:
    """The new password, while the proof is fresh."""
    ctx = _context(request)
    if ctx is None:
        return redirect("account_reset_password")
    if request.method != "POST":
        form = inputs.make_form(registry.get(CODE), ctx)
        return render(request, "accounts/reset_new.html", {"form": form})
    try:
        text = _submit(ctx, request.POST)
    except inputs.InvalidInput as invalid:
        if "account_number" in invalid.fields and _guessed_too_often(request):
            messages.error(request, passwords.ProofOver().text)
            return _over(request, "account_reset_password")
        return render(request, "accounts/reset_new.html", {"form": invalid.form}, status=invalid.status)
    except HallError as error:
        messages.error(request, error.text)
        return _over(request, "account_reset_password")
    messages.success(request, text)
    return _over(request, "account_login")


def _submit(ctx: ProvenContext, raw: Any) -> str:
    quoted = slips.quote(operation=CODE, ctx=ctx, raw=raw)
    slip = slips.submit(
        operation=CODE,
        ctx=ctx,
        raw=raw,
        quote_digest=quoted.digest,
        confirmation={"agreed": "yes"},  # the button says what it does, and the code came before it
        idempotency_key=secrets.token_hex(16),
    )
    return texts.in_reader_language(slip.result["text"])


def _context(request: HttpRequest) -> ProvenContext | None:
    """Who has read his code in this browser within the last minutes; None: he must begin again."""
    kept = request.session.get(_KEY, {})
    if "user_id" not in kept:
        return None
    proof = Proof(kept["user_id"], kept["code_id"], kept["address"], datetime.fromisoformat(kept["at"]))
    user, now = User.objects.filter(pk=proof.user_id, is_active=True).first(), clock.now()
    try:
        proof.check(as_of=now)
    except passwords.ProofOver as error:
        messages.error(request, error.text)
        request.session.pop(_KEY)
        return None
    if user is None:
        return None
    address = client_address(request)
    return ProvenContext(user=user, channel=Channel.WEB, as_of=now, address=address, proof=proof)


def _guessed_too_often(request: HttpRequest) -> bool:
    kept = request.session[_KEY]
    request.session[_KEY] = kept | {"guesses": kept.get("guesses", 0) + 1}
    return int(request.session[_KEY]["guesses"]) >= _MOST_GUESSES


def _kept(proof: Proof) -> dict[str, Any]:
    return {
        "user_id": proof.user_id,
        "code_id": proof.code_id,
        "address": proof.address,
        "at": proof.at.isoformat(),
    }


def _send(request: HttpRequest, form: forms.Form, phone: str) -> bool:
    """Whether it was done; what is wrong stands in the form."""
    try:
        passwords.send_code(phone=phone, client_address=client_address(request), as_of=clock.now())
    except HallError as error:
        form.add_error("phone", forms.ValidationError(error.text, code=error.code))
        return False
    return True


def _again(request: HttpRequest, phone: str) -> HttpResponse:
    try:
        passwords.send_code(phone=phone, client_address=client_address(request), as_of=clock.now())
    except HallError as error:
        messages.error(request, error.text)
    else:
        messages.success(request, _("验证码已重新发送"))
    return redirect("password_reset_code")


def _over(request: HttpRequest, onward: str) -> HttpResponseRedirect:
    request.session.pop(_KEY, None)
    return HttpResponseRedirect(reverse(onward))


urlpatterns = [
    path("password/reset/", ask_phone, name="account_reset_password"),
    path("password/reset/code/", ask_code, name="password_reset_code"),
    path("password/reset/new/", ask_password, name="password_reset_new"),
]
