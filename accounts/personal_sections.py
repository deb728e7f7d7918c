"""What this room and the messages below it hold on a user, for the copy that he may have."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from allauth.usersessions.models import UserSession
from django.db.models import Model, Q, QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import (
    CodeRequest,
    ConsentChange,
    Contact,
    Invitation,
    Membership,
    MembershipHistory,
    ProfileDetails,
    User,
)
from accounts.personal_data import Obstacle, Record, obstacle, section
from accounts.rules import Action
from accounts.selectors import accounts
from accounts.services import members
from notices.models import Delivery


def fields(row: Model, *names: str) -> Record:
    """These columns of a row as plain JSON values; "a__b" goes through a relation, under the name b."""
    record: Record = {}
    for name in names:
        value: Any = row
        for part in name.split("__"):
            value = getattr(value, part, None)
        record[name] = value.isoformat() if hasattr(value, "isoformat") else value
    return record


def records(rows: "QuerySet[Any] | Iterable[Any]", *names: str) -> Iterator[Record]:
    for row in rows:
        yield fields(row, *names)


def _on_his_phone(whose: User, column: str, when: str) -> Q:
    """What went to his phone since he has proven it: a number that changed hands had another's messages before."""
    if not whose.proven_phone:
        return Q(pk=None)
    return Q(**{column: whose.proven_phone, f"{when}__gte": whose.phone_verified_at})


@section("user")
def user(whose: User) -> Iterable[Record]:
    names = (
        "username",
        "name",
        "phone",
        "phone_verified_at",
        "email",
        "language",
        "date_joined",
        "last_login",
    )
    return [fields(whose, *names)]


@section("memberships")
def memberships(whose: User) -> Iterable[Record]:
    found = Membership.objects.filter(user=whose).select_related("account__customer").order_by("id")
    return records(
        found,
        "account__number",
        "role",
        "created_at",
        "account__address",
        "account__opened_on",
        "account__closed_at",
        "account__customer__number",
    )


@section("membership_history")
def membership_history(whose: User) -> Iterable[Record]:
    found = MembershipHistory.objects.filter(user_ref=f"user:{whose.pk}").select_related("account")
    return records(found.order_by("id"), "account__number", "role", "change", "at")


@section("customers")
def customers(whose: User) -> Iterable[Record]:
    """The contracts of the accounts that he owns."""
    found = accounts.where(whose, Action.INVITE).select_related("customer")
    return records(found, "number", "customer__number", "customer__kind", "customer__name", "post_address")


@section("contacts")
def contacts(whose: User) -> Iterable[Record]:
    """Those of the accounts where he may see them."""
    mine = accounts.where(whose, Action.SEE_CONTACTS).order_by().values("pk")
    found = Contact.objects.filter(account__in=mine).select_related("account").order_by("id")
    names = ("account__number", "kind", "value", "name", "is_primary", "verified_at", "created_at")
    return records(found, *names)


@section("invitations")
def invitations(whose: User) -> Iterable[Record]:
    """Made by him, and made to his phone."""
    to_him = _on_his_phone(whose, "phone", "created_at")
    found = Invitation.objects.filter(Q(invited_by=whose) | to_him).select_related("account").order_by("id")
    return records(found, "account__number", "phone", "role", "state", "created_at", "expires_at", "ended_at")


@section("consents")
def consents(whose: User) -> Iterable[Record]:
    found = ConsentChange.objects.filter(user=whose).order_by("id")
    return records(found, "purpose", "is_given", "text_version", "text", "channel", "slip_number", "at")


@section("profile_details")
def profile_details(whose: User) -> Iterable[Record]:
    found = ProfileDetails.objects.filter(user=whose)
    return records(found, "occupation", "education", "interests", "updated_at")


@section("sessions")
def sessions(whose: User) -> Iterable[Record]:
    found = UserSession.objects.filter(user=whose).order_by("id")
    return records(found, "ip", "user_agent", "created_at", "last_seen_at")


@section("code_requests")
def code_requests(whose: User) -> Iterable[Record]:
    own = _on_his_phone(whose, "phone", "at")
    found = CodeRequest.objects.filter(own | Q(who=f"user:{whose.pk}")).order_by("id")
    return records(found, "purpose", "phone", "client_address", "is_sent", "at")


@section("data_requests")
def data_requests(whose: User) -> Iterable[Record]:
    yield from records(whose.data_exports.order_by("id"), "reference", "state", "requested_at", "purge_at")
    yield from records(
        whose.closings.order_by("id"), "reference", "state", "requested_at", "due_at", "ended_at"
    )


@section("messages")
def messages(whose: User) -> Iterable[Record]:
    """What was sent to his phone; codes have no text that anybody kept."""
    his = _on_his_phone(whose, "address", "created_at")
    found = Delivery.objects.filter(his).select_related("message").order_by("id")
    names = ("message__code", "channel", "address", "body", "state", "created_at", "sent_at", "delivered_at")
    return records(found.iterator(chunk_size=2_000), *names)


@obstacle
def people_left_behind(whose: User, *, as_of: datetime) -> list[Obstacle]:
    """Accounts that others share and that nobody else owns: they would have no owner any more."""
    owned = Membership.objects.filter(user=whose, role=Membership.Role.OWNER).select_related("account")
    text = _("户号 {number} 还有其他成员，请先邀请另一位户主，或移除其他成员")
    return [
        Obstacle("LAST_OWNER", format_lazy(text, number=membership.account.number))
        for membership in owned.order_by("account__number")
        if members.is_last_owner(membership)
        and members.others(membership.account_id, besides=whose.pk or 0).exists()
    ]
