"""One account pays for others (家庭共享, 集团统付), by virtue of an offer that it holds.

Whoever joins or leaves does so on the first of the next month, so that each month of an account has one payer. An
invitation is the same for every number that is typed in: it tells nothing of whether there is such an account.
"""

import secrets
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import BillingAccount
from accounts.services.accounts import clean_number, refuse_closed
from catalog.choices import SuspensionReason
from catalog.holdings import locks, rules
from catalog.holdings.families import (
    FAMILY_INVITATION_MACHINE,
    Family,
    FamilyInvitation,
    FamilyMember,
    InvitationState,
)
from catalog.holdings.models import Subscription, SubscriptionState, Suspension
from catalog.holdings.selectors import families as reads
from catalog.holdings.services import facts, family_news
from core import sequences
from core.actor import Actor
from core.clock import local_date
from core.db import violated
from core.errors import Conflict, NotFound, TooManyRequests

LIFETIME = timedelta(days=7)
MOST_A_DAY = 20  # invitations of one family: each is a message to somebody who did not ask for it
SEQUENCE = "family_number"
_I = InvitationState


class NoFamilyOffer(Conflict):
    code = "NO_FAMILY_OFFER"
    message = _("这个户号没有可与家人共享的产品")


class AlreadyInFamily(Conflict):
    code = "ALREADY_IN_FAMILY"
    message = _("户号 %(account)s 已经属于一个家庭或集团，同一时间只能加入一个")


class FamilyFull(Conflict):
    code = "FAMILY_FULL"
    message = _("最多 %(most)s 位成员，请先移除不再共享的成员")


class AlreadyInvitedToFamily(Conflict):
    code = "ALREADY_INVITED_TO_FAMILY"
    message = _("已经邀请过这个户号，正在等待对方同意")


class NotOneself(Conflict):
    code = "FAMILY_NOT_ONESELF"
    message = _("付费户号本身不需要邀请")


class FamilyInvitationOver(Conflict):
    code = "FAMILY_INVITATION_OVER"
    message = _("这个邀请已经失效，请对方重新邀请")


class FamilyPayerSuspended(Conflict):
    """Nobody joins unwarned what is about to lose its service, or has lost it."""

    code = "FAMILY_PAYER_SUSPENDED"
    message = _("付费的户号正在停机，恢复服务以后再办")


class TooManyFamilyInvitations(TooManyRequests):
    code = "TOO_MANY_FAMILY_INVITATIONS"
    message = _("邀请太频繁，请明天再试")


@transaction.atomic
def invite(*, payer_id: int, account_number: str, actor: Actor, as_of: datetime) -> FamilyInvitation:
    """The account is asked to let the payer pay for it. It ends by itself after seven days.

    Raises NoFamilyOffer, NotOneself, AlreadyInFamily (the payer is another's member, or this one his), FamilyFull,
    AlreadyInvitedToFamily, TooManyFamilyInvitations, FamilyPayerSuspended, BadAccountNumber.
    """
    payer = account_locks.account(payer_id)
    number = clean_number(account_number)
    check_invitation(payer=payer, account_number=number, as_of=as_of)
    family = _family(payer, as_of=as_of)
    _end_late(FamilyInvitation.objects.filter(family=family), actor=actor, as_of=as_of)
    known = BillingAccount.objects.filter(number=number, closed_at=None).first()
    row = FamilyInvitation.objects.create(
        reference=secrets.token_hex(8),
        family=family,
        account_number=number,
        account=known,
        created_at=as_of,
        expires_at=as_of + LIFETIME,
    )
    family_news.invited(row, as_of=as_of)
    return row


def check_invitation(*, payer: BillingAccount, account_number: str, as_of: datetime) -> None:
    """Raises what `invite` would raise."""
    refuse_closed(payer)
    number, today = clean_number(account_number), local_date(as_of)
    if number == payer.number:
        raise NotOneself()
    _refuse_suspended(payer.pk)
    limit = reads.limit(_offer_held(payer))
    _refuse_member_elsewhere(payer, today)
    family = reads.family_of(payer)
    members = _members(family, today) if family else FamilyMember.objects.none()
    if members.filter(account__number=number).exists():
        raise AlreadyInFamily(account=number)
    pending = _pending(family, as_of) if family else FamilyInvitation.objects.none()
    if pending.filter(account_number=number).exists():
        raise AlreadyInvitedToFamily()
    if members.count() + pending.count() >= limit:
        raise FamilyFull(most=limit)
    made = FamilyInvitation.objects.filter(family=family, created_at__gt=as_of - timedelta(days=1))
    if made.count() >= MOST_A_DAY:
        raise TooManyFamilyInvitations()


