"""Decisions of this room: no database, no clock, no settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from accounts.models import Customer, Membership

_ROLES = (Membership.Role.VIEWER, Membership.Role.HANDLER, Membership.Role.PAYER, Membership.Role.OWNER)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Action(StrEnum):
    """What a member may or may not do on a billing account."""

    SEE_BILLS = "see_bills"  # bills, payments, receipts, refunds, the balance and its ledger; lists of them
    PAY = "pay"  # bills, and money ahead of them
    DISPUTE = "dispute"
    MAIL_BILLS = "mail_bills"  # say where bills go by e-mail
    ASK_REFUND = "ask_refund"
    MOVE_CREDIT = "move_credit"  # say what the credit does by itself, and sign with the bank
    ORDER = "order"  # have services added, changed or ended
    SEE_MEMBERS = "see_members"
    INVITE = "invite"  # and take back, give another role, remove
    SEE_CONTACTS = "see_contacts"
    CHANGE_CONTACTS = "change_contacts"  # the address for letters, too


_A = Action
_SEES = frozenset({_A.SEE_BILLS})
_PAYS = _SEES | {_A.PAY, _A.DISPUTE}
# Not the contacts: whoever reads the contact phone's codes owns the account (role_of_binder).
_HANDLES = _PAYS | {_A.MAIL_BILLS, _A.ORDER, _A.SEE_MEMBERS, _A.SEE_CONTACTS}
# The one place that says what each role may. Leaving is everybody's own right, and stands in no table.
MAY: Mapping[str, frozenset[Action]] = {
    Membership.Role.OWNER: frozenset(Action),
    Membership.Role.HANDLER: _HANDLES,
    Membership.Role.PAYER: _PAYS,
    Membership.Role.VIEWER: _SEES,
}
# Which roles there are in a customer's accounts. Only a firm has people who handle its business without owning it.
_PEOPLE = (Membership.Role.OWNER, Membership.Role.PAYER, Membership.Role.VIEWER)
ROLES_OF_KIND: Mapping[str, tuple[Membership.Role, ...]] = {
    Customer.Kind.PERSONAL: _PEOPLE,
    Customer.Kind.FAMILY: _PEOPLE,
    Customer.Kind.ENTERPRISE: (
        Membership.Role.OWNER,
        Membership.Role.HANDLER,
        Membership.Role.PAYER,
        Membership.Role.VIEWER,
    ),
}
MOST_MEMBERS: Mapping[str, int] = {  # people who may share one account
    Customer.Kind.PERSONAL: 5,
    Customer.Kind.FAMILY: 10,
    Customer.Kind.ENTERPRISE: 50,
}


def may(role: str, action: Action) -> bool:
    """Whether a member in this role may do it; a role that nobody knows may nothing."""
    return action in MAY.get(role, frozenset())


def roles_for(action: Action) -> list[str]:
    """The roles that may do it."""
    return [str(role) for role, allowed in MAY.items() if action in allowed]


def may_remove(role: str, other: str) -> bool:
    """Whether a member in `role` may end the membership of one in `other`: nobody throws an owner out."""
    return may(role, Action.INVITE) and other != Membership.Role.OWNER


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
