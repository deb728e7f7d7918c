"""What allauth asks about our users: phones, codes by SMS, user names nobody has to invent."""

import secrets
from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.ratelimit import respond_429
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from accounts import cookies, staff_door
from accounts.models import User
from accounts.phone_field import PhoneField
from accounts.services import closings, code_requests, devices, login_codes, users
from core import clock
from core.actor import Actor


class HallAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    """A code that is asked for a number nobody has is counted, refused and answered like any other; nothing is sent."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": _("这个账户已停用，请联系客服"),
        "incorrect_code": _("验证码不正确，请核对后再试"),
        "incorrect_password": _("密码不正确"),
        "enter_current_password": _("请填写现在的密码"),
        "invalid_login": _("手机号或密码不正确"),
        "phone_password_mismatch": _("手机号或密码不正确"),
        "username_password_mismatch": _("用户名或密码不正确"),
        "phone_taken": _("这个手机号已被其他用户使用"),
        "too_many_login_attempts": _("尝试次数太多，请稍后再试"),
        "same_as_current": _("新号码和现在的一样"),
        "rate_limited": _("验证码获取太频繁，请稍后再试"),
    }

    def phone_form_field(self, **kwargs: Any) -> PhoneField:
        kwargs.pop("label", None)
        return PhoneField(**kwargs)

    def generate_unique_username(self, txts: list[str | None], regex: str | None = None) -> str:
        return f"u{secrets.token_hex(8)}"

    def get_login_stages(self) -> list[str]:
        ours = {"allauth.account.stages.PhoneVerificationStage": "accounts.stages.PhoneVerificationStage"}
        return [ours.get(path, path) for path in super().get_login_stages()]

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """A new password also ends the tokens: whoever fears a thief changes his password, and no more."""
        super().set_password(user, password)
        users.end_tokens(user_id=user.pk)

    def authentication_failed(self, request: Any, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        staff_door.note_failed_login(request, credentials)

    def get_user_by_phone(self, phone: str) -> User | None:
        """Only who has proven the phone: a mere claim on it must neither log in nor stand in anybody's way."""
        return users.by_proven_phone(phone)

    def get_phone(self, user: AbstractBaseUser) -> tuple[str, bool] | None:
        known = cast(User, user)
        return (known.phone, known.phone_verified_at is not None) if known.phone else None

    def set_phone(self, user: AbstractBaseUser, phone: str, verified: bool) -> None:
        change = users.prove_phone if verified else users.claim_phone
        change(user=cast(User, user), phone=phone, as_of=clock.now())

    def set_phone_verified(self, user: AbstractBaseUser, phone: str) -> None:
        users.prove_phone(user=cast(User, user), phone=phone, as_of=clock.now())

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        """He is in: a wish to close the login is taken back, a new browser is told of, his language is there again."""
        known, now = cast(User, user), clock.now()
        staff_door.note(request, known, "logged_in")
        if closings.withdraw(user_id=known.pk, actor=Actor.user(known), as_of=now):
            messages.info(request, gettext("您已登录，注销申请已自动撤回"))
        was_here = devices.knows(known, request.COOKIES.get(devices.COOKIE, ""))
        if not (was_here or kwargs["signup"] or _by_code(request, known)):
            devices.tell_of_new(known, user_agent=request.META.get("HTTP_USER_AGENT", ""), as_of=now)
        answer: HttpResponse = super().post_login(request, user, **kwargs)
        cookies.keep_device(request, answer, known)
        if not kwargs["signup"] and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            cookies.keep_language(request, answer, known.language)
        return answer

    def send_verification_code_sms(
        self, user: AbstractBaseUser, phone: str, code: str, **kwargs: Any
    ) -> None:
        self._send(cast(User, user), phone, code)

    def send_unknown_account_sms(self, phone: str, **kwargs: Any) -> None:
        self._send(None, phone, "000000")

    def send_account_already_exists_sms(self, phone: str) -> None:
        self._send(None, phone, "000000")

    def _send(self, user: User | None, phone: str, code: str) -> None:
        """Over the limit the request ends here with the page for 429; forms have asked before (see accounts.forms)."""
        try:
            login_codes.send(
                user=user,
                phone=phone,
                code=code,
                minutes=settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60,
                client_address=self.get_client_ip(context.request),
                language=get_language() or settings.LANGUAGE_CODE,
                as_of=clock.now(),
            )
        except code_requests.TooManyCodes:
            raise ImmediateHttpResponse(respond_429(context.request)) from None


def _by_code(request: HttpRequest, user: User) -> bool:
    """Whether a code to his phone let him in: the phone has been told, then."""
    return any(each["method"] == "code" for each in get_authentication_records(request, user))
