"""The pages on which a code is typed: allauth's, with three holes closed.

Guesses are limited per network address too, because tries at the same moment are counted as one in the session. And
"send again" does the same whether somebody has the number or not; allauth's own fails, or is not counted, for a number
that nobody may use, which tells. And of who has no password allauth asks nothing before he changes how he logs in.
"""

from typing import Any

from allauth.account import views
from allauth.account.adapter import get_adapter
from allauth.account.internal.decorators import login_not_required
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.decorators import rate_limit
from allauth.mfa.totp.views import activate_totp
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import path
from django.views.generic import RedirectView

from accounts import fresh_login


class _SendAgain:
    """Replaces the "send again" of allauth's views."""

    request: HttpRequest
    process: Any  # the one that waits for the code

    def _resend_form_valid(self, form: Any) -> HttpResponse:
        try:
            self.process.send()
            self.process.record_resend()
            self.process.persist()
        except ImmediateHttpResponse:  # the limit: said on this page
            adapter = get_adapter(self.request)
            adapter.add_message(self.request, messages.ERROR, message=adapter.error_messages["rate_limited"])
        return HttpResponseRedirect(self.request.get_full_path())


class ConfirmLoginCodeView(_SendAgain, views.ConfirmLoginCodeView):  # type: ignore[misc]  # allauth is untyped
    @property
    def process(self) -> Any:
        return self._process


class VerifyPhoneAtSignupView(_SendAgain, views._VerifyPhoneSignupView):  # type: ignore[misc]
    pass


def _verify_phone(request: HttpRequest) -> HttpResponseBase:
    """After sign-up, or for a new phone of somebody who is logged in."""
    view = views.verify_phone if request.user.is_authenticated else VerifyPhoneAtSignupView.as_view()
    answer: HttpResponseBase = view(request)
    return answer


_guarded = rate_limit(action="confirm_code")
confirm_login_code = _guarded(ConfirmLoginCodeView.as_view())
verify_phone = login_not_required(_guarded(_verify_phone))

urlpatterns = [
    path("login/code/confirm/", confirm_login_code, name="account_confirm_login_code"),
    path("phone/verify/", verify_phone, name="account_verify_phone"),
    path("phone/change/", fresh_login.wanted(views.change_phone), name="account_change_phone"),
    path("password/set/", fresh_login.wanted(views.password_set), name="account_set_password"),
    path("2fa/totp/activate/", fresh_login.wanted(activate_totp), name="mfa_activate_totp"),
    # Customers have no e-mail address here yet, and allauth would send its confirmations past the notices.
    path("email/", RedirectView.as_view(pattern_name="accounts:profile"), name="account_email"),
    path("sessions/", RedirectView.as_view(pattern_name="accounts:security"), name="usersessions_list"),
]
