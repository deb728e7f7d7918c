"""The limits on asking for codes: against guessing, against nuisance, and against SMS pumping.

A request for somebody who does not exist counts exactly as one for somebody who does, so that a refusal tells nothing.
Whoever knows a phone can use up its ten codes a day; its owner then logs in by password. That is accepted: the
alternative is that a stranger can make it ring all day.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from accounts import locks, rules
from accounts.models import CodeRequest
from core import limits
from core.errors import TooManyRequests

log = logging.getLogger(__name__)
KEPT_FOR = timedelta(days=30)


class TooManyCodes(TooManyRequests):
    code = "TOO_MANY_CODES"
    message = _("验证码获取太频繁，请稍后再试")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`target` is what the asker named, `phone` (E.164) who is behind it or "", `who` the user's ref or ""."""

    purpose: str
    target: str
    phone: str
    who: str = ""
    client_address: str | None = None  # None: not from the network

    @property
    def network(self) -> str | None:
        """Whom the address stands for: one caller has a whole /64 of IPv6."""
        return limits.network(self.client_address) if self.client_address else None


def check(request: Request, *, as_of: datetime) -> None:
    """Raises TooManyCodes when `spend` would; counts nothing."""
    _refuse_if_too_often(_count(request, as_of))


def spend(request: Request, *, as_of: datetime, is_known: bool = True) -> bool:
    """Counts the request; whether a message really goes out (if not, say the same). Raises TooManyCodes.

    `is_known` is False when the phone is one that we will not write to.
    """
    with transaction.atomic():
        locks.code_requests(request.target, request.network or "", request.who)
        asked = _count(request, as_of)
        _refuse_if_too_often(asked)
        is_sent = is_known and rules.may_send(asked, _limits(), phone=request.phone)
        CodeRequest.objects.create(
            purpose=request.purpose,
            target=request.target,
            phone=request.phone,
            who=request.who,
            client_address=request.network,
            is_sent=is_sent,
            at=as_of,
        )
    return is_sent


def _limits() -> rules.Limits:
    return rules.Limits(**settings.CODE_LIMITS)


def _refuse_if_too_often(asked: rules.Asked) -> None:
    reached = rules.too_often(asked, _limits())
    if reached == "sent_hour":  # the one limit that hits everybody: somebody must look
        log.error("hourly ceiling of codes reached", extra={"sent": asked.sent_hour})
    elif reached:
        log.warning("too many codes asked for", extra={"limit": reached})
    if reached:
        raise TooManyCodes()


def _count(request: Request, as_of: datetime) -> rules.Asked:
    """The ceiling is counted without a lock: requests of the same moment may overshoot it by their number."""
    minute, hour, day = (Q(at__gt=as_of - span) for span in (rules.MINUTE, rules.HOUR, rules.DAY))
    target = Q(target=request.target)
    phone = Q(phone=request.phone, is_sent=True) if request.phone else Q(pk=None)
    client = Q(client_address=request.network) if request.network else Q(pk=None)
    who = Q(who=request.who) if request.who else Q(pk=None)
    counts = CodeRequest.objects.filter(day, target | phone | client | who).aggregate(
        target_minute=Count("pk", filter=target & minute & Q(purpose=request.purpose)),
        target_day=Count("pk", filter=target),
        phone_day=Count("pk", filter=phone),
        client_hour=Count("pk", filter=client & hour),
        who_hour=Count("pk", filter=who & hour),
    )
    return rules.Asked(**counts, sent_hour=CodeRequest.objects.filter(hour, is_sent=True).count())


def forget_old(*, as_of: datetime) -> int:
    """Deletes requests that no limit counts any more and that no inquiry needs; how many."""
    return CodeRequest.objects.filter(at__lt=as_of - KEPT_FOR).delete()[0]
