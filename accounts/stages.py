"""Steps of a log-in."""

from typing import Any

from allauth.account import stages
from allauth.account.adapter import get_adapter


class PhoneVerificationStage(stages.PhoneVerificationStage):  # type: ignore[misc]  # allauth is untyped
    """Sign-up needs a phone, but staff who were given none may log in."""

    def handle(self) -> Any:
        user = self.login.user
        if user and get_adapter().get_phone(user) is None:
            return None, True
        return super().handle()
