"""Who logs in."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken

from accounts import locks, names, phones
from accounts.models import User
from core.errors import Conflict, HallError
from notices.models import Channel
from notices.services import messages

ABANDONED_AFTER = timedelta(days=1)


class PhoneTaken(Conflict):
    code = "PHONE_TAKEN"
    message = _("这个手机号已被其他用户使用")


class UnknownLanguage(HallError):
    code = "UNKNOWN_LANGUAGE"
    message = _("没有这种语言")


@transaction.atomic
def create(*, phone: str, as_of: datetime, name: str = "", password: str | None = None) -> User:
    """A customer's user whose phone counts as proven: for demos and staff; customers sign up by code themselves.

    Raises BadPhone, BadName, PhoneTaken. Without a password he logs in by code.
    """
    user = User(
        username=f"u{secrets.token_hex(8)}", name=names.clean(name) if name else "", date_joined=as_of
    )
    user.set_password(password)  # None: no password fits
    user.save(force_insert=True)
    prove_phone(user=user, phone=phones.normalise(phone), as_of=as_of)
    return user


def by_proven_phone(phone: str) -> User | None:
    """The one user who has proven this E.164 number."""
    return User.objects.filter(phone=phone, phone_verified_at__isnull=False).first()


def claim_phone(*, user: User, phone: str, as_of: datetime) -> None:
    """Notes a number that the user says is his. Several may say so; it counts for nothing until it is proven."""
    user.phone, user.phone_verified_at = phone, None
    user.save(update_fields=["phone", "phone_verified_at"])


@transaction.atomic
def prove_phone(*, user: User, phone: str, as_of: datetime) -> None:
    """The user has read a code on this number: it is his, others' claims on it end. Raises PhoneTaken.

    The number that was his before is told.
    """
    others = [each for each in locks.claimants(phone=phone, user_id=user.pk) if each.pk != user.pk]
    if any(other.proven_phone == phone for other in others):
        raise PhoneTaken()
    User.objects.filter(pk__in=[other.pk for other in others]).update(phone=None)
    if user.proven_phone == phone:
        return
    before = user.proven_phone
    user.phone, user.phone_verified_at = phone, as_of
    try:
        with transaction.atomic():
            user.save(update_fields=["phone", "phone_verified_at"])
    except IntegrityError as error:  # proven by another at this moment, who had not claimed it before
        raise PhoneTaken() from error
    if before:
        _tell_phone_before(user, before, as_of)


def _tell_phone_before(user: User, before: str, as_of: datetime) -> None:
    """Whoever took the login over cannot keep it from its owner."""
    messages.send(
        code="phone_changed",
        recipient_ref=f"user:{user.pk}",
        addresses=[messages.Address(Channel.SMS, before)],
        context={"phone": phones.mask(user.phone or ""), "help_line": settings.HELP_LINE},
        dedupe_key=f"phone_changed:{user.pk}:{as_of.isoformat()}",
        as_of=as_of,
        language=user.language,
    )


def end_tokens(*, user_id: int) -> int:
    """Ends all the user's tokens for the API; how many."""
    ended: int = AuthToken.objects.filter(user_id=user_id).delete()[0]
    return ended


def update_profile(*, user_id: int, name: str, language: str) -> User:
    """Sets how the user is addressed; an empty name is none. Raises BadName, UnknownLanguage."""
    _check_language(language)
    user = User.objects.get(pk=user_id)
    user.name, user.language = names.clean(name) if name.strip() else "", language
    user.save(update_fields=["name", "language"])
    return user


def choose_language(*, user_id: int, language: str) -> None:
    """In which language messages to the user are written from now on. Raises UnknownLanguage."""
    _check_language(language)
    User.objects.filter(pk=user_id).update(language=language)


def _check_language(language: str) -> None:
    if language not in dict(settings.LANGUAGES):
        raise UnknownLanguage()


def forget_abandoned(*, as_of: datetime) -> int:
    """Deletes sign-ups whose phone was never proven; how many users."""
    abandoned = User.objects.filter(
        phone_verified_at=None,
        last_login=None,
        is_staff=False,
        memberships=None,
        phone__isnull=False,
        date_joined__lt=as_of - ABANDONED_AFTER,
    )
    return abandoned.delete()[1].get("accounts.User", 0)
