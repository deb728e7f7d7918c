"""Inviting people to a billing account by their phone.

Nobody learns from an invitation whether somebody has the phone: it is the same for every number, and counts only once
somebody has proven it. `reference` is its public number.
"""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts import locks, names, phones, rules
from accounts.models import INVITATION_MACHINE, BillingAccount, Invitation, InvitationState, Membership, User
from accounts.rules import Action
from accounts.services import members
from accounts.services.accounts import refuse_closed
from core.actor import Actor
from core.errors import Conflict, Forbidden, NotFound, TooManyRequests
from notices.models import Channel
from notices.services import messages

LIFETIME = timedelta(days=7)
MOST_A_DAY = 20  # by one user: each is a message to somebody who did not ask for it
MOST_TO_A_PHONE = 5  # a day, from whomever
_S = InvitationState


class AlreadyInvited(Conflict):
    code = "ALREADY_INVITED"
    message = _("已经邀请过这个手机号，正在等待对方接受")


class TooManyInvitations(TooManyRequests):
    code = "TOO_MANY_INVITATIONS"
    message = _("邀请太频繁，请明天再试")


class TooManyMembers(Conflict):
    code = "TOO_MANY_MEMBERS"
    message = _("这个户号最多 %(most)s 位成员，请先移除不再使用的成员")


class InvitationOver(Conflict):
    code = "INVITATION_OVER"
    message = _("这个邀请已经失效，请让户主重新邀请")


@transaction.atomic
def invite(
    *, account_id: int, phone: str, role: str, invited_by: User, actor: Actor, as_of: datetime
) -> Invitation:
    """A pending invitation, and a message to the phone (E.164). It ends by itself after seven days.

    Raises Forbidden, AccountClosed, RoleNotOffered, AlreadyInvited, AlreadyBound (the owner sees his members anyway),
    TooManyMembers, TooManyInvitations.
    """
    account = locks.account(account_id)
    check(account=account, phone=phone, role=role, invited_by=invited_by, as_of=as_of)
    _end_late(account, as_of=as_of)
    row = Invitation.objects.create(
        reference=secrets.token_hex(8),
        account=account,
        phone=phone,
        role=role,
        invited_by=invited_by,
        created_at=as_of,
        expires_at=as_of + LIFETIME,
    )
    if _sent_to(phone, as_of) <= MOST_TO_A_PHONE:  # beyond it he still finds it here; nobody is told so
        _tell(row, invited_by, as_of)
    return row


def check(*, account: BillingAccount, phone: str, role: str, invited_by: User, as_of: datetime) -> None:
    """Raises what `invite` would raise."""
    _check_right(account, invited_by)
    refuse_closed(account)
    members.check_role(account, role)
    if _open(account, as_of).filter(phone=phone).exists():
        raise AlreadyInvited()
    known = Membership.objects.filter(
        account=account, user__phone=phone, user__phone_verified_at__isnull=False
    )
    if known.exists():
        raise members.AlreadyBound()
    _check_room(account, as_of)
    made = Invitation.objects.filter(invited_by=invited_by, created_at__gt=as_of - rules.DAY)
    if made.count() >= MOST_A_DAY:
        raise TooManyInvitations()


def _open(account: BillingAccount, as_of: datetime) -> "QuerySet[Invitation]":
    return Invitation.objects.filter(account=account, state=_S.PENDING, expires_at__gt=as_of)


def _check_room(account: BillingAccount, as_of: datetime) -> None:
    most = rules.MOST_MEMBERS[account.customer.kind]
    if members.others(account.pk, besides=0).count() + _open(account, as_of).count() >= most:
        raise TooManyMembers(most=most)


@transaction.atomic
def accept(*, reference: str, user: User, actor: Actor, as_of: datetime) -> Membership:
    """The user has the role. Raises NotFound for whoever has not proven the phone, InvitationOver, and as `bind`."""
    row = _locked(reference)
    if not _is_for(row, user):
        raise NotFound()
    if not row.is_open(as_of) or not _stands(row):
        raise InvitationOver()
    membership = members.bind(
        user_id=user.pk, account_id=row.account_id, role=row.role, actor=actor, as_of=as_of
    )
    _move(row, _S.ACCEPTED, actor=actor, as_of=as_of)
    return membership


