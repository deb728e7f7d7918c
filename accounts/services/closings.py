"""Closing a login (注销): seven days to think it over, then the user's data are made anonymous.

What the law and the contract keep stays: bills, receipts, ledgers, slips, the customer's record. What is his own goes.
"""

import logging
import secrets
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import locks, personal_data
from accounts.models import (
    CLOSING_MACHINE,
    ClosingState,
    CodeRequest,
    Contact,
    LoginClosing,
    Membership,
    User,
    VerificationCode,
)
from accounts.personal_data import Obstacle
from accounts.services import consents, contacts, data_exports, devices, invitations, members
from core import joined
from core.actor import Actor
from core.errors import Conflict
from notices.models import Channel
from notices.services import messages

log = logging.getLogger(__name__)
COOLING_OFF = timedelta(days=7)
_S = ClosingState


class CannotClose(Conflict):
    """`obstacles` names each of them."""

    code = "CANNOT_CLOSE_LOGIN"
    message = _("现在不能注销：%(why)s")

    def __init__(self, *, obstacles: list[Obstacle]) -> None:
        super().__init__(why=joined.clauses_lazy([found.text for found in obstacles]))
        self.obstacles = obstacles


class ClosingUnderWay(Conflict):
    code = "CLOSING_UNDER_WAY"
    message = _("已经申请注销，正在冷静期内")


class StaffStay(Conflict):
    code = "STAFF_LOGIN"
    message = _("员工账户由管理员停用，不能在这里注销")


@transaction.atomic
def request(*, user_id: int, actor: Actor, as_of: datetime) -> LoginClosing:
    """The login ends in seven days; until then logging in takes the wish back. All sessions and tokens end now.

    Raises CannotClose (with every obstacle named), ClosingUnderWay, StaffStay.
    """
    user = locks.user(user_id)
    check(user, as_of=as_of)
    row = LoginClosing.objects.create(
        reference=secrets.token_hex(8), user=user, requested_at=as_of, due_at=as_of + COOLING_OFF
    )
    devices.end_all(user_id=user_id)
    _tell("login_closing", user, row, as_of=as_of)
    return row


def check(user: User, *, as_of: datetime) -> None:
    """Raises what `request` would raise."""
    if user.is_staff:
        raise StaffStay()
    if pending(user.pk):
        raise ClosingUnderWay()
    if found := personal_data.obstacles(user, as_of=as_of):
        raise CannotClose(obstacles=found)


def pending(user_id: int) -> LoginClosing | None:
    return LoginClosing.objects.filter(user_id=user_id, state=_S.PENDING).first()


@transaction.atomic
def withdraw(*, user_id: int, actor: Actor, as_of: datetime) -> bool:
    """The user changed his mind; False when there was nothing to take back."""
    locks.user(user_id)
    row = pending(user_id)
    if row is None:
        return False
    _move(row, _S.WITHDRAWN, reason="withdrawn", actor=actor, as_of=as_of)
    return True


def due(*, as_of: datetime, limit: int = 200) -> list[LoginClosing]:
    """Those whose days are over."""
    rows = LoginClosing.objects.filter(state=_S.PENDING, due_at__lte=as_of)
    return list(rows.order_by("due_at", "pk")[:limit])


@transaction.atomic
def carry_out(row: LoginClosing, *, actor: Actor, as_of: datetime) -> ClosingState:
    """Makes the user anonymous; or BLOCKED, and he is told, when something has come up meanwhile."""
    accounts = Membership.objects.filter(user_id=row.user_id).order_by("account_id")
    for account_id in accounts.values_list("account_id", flat=True):
        locks.hold(account_id)  # before the user, as everywhere; nothing is billed or paid in between
    user = locks.user(row.user_id)
    row.refresh_from_db()
    if row.state != _S.PENDING:
        return ClosingState(row.state)
    if found := personal_data.obstacles(user, as_of=as_of):
        _move(row, _S.BLOCKED, reason=" ".join(each.code for each in found), actor=actor, as_of=as_of)
        _tell("login_closing_blocked", user, row, as_of=as_of)
        return _S.BLOCKED
    _tell("login_closed", user, row, as_of=as_of)
    _forget(user, actor=actor, as_of=as_of)
    _move(row, _S.DONE, reason="done", actor=actor, as_of=as_of)
    return _S.DONE


def kept_contacts(user: User) -> list[str]:
    """The accounts whose only contact is this user's phone: the contract keeps it. By number."""
    found = Contact.objects.filter(value=user.proven_phone or "", account__memberships__user=user)
    rows = found.select_related("account").order_by("account__number")
    return [contact.account.number for contact in rows if contacts.is_kept(contact)]


def _forget(user: User, *, actor: Actor, as_of: datetime) -> None:
    """Everything that is his own: what he told, where he can be reached, how he logs in."""
    phone = user.phone or ""
    _forget_contacts(user, as_of=as_of)
    members.end_all(user_id=user.pk, actor=actor, as_of=as_of)
    consents.withdraw_all(user_id=user.pk, how=consents.How(actor=actor, channel="BATCH"), as_of=as_of)
    data_exports.purge(user_id=user.pk, as_of=as_of)
    devices.end_all(user_id=user.pk)
    Authenticator.objects.filter(user=user).delete()
    CodeRequest.objects.filter(who=f"user:{user.pk}").delete()
    if phone:
        invitations.forget_phone(phone=phone, actor=actor, as_of=as_of)
        CodeRequest.objects.filter(phone=phone).delete()
        VerificationCode.objects.filter(address=phone).delete()
    user.username, user.name, user.first_name, user.last_name = f"closed-{secrets.token_hex(8)}", "", "", ""
    user.phone, user.phone_verified_at, user.email, user.is_active = None, None, "", False
    user.set_unusable_password()
    user.save()


def _forget_contacts(user: User, *, as_of: datetime) -> None:
    mine = [value for value in (user.proven_phone, user.email) if value]
    rows = Membership.objects.filter(user=user).order_by("account_id")
    for account_id in rows.values_list("account_id", flat=True):
        contacts.forget(account_id=account_id, values=mine, as_of=as_of)


def _move(row: LoginClosing, to: ClosingState, *, reason: str, actor: Actor, as_of: datetime) -> None:
    CLOSING_MACHINE.check(row.state, to)
    row.state, row.ended_at, row.ended_by, row.reason = to, as_of, actor.ref, reason[:200]
    row.save(update_fields=["state", "ended_at", "ended_by", "reason"])


def _tell(code: str, user: User, row: LoginClosing, *, as_of: datetime) -> None:
    if not user.proven_phone:
        return
    messages.send(
        code=code,
        recipient_ref=f"user:{user.pk}",
        addresses=[messages.Address(Channel.SMS, user.proven_phone)],
        context={"days": str(COOLING_OFF.days)} if code == "login_closing" else {},
        dedupe_key=f"{code}:{row.reference}",
        as_of=as_of,
        language=user.language,
    )
