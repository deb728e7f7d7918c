"""The second factor: codes of an authenticator app (TOTP) and recovery codes, by allauth, with secrets sealed.

Staff need one shown in the session before any page of the staff side; customers may have one.
"""

import io
import logging
from datetime import datetime
from typing import Any

import segno
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import ciphers

_USE = "accounts.second_factor"  # of the key
logger = logging.getLogger("hall.security")


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth is untyped
    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": _("员工必须使用第二验证，不能停用"),
        "cannot_generate_recovery_codes": _("请先启用验证器，再生成备用码"),
        "incorrect_code": _("验证码不正确，请核对后再试"),
    }

    def get_totp_label(self, user: Any) -> str:
        """What the app shows tells nobody a phone number: staff's login name, or a person's own name."""
        return str(user.username if user.is_staff else user)

    def get_totp_issuer(self) -> str:
        return gettext(str(settings.SITE_NAME))

    def build_totp_svg(self, url: str) -> str:
        out = io.BytesIO()
        segno.make(url, error="m").save(out, kind="svg", scale=5, xmldecl=False)
        return out.getvalue().decode()

    def encrypt(self, text: str) -> str:
        return ciphers.of(_USE).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """What was sealed; under a key that is gone, a new secret that no code fits: a colleague resets it."""
        try:
            return _opened(encrypted_text)
        except InvalidToken:
            logger.error("second factor sealed under a key that is gone; see HALL_SECRET_KEY_FALLBACKS")
            return str(generate_totp_secret())

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return not authenticator.user.is_staff


def is_shown(request: HttpRequest) -> bool:
    """Whether the user of this session has shown his second factor in it, after it was last reset."""
    user = request.user
    if not isinstance(user, User):
        user = User.objects.get(pk=user.pk or 0)
    since = user.second_factor_reset_at.timestamp() if user.second_factor_reset_at else 0.0
    records = get_authentication_records(request, user)
    return any(record.get("method") == "mfa" and record["at"] > since for record in records)


def has_one(user: User) -> bool:
    """Whether the user has an authenticator app."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).exists())


def set_up(user: User, secret: str) -> None:
    """The user has an authenticator app with this secret (base32), and no other."""
    Authenticator.objects.filter(user_id=user.pk).delete()
    TOTP.activate(user, secret)


def code_at(user: User, as_of: datetime) -> str:
    """The code that the user's app shows at that instant; "" without one."""
    found = Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).first()
    if found is None:
        return ""
    return code_of(_opened(found.data["secret"]), as_of)


def code_of(secret: str, as_of: datetime) -> str:
    """The code that an app with that secret shows at that instant."""
    return str(format_hotp_value(hotp_value(secret, int(as_of.timestamp()) // app_settings.TOTP_PERIOD)))


def _opened(sealed: str) -> str:
    """Raises InvalidToken when it was sealed under a key that nobody has any more."""
    return ciphers.of(_USE).decrypt(sealed.encode()).decode()
