"""Families and groups, as their payers and members see them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from accounts.models import BillingAccount
from accounts.rules import Action
from accounts.selectors import accounts
from catalog.holdings.families import Family, FamilyInvitation, FamilyMember, InvitationState
from catalog.holdings.models import Subscription, SubscriptionState


@dataclass(frozen=True, slots=True)
class Headed:
    """An account that holds something to share: with its family, when somebody was invited already."""

    account: BillingAccount
    subscription: Subscription
    members: tuple[FamilyMember, ...]
    invitations: tuple[FamilyInvitation, ...]

    @property
    def most(self) -> int:
        return self.subscription.offer.family_limit

    @property
    def free(self) -> int:
        """How many more may be invited."""
        staying = sum(member.active_to is None for member in self.members)
        return max(0, self.most - staying - len(self.invitations))


def headed_by(user: Any, *, as_of: datetime, today: date) -> list[Headed]:
    """The accounts for which this user may order, with what they share."""
    offers = Subscription.objects.filter(
        account__in=accounts.where(user, Action.ORDER),
        state=SubscriptionState.ACTIVE,
        offer__family_limit__gt=0,
    )
    rows = offers.select_related("account", "offer").order_by("account__number", "pk")
    return [_headed(row, as_of=as_of, today=today) for row in rows]


def payers_of(user: Any) -> "QuerySet[BillingAccount]":
    """The accounts for which this user may invite others."""
    held = Subscription.objects.filter(state=SubscriptionState.ACTIVE, offer__family_limit__gt=0)
    return accounts.where(user, Action.ORDER).filter(pk__in=held.values("account_id"))


def memberships_of(user: Any, *, today: date) -> "QuerySet[FamilyMember]":
    """Where the user's own accounts belong to somebody else's family, now or soon."""
    owned = accounts.where(user, Action.INVITE)
    return _lasting(FamilyMember.objects.filter(account__in=owned), today)


def leaving_by(user: Any, *, today: date) -> "QuerySet[FamilyMember]":
    """Those of them whose end has not been said yet."""
    return memberships_of(user, today=today).filter(active_to=None)


def removable_by(user: Any, *, today: date) -> "QuerySet[FamilyMember]":
    """The members of the families for which this user may order, whose end has not been said yet."""
    rows = FamilyMember.objects.filter(family__payer__in=accounts.where(user, Action.ORDER), active_to=None)
    return _lasting(rows, today)


def invitations_to(user: Any, *, as_of: datetime) -> "QuerySet[FamilyInvitation]":
    """What the user's own accounts are asked."""
    owned = accounts.where(user, Action.INVITE)
    return _open(FamilyInvitation.objects.filter(account__in=owned), as_of)


def invitations_by(user: Any, *, as_of: datetime) -> "QuerySet[FamilyInvitation]":
    """What the families for which this user may order have asked others."""
    return _open(FamilyInvitation.objects.filter(family__payer__in=accounts.where(user, Action.ORDER)), as_of)


def family_of(account: BillingAccount) -> Family | None:
    """The family that this account pays for, by virtue of what it holds now."""
    found = Family.objects.filter(payer=account, subscription__state=SubscriptionState.ACTIVE)
    return found.select_related("payer", "subscription__offer").order_by("-pk").first()


def members_on(subscription_number: str, day: date) -> int:
    """How many accounts belong to the family that rests on this subscription on that day, without the payer."""
    rows = FamilyMember.objects.filter(family__subscription__number=subscription_number)
    rows = rows.filter(Q(active_to=None) | Q(active_to__gt=day)).exclude(active_to=F("active_from"))
    return rows.exclude(account_id=F("family__payer_id")).count()


def limit(subscription: Subscription) -> int:
    """How many may belong to its family: the fewer where it is about to turn into an offer for fewer."""
    coming = Subscription.objects.filter(follows=subscription, state=SubscriptionState.PENDING)
    limits = coming.values_list("offer__family_limit", flat=True)
    return min([subscription.offer.family_limit, *limits])


def _headed(row: Subscription, *, as_of: datetime, today: date) -> Headed:
    family = Family.objects.filter(subscription=row).first()
    members = FamilyMember.objects.filter(family=family) if family else FamilyMember.objects.none()
    asked = FamilyInvitation.objects.filter(family=family)
    return Headed(row.account, row, tuple(_lasting(members, today)), tuple(_open(asked, as_of)))


def _lasting(rows: "QuerySet[FamilyMember]", today: date) -> "QuerySet[FamilyMember]":
    """Without the payers themselves, and without who has left."""
    found = rows.exclude(account_id=F("family__payer_id")).filter(Q(active_to=None) | Q(active_to__gt=today))
    found = found.exclude(active_to=F("active_from"))
    return found.select_related("family__payer", "family__subscription__offer", "account").order_by("pk")


def _open(rows: "QuerySet[FamilyInvitation]", as_of: datetime) -> "QuerySet[FamilyInvitation]":
    found = rows.filter(state=InvitationState.PENDING, expires_at__gt=as_of)
    return found.select_related("family__payer__customer", "account").order_by("pk")
