"""What this flat holds on a user, for the copy that he may have."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q

from accounts.models import User
from accounts.personal_data import Record, section
from accounts.personal_sections import fields
from accounts.rules import Action
from accounts.selectors import accounts
from catalog.holdings.families import FamilyInvitation, FamilyMember
from catalog.holdings.models import Subscription

_AT_ONCE = 2_000  # rows fetched at a time


@section("services")
def services(user: User) -> Iterable[Record]:
    """What the accounts hold and held where he sees the bills, each with the days on which it was off."""
    mine = accounts.where(user, Action.SEE_BILLS)
    rows = Subscription.objects.filter(account__in=mine).select_related("account", "offer")
    names = ("number", "state", "begins_on", "ends_on", "committed_until", "paid_until", "service_number")
    for row in rows.prefetch_related("suspensions").order_by("id").iterator(chunk_size=_AT_ONCE):
        off = [fields(stop, "reason", "begins_on", "ends_on") for stop in row.suspensions.all()]
        more: dict[str, Any] = {"account": row.account.number, "offer": row.offer.name, "off": off}
        yield fields(row, *names, "address") | more


@section("families")
def families(user: User) -> Iterable[Record]:
    """Who pays for the accounts that he owns, from when to when. Of the payer only the tail, as on his page."""
    rows = FamilyMember.objects.filter(account__in=accounts.where(user, Action.INVITE))
    for row in rows.select_related("account", "family__payer").order_by("id"):
        payer = row.family.payer.number
        shown = payer if row.account.number == payer else f"****{payer[-4:]}"
        yield fields(row, "active_from", "active_to") | {"account": row.account.number, "payer": shown}


@section("family_invitations")
def family_invitations(user: User) -> Iterable[Record]:
    """To the accounts that he owns, and by those that pay for a family. Of the other side only the tail."""
    owned = accounts.where(user, Action.INVITE).order_by().values("pk")
    rows = FamilyInvitation.objects.filter(Q(account__in=owned) | Q(family__payer__in=owned))
    own = set(accounts.where(user, Action.INVITE).values_list("number", flat=True))
    for row in rows.select_related("family__payer").order_by("id"):
        sides = {"account": row.account_number, "payer": row.family.payer.number}
        shown = {name: number if number in own else f"****{number[-4:]}" for name, number in sides.items()}
        yield fields(row, "reference", "state", "created_at", "expires_at", "ended_at") | shown
