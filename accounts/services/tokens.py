"""Tokens for the open interface: made with a name, an end and scopes; told to their owner; ended."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken, get_digest_token
from knox.settings import CONSTANTS, knox_settings

from accounts import locks
from accounts.models import ApiToken, User
from core.clock import local_date
from core.errors import Conflict, HallError, NotFound
from notices.models import Channel
from notices.services import messages


class TooManyTokens(Conflict):
    code = "TOO_MANY_TOKENS"
    message = _("令牌数量已达上限，请先停用不用的令牌")


class BadToken(HallError):
    code = "BAD_TOKEN"
    message = _("请给令牌起名，至少选一项权限，并选择有效期")
    status = 422


@dataclass(frozen=True, slots=True)
class Made:
    """`secret` is the token itself: shown once, and kept nowhere."""

    details: ApiToken
    secret: str = field(repr=False)


@transaction.atomic
def make(*, user_id: int, name: str, scopes: Iterable[str], days: int, as_of: datetime) -> Made:
    """A token that works for so many days. Its owner is told by SMS. Raises TooManyTokens, BadToken."""
    user, wanted = locks.user(user_id), sorted(set(scopes))
    if not name.strip() or not wanted or days not in settings.API_TOKEN_DAYS:
        raise BadToken()
    alive = AuthToken.objects.filter(user=user, expiry__gt=as_of).count()
    if alive >= knox_settings.TOKEN_LIMIT_PER_USER:
        raise TooManyTokens()
    digest, secret = get_digest_token(knox_settings.TOKEN_PREFIX)
    key = secret[: CONSTANTS.TOKEN_KEY_LENGTH]
    row = AuthToken(digest=digest, token_key=key, user=user, expiry=as_of + timedelta(days=days))
    row.save(force_insert=True)
    made = ApiToken.objects.create(token=row, name=name.strip(), scopes=wanted)
    _tell(user, made, as_of)
    return Made(made, secret)


def _tell(user: User, made: ApiToken, as_of: datetime) -> None:
    if not user.proven_phone:
        return
    messages.send(
        code="api_token_made",
        recipient_ref=f"user:{user.pk}",
        addresses=[messages.Address(Channel.SMS, user.proven_phone)],
        context={"name": made.name, "until": f"{local_date(made.token.expiry):%Y-%m-%d}"},
        dedupe_key=f"api_token:{made.pk[:32]}",
        as_of=as_of,
        language=user.language,
    )


def end(*, user_id: int, token_key: str) -> None:
    """The token is worth nothing from now on. Raises NotFound, for a stranger's too."""
    if not AuthToken.objects.filter(user_id=user_id, token_key=token_key).delete()[0]:
        raise NotFound()


def used(details: ApiToken, *, on: date) -> None:
    """Notes the day of use: one write a day."""
    if details.last_used_on != on:
        ApiToken.objects.filter(pk=details.pk).update(last_used_on=on)