@transaction.atomic
def decline(*, reference: str, user: User, actor: Actor, as_of: datetime) -> Invitation:
    """Raises NotFound for whoever has not proven the phone, InvitationOver."""
    row = _locked(reference)
    if not _is_for(row, user):
        raise NotFound()
    if not row.is_open(as_of):
        raise InvitationOver()
    _move(row, _S.DECLINED, actor=actor, as_of=as_of)
    return row


@transaction.atomic
def withdraw(*, reference: str, user: User, actor: Actor, as_of: datetime) -> Invitation:
    """Whoever may invite takes it back. Raises NotFound for all others, InvitationOver."""
    row = _locked(reference)
    try:
        _check_right(row.account, user)
    except Forbidden:
        raise NotFound() from None
    if row.state != _S.PENDING:
        raise InvitationOver()
    _move(row, _S.WITHDRAWN, actor=actor, as_of=as_of)
    return row


def end_late(*, actor: Actor, as_of: datetime) -> int:
    """Ends what nobody accepted in time; how many."""
    late = Invitation.objects.filter(state=_S.PENDING, expires_at__lte=as_of)
    return late.update(state=_S.EXPIRED, ended_at=as_of, ended_by=actor.ref)


def forget_phone(*, phone: str, actor: Actor, as_of: datetime) -> None:
    """The phone stands in no invitation any more; those that were pending are over."""
    rows = Invitation.objects.filter(phone=phone)
    rows.filter(state=_S.PENDING).update(state=_S.DECLINED, ended_at=as_of, ended_by=actor.ref)
    rows.update(phone="")


def _locked(reference: str) -> Invitation:
    """The account first, as everywhere; then the invitation as it is now."""
    found = Invitation.objects.filter(reference=reference).first()
    if found is None:
        raise NotFound()
    locks.hold(found.account_id)
    return Invitation.objects.select_related("account__customer", "invited_by").get(pk=found.pk)


def _is_for(row: Invitation, user: User) -> bool:
    return bool(row.phone) and row.phone == user.proven_phone


def _stands(row: Invitation) -> bool:
    """Whether who invited may still do so: an owner who was one no more invites nobody."""
    roles = rules.roles_for(Action.INVITE)
    return Membership.objects.filter(
        account_id=row.account_id, user_id=row.invited_by_id, role__in=roles
    ).exists()


def _check_right(account: BillingAccount, user: User) -> None:
    roles = rules.roles_for(Action.INVITE)
    if not Membership.objects.filter(account=account, user=user, role__in=roles).exists():
        raise Forbidden()


def _move(row: Invitation, to: InvitationState, *, actor: Actor, as_of: datetime) -> None:
    INVITATION_MACHINE.check(row.state, to)
    row.state, row.ended_at, row.ended_by = to, as_of, actor.ref
    row.save(update_fields=["state", "ended_at", "ended_by"])


def _end_late(account: BillingAccount, *, as_of: datetime) -> None:
    """What has run out stands in nobody's way, whether or not the nightly job has been here."""
    late = Invitation.objects.filter(account=account, state=_S.PENDING, expires_at__lte=as_of)
    late.update(state=_S.EXPIRED, ended_at=as_of, ended_by=Actor.job("accounts.invitations").ref)


def _sent_to(phone: str, as_of: datetime) -> int:
    return Invitation.objects.filter(phone=phone, created_at__gt=as_of - rules.DAY).count()


def _tell(row: Invitation, invited_by: User, as_of: datetime) -> None:
    messages.send(
        code="member_invited",
        recipient_ref=f"invitation:{row.reference}",
        addresses=[messages.Address(Channel.SMS, row.phone)],
        context={
            "inviter": names.masked(invited_by.name) or phones.mask(invited_by.proven_phone or "") or "-",
            "account_tail": row.account.number[-4:],
            "url": settings.BASE_URL,
            "days": str(LIFETIME.days),
        },
        dedupe_key=f"member_invited:{row.reference}",
        as_of=as_of,
    )
