"""Who shares which account, who is invited, and how to reach its people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts import addresses, names, phones, references, rules
from accounts.models import BillingAccount, Contact, Invitation, InvitationState, Membership
from accounts.rules import Action
from accounts.selectors import accounts
from accounts.services import members
from core.errors import NotFound
from core.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Person:
    """A member as the others see him."""

    membership: Membership
    is_self: bool
    may_be_removed: bool

    @property
    def reference(self) -> str:
        return references.of(self.membership)

    @property
    def name(self) -> str:
        user = self.membership.user
        return user.name if self.is_self else names.masked(user.name)

    @property
    def phone(self) -> str:
        return phones.mask(self.membership.user.proven_phone or "")


@dataclass(frozen=True, slots=True)
class Reachable:
    """A contact as who may see it sees it: masked, with what may be done to it."""

    contact: Contact
    is_kept: bool

    @property
    def reference(self) -> str:
        return references.of(self.contact)

    @property
    def shown(self) -> str:
        return addresses.mask(self.contact.value)


@dataclass(frozen=True, slots=True)
class Shared:
    """One account as one of its members sees it. What his role may not see is empty."""

    membership: Membership
    people: Sequence[Person]
    invitations: Sequence[Invitation]
    contacts: Sequence[Reachable]

    @property
    def account(self) -> BillingAccount:
        return self.membership.account

    def may(self, action: Action) -> bool:
        return rules.may(self.membership.role, action)

    @property
    def may_invite(self) -> bool:
        return self.may(Action.INVITE) and not self.account.is_closed

    @property
    def sees_members(self) -> bool:
        return self.may(Action.SEE_MEMBERS)

    @property
    def sees_contacts(self) -> bool:
        return self.may(Action.SEE_CONTACTS)

    @property
    def changes_contacts(self) -> bool:
        return self.may(Action.CHANGE_CONTACTS)

    @property
    def may_do(self) -> list[Action]:
        """What his role may do, in the order of the table."""
        return [action for action in Action if self.may(action)]


def shared(user: Any, number: str, *, as_of: datetime) -> Shared:
    """The account for this member; NotFound for a stranger's. Five queries at most."""
    rows = Membership.objects.filter(user_id=user.pk, account__number=number)
    membership = rows.select_related("account__customer", "user").first()
    if membership is None:
        raise NotFound()
    return Shared(
        membership=membership,
        people=_people(membership) if rules.may(membership.role, Action.SEE_MEMBERS) else (),
        invitations=_waiting(membership, as_of) if rules.may(membership.role, Action.INVITE) else (),
        contacts=_contacts(membership.account) if rules.may(membership.role, Action.SEE_CONTACTS) else (),
    )


def invitations_to(user: Any, *, as_of: datetime) -> "QuerySet[Invitation]":
    """What this user may accept: invitations to the phone that he has proven."""
    phone = getattr(user, "proven_phone", None)
    if not phone:
        return Invitation.objects.none()
    found = _invitations(phone=phone, as_of=as_of)
    return found.select_related("account__customer", "invited_by").order_by("id")


INVITED = Prepared(lambda phone, now: _invitations(phone=phone, as_of=now), phone=str, now=datetime)


def is_invited(user: Any, *, as_of: datetime) -> bool:
    """Whether there is an invitation that this user may accept."""
    phone = getattr(user, "proven_phone", None)
    return bool(phone) and INVITED.exists(phone=phone, now=as_of)


def _invitations(*, phone: str, as_of: datetime) -> "QuerySet[Invitation]":
    return Invitation.objects.filter(phone=phone, state=InvitationState.PENDING, expires_at__gt=as_of)


def invitations_by(user: Any, *, as_of: datetime) -> "QuerySet[Invitation]":
    """The open invitations to accounts where this user may take them back."""
    mine = accounts.where(user, Action.INVITE).order_by().values("pk")
    found = Invitation.objects.filter(account__in=mine, state=InvitationState.PENDING, expires_at__gt=as_of)
    return found.select_related("account").order_by("id")


def removable_by(user: Any) -> list[Membership]:
    """The members whom this user may remove or give another role."""
    mine = accounts.where(user, Action.INVITE).order_by().values("pk")
    found = Membership.objects.filter(account__in=mine).exclude(user_id=user.pk)
    people = found.exclude(user__username__startswith=members.STAND_IN)
    rows = people.select_related("user", "account__customer").order_by("account__number", "id")
    return [row for row in rows if rules.may_remove(Membership.Role.OWNER, row.role)]


def contacts_for(user: Any) -> list[Contact]:
    """The contacts that this user may change."""
    mine = accounts.where(user, Action.CHANGE_CONTACTS).order_by().values("pk")
    found = Contact.objects.filter(account__in=mine).select_related("account")
    return list(found.order_by("account__number", "kind", "-is_primary", "id"))


def _people(seen_by: Membership) -> list[Person]:
    rows = members.others(seen_by.account_id, besides=seen_by.user_id).select_related("user").order_by("id")
    return [Person(seen_by, is_self=True, may_be_removed=False)] + [
        Person(row, is_self=False, may_be_removed=rules.may_remove(seen_by.role, row.role)) for row in rows
    ]


def _waiting(seen_by: Membership, as_of: datetime) -> list[Invitation]:
    pending = Invitation.objects.filter(account_id=seen_by.account_id, state=InvitationState.PENDING)
    return list(pending.filter(expires_at__gt=as_of).order_by("id"))


def _contacts(account: BillingAccount) -> list[Reachable]:
    rows = list(Contact.objects.filter(account=account).order_by("kind", "-is_primary", "id"))
    verified = [row for row in rows if row.verified_at]
    return [Reachable(row, is_kept=_is_kept(account, row, rows, verified)) for row in rows]


def _is_kept(
    account: BillingAccount, row: Contact, rows: Sequence[Contact], verified: Sequence[Contact]
) -> bool:
    """As contacts.is_kept, without a query for each."""
    if account.is_closed:
        return False
    return len(verified) == 1 if row.verified_at else len(rows) == 1