@transaction.atomic
def accept(*, reference: str, slip_id: int | None, actor: Actor, as_of: datetime) -> FamilyMember:
    """The invited account belongs to the family from the first of next month. `slip_id`: by which its owner agreed.

    Raises NotFound, FamilyInvitationOver, AlreadyInFamily, FamilyFull, FamilyPayerSuspended, AccountClosed.
    """
    invited = (
        FamilyInvitation.objects.filter(reference=reference).values_list("account_id", flat=True).first()
    )
    if invited is None:
        raise NotFound()
    row = locks.invitation(reference, invited)
    check_joining(row, as_of=as_of)
    joins_on = rules.next_month_start(local_date(as_of))
    try:
        with transaction.atomic():
            member = FamilyMember.objects.create(
                family=row.family, account_id=invited, agreed_id=slip_id, active_from=joins_on
            )
    except IntegrityError as error:
        if violated(error) != "family_member_in_one_at_a_time":
            raise
        raise AlreadyInFamily(account=row.account_number) from error
    _move(row, _I.ACCEPTED, actor=actor, as_of=as_of)
    return member


def check_joining(row: FamilyInvitation, *, as_of: datetime) -> None:
    """Raises what `accept` would raise."""
    today = local_date(as_of)
    account = row.account
    if account is None or not row.is_open(as_of) or not _stands(row.family):
        raise FamilyInvitationOver()
    refuse_closed(account)
    _refuse_suspended(row.family.payer_id)
    joins_on = rules.next_month_start(today)
    held = FamilyMember.objects.filter(account=account).filter(Q(active_to=None) | Q(active_to__gt=joins_on))
    if held.exists():
        raise AlreadyInFamily(account=account.number)
    limit = reads.limit(row.family.subscription)
    if _members(row.family, today).count() >= limit:
        raise FamilyFull(most=limit)


def _refuse_suspended(payer_id: int) -> None:
    """Raises FamilyPayerSuspended while a line that this account pays for is off for arrears."""
    off = Suspension.objects.filter(reason=SuspensionReason.ARREARS, ends_on=None)
    if off.filter(subscription__payer_id=payer_id).exists():
        raise FamilyPayerSuspended()


@transaction.atomic
def decline(*, reference: str, actor: Actor, as_of: datetime) -> FamilyInvitation:
    """The invited account stays as it is. Raises NotFound, FamilyInvitationOver."""
    return _end_invitation(reference, _I.DECLINED, actor=actor, as_of=as_of)


@transaction.atomic
def withdraw(*, reference: str, actor: Actor, as_of: datetime) -> FamilyInvitation:
    """The payer takes it back. Raises NotFound, FamilyInvitationOver."""
    return _end_invitation(reference, _I.WITHDRAWN, actor=actor, as_of=as_of)


@transaction.atomic
def end_membership(*, member_id: int, actor: Actor, as_of: datetime) -> FamilyMember:
    """From the first of next month the account pays for itself; one that has not joined yet never does.

    Whoever leaves, or is removed: the same. Raises NotFound for who is none, or whose end is there already.
    """
    member = locks.member(member_id)
    if member.active_to is not None or member.account_id == member.family.payer_id:
        raise NotFound()
    today = local_date(as_of)
    has_joined = member.active_from <= today
    member.active_to = rules.next_month_start(today) if has_joined else member.active_from
    member.save(update_fields=["active_to"])
    family_news.ended(member, as_of=as_of)
    return member


