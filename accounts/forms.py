"""The forms of log-in, sign-up and profile, in our words and with our limits."""

import unicodedata
from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.mfa.base import forms as mfa_forms
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import names, phones
from accounts.services import code_requests, login_codes
from core import clock, sessions

STAY = _("在这台设备上保持登录 30 天")


def refuse_if_too_often(phone: str) -> None:
    """The limit said beside the field; the adapter asks again when it sends."""
    client_address = get_adapter().get_client_ip(context.request)
    try:
        login_codes.check_limits(phone=phone, client_address=client_address, as_of=clock.now())
    except code_requests.TooManyCodes as error:
        raise ValidationError(error.text, code=error.code) from None


class LoginForm(allauth_forms.LoginForm):  # type: ignore[misc]  # allauth is untyped
    """By phone or user name, with a password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("手机号")
        self.fields["login"].max_length = 150
        self.fields["login"].widget.attrs = {"autocomplete": "username"}
        self.fields["password"].label = _("密码")
        self.fields["password"].help_text = ""
        self.fields["password"].widget.attrs.pop("placeholder", None)
        self.fields["remember"].label = STAY

    def clean_login(self) -> str:
        """One spelling per phone, or each spelling would have its own five tries."""
        login: str = super().clean_login()
        try:
            return phones.normalise(login)
        except phones.BadPhone:
            return login


class RequestLoginCodeForm(allauth_forms.RequestLoginCodeForm):  # type: ignore[misc]  # allauth is untyped
    remember = forms.BooleanField(label=STAY, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        context.request.session[sessions.REMEMBER] = cleaned.get("remember", False)
        return cleaned

    def clean_phone(self) -> str:
        phone: str = super().clean_phone()
        refuse_if_too_often(phone)
        return phone


class SignupForm(allauth_forms.SignupForm):  # type: ignore[misc]  # allauth is untyped
    """A phone is enough; name and password may come later."""

    name = forms.CharField(
        label=_("姓名"), required=False, max_length=80, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    field_order = ["phone", "name", "password1"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].label = _("密码")
        self.fields["password1"].help_text = _("至少 12 位，不要全是数字，也不要用常见的密码")
        self.fields["password1"].widget.attrs.pop("placeholder", None)

    def clean_name(self) -> str:
        return _clean_name(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        if not self.errors:
            refuse_if_too_often(cleaned["phone"])
        return cleaned

    def try_save(self, request: Any) -> Any:
        """A phone that somebody has already costs the same time: hashing the password would tell."""
        if self.account_already_exists and self.cleaned_data["password1"]:
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)

    def custom_signup(self, request: Any, user: Any) -> None:
        user.name, user.language = self.cleaned_data["name"], context.request.LANGUAGE_CODE
        user.save(update_fields=["name", "language"])


class ChangePhoneForm(allauth_forms.ChangePhoneForm):  # type: ignore[misc]  # allauth is untyped
    def clean_phone(self) -> str:
        phone: str = super().clean_phone()
        refuse_if_too_often(phone)
        return phone


class _CodeField:
    """Full-width digits, as Chinese keyboards make them, are digits."""

    def clean_code(self) -> str:
        cleaned: dict[str, Any] = self.cleaned_data  # type: ignore[attr-defined]
        cleaned["code"] = unicodedata.normalize("NFKC", cleaned["code"])
        code: str = super().clean_code()  # type: ignore[misc]
        return code


class ConfirmLoginCodeForm(_CodeField, allauth_forms.ConfirmLoginCodeForm):  # type: ignore[misc]
    pass


class VerifyPhoneForm(_CodeField, allauth_forms.VerifyPhoneForm):  # type: ignore[misc]
    pass


class LanguageSelect(forms.Select):
    """Each language is named in itself, and says so."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        option["attrs"]["lang"] = value
        return option


class ProfileForm(forms.Form):
    """How the user is addressed."""

    name = forms.CharField(
        label=_("姓名"), required=False, max_length=80, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    language = forms.ChoiceField(label=_("语言"), choices=settings.LANGUAGES, widget=LanguageSelect)

    def clean_name(self) -> str:
        return _clean_name(self.cleaned_data["name"])


def _clean_name(typed: str) -> str:
    if not typed.strip():
        return ""
    try:
        return names.clean(typed)
    except names.BadName as error:
        raise ValidationError(error.text, code=error.code) from None


class _TypedCode(forms.Form):
    """The field for the app's code, or a recovery code: the keypad of digits, and our word for it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label = _("验证码")
        field.widget.attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}


class SecondFactorForm(_TypedCode, mfa_forms.AuthenticateForm):  # type: ignore[misc]  # allauth is untyped
    """After the password, when logging in."""


class SecondFactorAgainForm(_TypedCode, mfa_forms.ReauthenticateForm):  # type: ignore[misc]
    """Before the staff side and what is delicate, by who is logged in."""
