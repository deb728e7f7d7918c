"""A forgotten password: a code to the phone, then a new one.

Until the code is right nothing tells whether anybody has the phone: the answers, their time and the limits are the
same for every number.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import locks
from accounts.models import User, VerificationCode
from accounts.services import codes, devices, users
from core.errors import HallError
from notices.models import Channel
from notices.services import messages

PURPOSE = "password.reset"
PROOF_FOR = timedelta(minutes=10)  # to think of a new password


class ProofOver(HallError):
    code = "RESET_PROOF_OVER"
    message = _("时间过长，请重新获取验证码")
    status = 409


@dataclass(frozen=True, slots=True)
class Proof:
    """This user has read the code on his phone."""

    user_id: int
    code_id: int
    address: str  # E.164
    at: datetime

    def check(self, *, as_of: datetime) -> None:
        """Returns while the proof is fresh; raises ProofOver."""
        if not self.at <= as_of < self.at + PROOF_FOR:
            raise ProofOver()


def send_code(*, phone: str, client_address: str | None, as_of: datetime) -> None:
    """A code for whoever has proven the phone (E.164); the same work for one that nobody has. Raises TooManyCodes."""
    known = _user(phone)
    codes.issue(
        purpose=PURPOSE,
        subject=_subject(phone),
        address=phone if known else "",
        target=phone,
        client_address=client_address,
        as_of=as_of,
    )


def check_code(*, phone: str, code: str, as_of: datetime) -> Proof:
    """Who may now choose a password. Raises WrongCode and CodeExpired, alike for a phone that nobody has.

    A wrong guess is counted although this raises: call it in no transaction that is undone then.
    """
    row: VerificationCode = codes.check(purpose=PURPOSE, subject=_subject(phone), code=code, as_of=as_of)
    user = _user(phone)
    if user is None:  # no code fits a phone that nobody has; this one lost its user since it was sent
        raise codes.WrongCode()
    return Proof(user.pk, row.pk, phone, as_of)


@transaction.atomic
def set_new(*, proof: Proof, password: str, as_of: datetime) -> User:
    """The password is the user's, who is logged in nowhere any more and told so. Raises ProofOver, NotFound."""
    proof.check(as_of=as_of)
    user = locks.user(proof.user_id)
    if user.proven_phone != proof.address or not user.is_active:
        raise ProofOver()
    user.set_password(password)
    user.save(update_fields=["password"])
    devices.end_all(user_id=user.pk)
    users.end_tokens(user_id=user.pk)
    messages.send(
        code="password_reset",
        recipient_ref=f"user:{user.pk}",
        addresses=[messages.Address(Channel.SMS, proof.address)],
        context={"help_line": settings.HELP_LINE},
        dedupe_key=f"password_reset:{proof.code_id}",
        as_of=as_of,
        language=user.language,
    )
    return user


def _user(phone: str) -> User | None:
    found = users.by_proven_phone(phone)
    return found if found and found.is_active else None


def _subject(phone: str) -> str:
    return f"phone:{phone}"
