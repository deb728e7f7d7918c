"""Six-digit codes that confirm one thing: sent by SMS, good for five minutes, five guesses and one use."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import addresses, locks
from accounts.models import VerificationCode
from accounts.services import code_requests
from core import writes
from core.errors import HallError
from notices.services import messages

LIFETIME = timedelta(minutes=5)
GUESSES = 5


class WrongCode(HallError):
    code = "WRONG_CODE"
    message = _("验证码不正确，请核对后再试")


class CodeExpired(HallError):
    code = "CODE_EXPIRED"
    message = _("验证码已失效，请重新获取")


def issue(
    *,
    purpose: str,
    subject: str,
    address: str,
    as_of: datetime,
    target: str = "",
    who: str = "",
    client_address: str | None = None,
    template: str = "verification_code",
    told: Mapping[str, str] | None = None,
) -> VerificationCode:
    """A new code for `subject`, on its way to `address` (E.164, or e-mail); an earlier one is void.

    With the address "" the answer, the limits and the work are the same, but nothing is sent and no code fits.
    `target` is what the asker named, if not the address itself (see code_requests). `template` is a secret one with
    `code` and `minutes`, and with what `told` holds beyond these. Raises TooManyCodes.
    """
    request = code_requests.Request(
        purpose=purpose,
        target=target or address or subject,
        phone=address,
        who=who,
        client_address=client_address,
    )
    digits = f"{secrets.randbelow(1_000_000):06d}"
    with transaction.atomic():
        is_sent = code_requests.spend(request, as_of=as_of)
        row = VerificationCode.objects.create(
            purpose=purpose,
            subject=subject,
            address=address,
            code_hash=_hash(purpose, subject, digits) if address else "",
            created_at=as_of,
            expires_at=as_of + LIFETIME,
        )
        context = {**(told or {}), "code": digits, "minutes": str(LIFETIME // timedelta(minutes=1))}
        _send(row, template, context, is_sent=is_sent, as_of=as_of)
    return row


def check(*, purpose: str, subject: str, code: str, as_of: datetime) -> VerificationCode:
    """The newest code for `subject`, used up by this call. Raises WrongCode or CodeExpired (also after five guesses).

    A wrong guess is counted although this raises: the count stands with the caller's transaction, if there is one. So
    call it in none, or in one that is committed when this refuses (operations keep it outside their savepoints).
    """
    with transaction.atomic(savepoint=False):  # nothing is raised inside
        row = locks.newest_code(purpose=purpose, subject=subject)
        is_over = row is None or row.used_at or row.expires_at <= as_of or row.attempts >= GUESSES
        is_right = not is_over and row is not None and _counted(row, code, as_of)
    if is_over or row is None:
        raise CodeExpired()
    if not is_right:
        raise WrongCode()
    return row


def _counted(row: VerificationCode, code: str, as_of: datetime) -> bool:
    """One guess more; whether it was right, which uses the code up."""
    row.attempts += 1
    is_right = constant_time_compare(row.code_hash, _hash(row.purpose, row.subject, _digits(code)))
    if is_right:
        row.used_at = as_of
    writes.update(row, "attempts", "used_at")
    return is_right


def _hash(purpose: str, subject: str, digits: str) -> str:
    """Keyed, because a million digits can be tried in a second by whoever reads the table."""
    return salted_hmac(f"accounts.codes|{purpose}|{subject}", digits, algorithm="sha256").hexdigest()


def _digits(typed: str) -> str:
    """What a Chinese keyboard may add: full-width digits, spaces."""
    return "".join(str(int(character)) for character in typed if character.isdecimal())


def _send(
    row: VerificationCode, template: str, context: dict[str, str], *, is_sent: bool, as_of: datetime
) -> None:
    send = messages.send_secret if is_sent else messages.rehearse_secret
    send(
        code=template,
        recipient_ref=f"code:{row.pk}",
        address=addresses.to(row.address),
        context=context,
        as_of=as_of,
        lifetime=LIFETIME,
        language=get_language() or "zh-hans",
    )
