"""Who may do what on a billing account."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import locks, rules
from accounts.models import Membership, MembershipHistory
from core.actor import Actor
from core.errors import Conflict

MOST_ACCOUNTS = 50  # per user: more is somebody collecting


class AlreadyBound(Conflict):
    code = "ALREADY_BOUND"
    message = _("这个户号已经绑定过了")


class TooManyAccounts(Conflict):
    code = "TOO_MANY_ACCOUNTS"
    message = _("绑定的户号太多，请先解除不用的户号")


@transaction.atomic
def bind(*, user_id: int, account_id: int, role: str, actor: Actor, as_of: datetime) -> Membership:
    """Makes the user a member in `role`, or raises his role to it. Raises AlreadyBound, TooManyAccounts, NotFound."""
    account = locks.account(account_id)
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