@transaction.atomic
def subscription_ended(*, number: str, on: date, actor: Actor, as_of: datetime) -> int:
    """The family's offer is over: it goes on with what took its place, if that is for families, else it ends.

    How many memberships ended.
    """
    found = Family.objects.filter(subscription__number=number).values_list("number", flat=True).first()
    if found is None:
        return 0
    family = locks.family(found)
    following = Subscription.objects.filter(follows=family.subscription).exclude(
        state=SubscriptionState.CANCELLED
    )
    successor = following.filter(offer__family_limit__gt=0).first()
    if successor is not None:
        family.subscription = successor
        family.save(update_fields=["subscription"])
        return 0
    last = rules.month_start_from(on)
    rows = FamilyMember.objects.filter(family=family).filter(Q(active_to=None) | Q(active_to__gt=last))
    members = list(rows.select_related("family__payer", "account"))
    for member in members:  # where that day lies in a month that was charged, somebody else pays for it now
        facts.changed(account_id=member.account_id, from_day=last, reason="family ended", as_of=as_of)
        member.active_to = max(member.active_from, last)
        member.save(update_fields=["active_to"])
        if member.account_id != family.payer_id:
            family_news.ended(member, as_of=as_of)
    return len(members)


def end_late(*, actor: Actor, as_of: datetime) -> int:
    """Ends the invitations that nobody answered in time; how many."""
    return _end_late(FamilyInvitation.objects.all(), actor=actor, as_of=as_of)


def _family(payer: BillingAccount, *, as_of: datetime) -> Family:
    """The payer's family, made with its first invitation; the payer belongs to it, and so to no other."""
    known = reads.family_of(payer)
    if known is not None:
        return known
    today = local_date(as_of)
    family = Family.objects.create(
        number=sequences.next_number(SEQUENCE, prefix="F", on=today),
        payer=payer,
        subscription=_offer_held(payer),
        created_at=as_of,
    )
    last = FamilyMember.objects.filter(account=payer, active_to__gt=today).order_by("-active_to").first()
    begins = last.active_to if last is not None and last.active_to is not None else today
    FamilyMember.objects.create(family=family, account=payer, active_from=begins)
    return family


def _offer_held(payer: BillingAccount) -> Subscription:
    held = Subscription.objects.filter(
        account=payer, state=SubscriptionState.ACTIVE, offer__family_limit__gt=0
    )
    found = held.select_related("offer").order_by("pk").first()
    if found is None:
        raise NoFamilyOffer()
    return found


def _stands(family: Family) -> bool:
    """Whether what the family rests on is in use."""
    return family.subscription.state == SubscriptionState.ACTIVE


def _refuse_member_elsewhere(payer: BillingAccount, today: date) -> None:
    held = FamilyMember.objects.filter(account=payer).exclude(family__payer=payer)
    if held.filter(Q(active_to=None) | Q(active_to__gt=today)).exists():
        raise AlreadyInFamily(account=payer.number)


def _members(family: Family, today: date) -> "QuerySet[FamilyMember]":
    """Who belongs to it or is about to, without the payer; not those whose end has been said."""
    rows = FamilyMember.objects.filter(family=family, active_to=None)
    return rows.exclude(account_id=family.payer_id)


def _pending(family: Family, as_of: datetime) -> "QuerySet[FamilyInvitation]":
    return FamilyInvitation.objects.filter(family=family, state=_I.PENDING, expires_at__gt=as_of)


def _end_invitation(
    reference: str, to: InvitationState, *, actor: Actor, as_of: datetime
) -> FamilyInvitation:
    row = locks.invitation(reference)
    if not row.is_open(as_of):
        raise FamilyInvitationOver()
    _move(row, to, actor=actor, as_of=as_of)
    return row


def _end_late(rows: "QuerySet[FamilyInvitation]", *, actor: Actor, as_of: datetime) -> int:
    late = rows.filter(state=_I.PENDING, expires_at__lte=as_of)
    return late.update(state=_I.EXPIRED, ended_at=as_of, ended_by=actor.ref)


def _move(row: FamilyInvitation, to: InvitationState, *, actor: Actor, as_of: datetime) -> None:
    FAMILY_INVITATION_MACHINE.check(row.state, to)
    row.state, row.ended_at, row.ended_by = to, as_of, actor.ref
    row.save(update_fields=["state", "ended_at", "ended_by"])
