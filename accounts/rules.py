"""Decisions of this room: no database, no clock, no settings."""

from dataclasses import dataclass
from datetime import timedelta

from accounts.models import Membership

_ROLES = (Membership.Role.VIEWER, Membership.Role.HANDLER, Membership.Role.PAYER, Membership.Role.OWNER)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def role_of_binder(*, proven_phone: str | None, contact_phone: str) -> Membership.Role:
    """Who can read the contact phone's messages on his own proven phone owns the account.

    Anybody else was told the code by its owner: he may see and pay, no more.
    """
    return Membership.Role.OWNER if proven_phone == contact_phone else Membership.Role.PAYER


def outranks(role: str, other: str) -> bool:
    """Whether `role` may do more than `other`."""
    ranks = [member.value for member in _ROLES]
    return ranks.index(role) > ranks.index(other)


@dataclass(frozen=True, slots=True)
class Asked:
    """How often a code was asked for: counts before the present request."""

    target_minute: int  # for the same purpose and target
    target_day: int
    phone_day: int  # messages that really went to the phone
    client_hour: int
    who_hour: int
    sent_hour: int  # messages to everybody


@dataclass(frozen=True, slots=True)
class Limits:
    target_minute: int
    target_day: int
    phone_day: int
    client_hour: int
    who_hour: int
    sent_hour: int


def too_often(asked: Asked, limits: Limits) -> str:
    """The name of the first limit that one more request would break; "" when there is none.

    The day's limit of the phone is not among them: it would tell which phone is behind a target (see may_send).
    """
    names = ("sent_hour", "client_hour", "who_hour", "target_minute", "target_day")
    return next((name for name in names if getattr(asked, name) >= getattr(limits, name)), "")


def may_send(asked: Asked, limits: Limits, *, phone: str) -> bool:
    """Whether a message really goes out: there is a phone, and it has not had enough today."""
    return bool(phone) and asked.phone_day < limits.phone_day
