"""Codes that allauth makes for log-in, sign-up and a new phone: the same limits and messages as all other codes."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from accounts.services import code_requests
from notices.models import Channel
from notices.services import messages

PURPOSE = "login"


def check_limits(*, phone: str, client_address: str | None, as_of: datetime) -> None:
    """Raises TooManyCodes when `send` would."""
    code_requests.check(_request(phone, client_address), as_of=as_of)


@transaction.atomic
def send(
    *,
    user: User | None,
    phone: str,
    code: str,
    minutes: int,
    client_address: str | None,
    language: str,
    as_of: datetime,
) -> None:
    """Sends `code` to the phone; with no user behind it does the same work and sends nothing. Raises TooManyCodes."""
    is_sent = code_requests.spend(_request(phone, client_address), is_known=user is not None, as_of=as_of)
    deliver = messages.send_secret if is_sent else messages.rehearse_secret
    deliver(
        code="login_code" if user and user.phone_verified_at else "verification_code",
        recipient_ref=f"user:{user.pk}" if user else "nobody",
        address=messages.Address(Channel.SMS, phone),
        context={"code": code, "minutes": str(minutes)},
        as_of=as_of,
        lifetime=timedelta(minutes=minutes),
        language=language,
    )


def _request(phone: str, client_address: str | None) -> code_requests.Request:
    return code_requests.Request(purpose=PURPOSE, target=phone, phone=phone, client_address=client_address)
