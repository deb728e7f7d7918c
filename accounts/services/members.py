"""Who may do what on a billing account."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts import locks, rules
from accounts.events import MembershipEnded
from accounts.models import BillingAccount, Invitation, InvitationState, Membership, MembershipHistory
from accounts.services.accounts import refuse_closed
from core import outbox
from core.actor import Actor
from core.errors import Conflict, Forbidden, NotFound

MOST_ACCOUNTS = 50  # per user: more is somebody collecting
STAND_IN = "account:"  # how the user names of those begin who are no people, see accounts.services.stand_ins


class AlreadyBound(Conflict):
    code = "ALREADY_BOUND"
    message = _("这个户号已经绑定过了")


class TooManyAccounts(Conflict):
    code = "TOO_MANY_ACCOUNTS"
    message = _("绑定的户号太多，请先解除不用的户号")


class LastOwner(Conflict):
    code = "LAST_OWNER"
    message = _("您是这个户号唯一的户主，请先邀请另一位户主，或移除其他成员后再退出")


class OwnersStay(Conflict):
    code = "OWNERS_STAY"
    message = _("户主不能由他人移除或降级，只能自己退出；有争议请到营业厅办理")


class RoleNotOffered(Conflict):
    code = "ROLE_NOT_OFFERED"
    message = _("这类客户的户号没有这种身份")


@transaction.atomic
def bind(*, user_id: int, account_id: int, role: str, actor: Actor, as_of: datetime) -> Membership:
    """Makes the user a member in `role`, or raises his role to it.

    Raises AlreadyBound, TooManyAccounts, NotFound, AccountClosed.
    """
    account = locks.account(account_id)
    refuse_closed(account)
    membership = Membership.objects.filter(user_id=user_id, account=account).first()
    if membership and not rules.outranks(role, membership.role):
        raise AlreadyBound()
    if membership:
        membership.role = role
        membership.save(update_fields=["role"])
    else:
        _refuse_collectors(user_id)
        membership = Membership.objects.create(user_id=user_id, account=account, role=role, created_at=as_of)
    _record(membership, change="ADDED", actor=actor, as_of=as_of)
    return membership


@transaction.atomic
def leave(*, user_id: int, account_id: int, actor: Actor, as_of: datetime) -> Membership:
    """Ends the membership. Raises NotFound for who is none, LastOwner while people would stay without one."""
    account = locks.account(account_id)
    membership = _of(account, user_id)
    if is_last_owner(membership) and others(account.pk, besides=user_id):
        raise LastOwner()
    _end(membership, account, actor=actor, as_of=as_of)
    return membership


@transaction.atomic
def remove(*, user_id: int, account_id: int, by_id: int, actor: Actor, as_of: datetime) -> Membership:
    """`by_id` ends the membership of another one. Raises NotFound, OwnersStay, Forbidden for who may not."""
    account = locks.account(account_id)
    membership, by = _of(account, user_id), _of(account, by_id)
    _refuse_unless_above(by, membership)
    _end(membership, account, actor=actor, as_of=as_of)
    return membership


@transaction.atomic
def change_role(
    *, user_id: int, account_id: int, role: str, by_id: int, actor: Actor, as_of: datetime
) -> Membership:
    """Another member has `role` from now on. Raises NotFound, AlreadyBound, OwnersStay, RoleNotOffered, Forbidden."""
    account = locks.account(account_id)
    membership, by = _of(account, user_id), _of(account, by_id)
    _refuse_unless_above(by, membership)
    check_role(account, role)
    if membership.role == role:
        raise AlreadyBound()
    _publish_end(membership, account, as_of=as_of)
    _end_invitations(membership, actor=actor, as_of=as_of)
    membership.role = role
    membership.save(update_fields=["role"])
    _record(membership, change="CHANGED", actor=actor, as_of=as_of)
    return membership


@transaction.atomic
def end_all(*, user_id: int, actor: Actor, as_of: datetime) -> int:
    """The user belongs to no account any more, the last owner of one included: his login ends. How many he left."""
    account_ids = Membership.objects.filter(user_id=user_id).order_by("account_id")
    ended = 0
    for account_id in account_ids.values_list("account_id", flat=True):
        account = locks.account(account_id)
        _end(_of(account, user_id), account, actor=actor, as_of=as_of)
        ended += 1
    return ended


def check_role(account: BillingAccount, role: str) -> None:
    """Returns when accounts of this kind of customer have such members; raises RoleNotOffered."""
    if role not in rules.ROLES_OF_KIND[account.customer.kind]:
        raise RoleNotOffered()


def is_last_owner(membership: Membership) -> bool:
    """Whether nobody else owns the account."""
    owners = others(membership.account_id, besides=membership.user_id).filter(role=Membership.Role.OWNER)
    return membership.role == Membership.Role.OWNER and not owners.exists()


def others(account_id: int, *, besides: int) -> "QuerySet[Membership]":
    """The account's other people; who only stands in while staff serve (see stand_ins) is none."""
    found = Membership.objects.filter(account_id=account_id).exclude(user_id=besides)
    return found.exclude(user__username__startswith=STAND_IN)


def _of(account: BillingAccount, user_id: int) -> Membership:
    membership = Membership.objects.filter(account=account, user_id=user_id).first()
    if membership is None:
        raise NotFound()
    return membership


def _refuse_unless_above(by: Membership, other: Membership) -> None:
    if not rules.may(by.role, rules.Action.INVITE):
        raise Forbidden()
    if not rules.may_remove(by.role, other.role):
        raise OwnersStay()


def _end(membership: Membership, account: BillingAccount, *, actor: Actor, as_of: datetime) -> None:
    _record(membership, change="REMOVED", actor=actor, as_of=as_of)
    _end_invitations(membership, actor=actor, as_of=as_of)
    Membership.objects.filter(pk=membership.pk).delete()
    _publish_end(membership, account, as_of=as_of)


def _end_invitations(membership: Membership, *, actor: Actor, as_of: datetime) -> None:
    """What was promised to him before is over too: or he would be back, or more than now, by accepting it."""
    phone = membership.user.proven_phone
    if phone:
        pending = Invitation.objects.filter(
            account_id=membership.account_id, phone=phone, state=InvitationState.PENDING
        )
        pending.update(state=InvitationState.WITHDRAWN, ended_at=as_of, ended_by=actor.ref)


def _publish_end(membership: Membership, account: BillingAccount, *, as_of: datetime) -> None:
    event = MembershipEnded(
        account_number=account.number, user_id=membership.user_id, role=membership.role, at=as_of.isoformat()
    )
    outbox.publish(event, as_of=as_of)


def _refuse_collectors(user_id: int) -> None:
    """Two bindings at the same moment may both pass; one account more does no harm."""
    if Membership.objects.filter(user_id=user_id).count() >= MOST_ACCOUNTS:
        raise TooManyAccounts()


def _record(membership: Membership, *, change: str, actor: Actor, as_of: datetime) -> None:
    MembershipHistory.objects.create(
        account_id=membership.account_id,
        user_ref=f"user:{membership.user_id}",
        role=membership.role,
        change=change,
        actor=actor.ref,
        at=as_of,
    )
