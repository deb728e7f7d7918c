from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from accounts.selectors import tokens as reads
from accounts.services import tokens
from core import clock


class HallTokenAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox has no types
    """Knox's; a token of bytes that are no text is wrong, not an error of ours. The day of use is noted."""

    def authenticate_credentials(self, token: bytes) -> Any:
        if not token.isascii() or b"\0" in token:
            raise AuthenticationFailed()
        user, row = super().authenticate_credentials(token)
        if user.is_staff:  # whoever may act for others does so where a second factor stands, never by a token
            raise AuthenticationFailed()
        if details := reads.details(row.pk):
            tokens.used(details, on=clock.local_date(clock.now()))
        return user, row


class HallTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    target_class = HallTokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": str(_("在「我的令牌」页新建"))}
