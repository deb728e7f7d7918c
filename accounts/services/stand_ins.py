"""Users who stand for an account whose holder never logged in, while a member of staff serves him.

Nobody can log in as one: no phone, no password, not active. His user name holds a colon, which no typed one can. He is
a member of the account only as long as somebody is being served, so that lists of members show people alone.
"""

from datetime import datetime

from django.db import transaction

from accounts import locks
from accounts.models import BillingAccount, Membership, MembershipHistory, User
from accounts.services import members
from core.actor import Actor

_PREFIX = "account:"
_LONGEST_NAME = 60  # of a user's name


def is_one(user: User) -> bool:
    return user.username.startswith(_PREFIX)


def of_account(account: BillingAccount, *, as_of: datetime) -> User:
    """The account's stand-in, made when there is none yet."""
    user, is_new = User.objects.get_or_create(
        username=f"{_PREFIX}{account.number}",
        defaults={
            "name": account.customer.name[:_LONGEST_NAME],
            "is_active": False,
            "date_joined": as_of,
            "password": "!",  # what Django takes for no password at all
        },
    )
    return user


@transaction.atomic
def let_in(user: User, account_id: int, *, actor: Actor, as_of: datetime) -> None:
    """The stand-in may do on his account what its owner may."""
    locks.hold(account_id)
    if not Membership.objects.filter(user=user, account_id=account_id).exists():
        members.bind(
            user_id=user.pk, account_id=account_id, role=Membership.Role.OWNER, actor=actor, as_of=as_of
        )


@transaction.atomic
def let_out(user: User, account_id: int, *, actor: Actor, as_of: datetime) -> None:
    """He may no longer; twice is once."""
    locks.hold(account_id)
    if not Membership.objects.filter(user=user, account_id=account_id).delete()[0]:
        return
    MembershipHistory.objects.create(
        account_id=account_id,
        user_ref=f"user:{user.pk}",
        role=Membership.Role.OWNER,
        change="REMOVED",
        actor=actor.ref,
        at=as_of,
    )
