"""Every FOR UPDATE of this flat. Order everywhere: billing account (several: the payer's, then by id), subscription."""

from collections.abc import Collection, Iterable

from django.db import connection

from accounts import locks as account_locks
from catalog.holdings.families import Family, FamilyInvitation, FamilyMember
from catalog.holdings.models import Subscription
from core.errors import NotFound


def subscription(number: str) -> Subscription:
    """The subscription as it is now, behind its account; raises NotFound."""
    account_id = Subscription.objects.filter(number=number).values_list("account_id", flat=True).first()
    if account_id is None:
        raise NotFound()
    account_locks.hold(account_id)
    return _locked(number)


def follower(subscription_id: int) -> Subscription | None:
    """What is to take its place, locked; its account is locked by the caller before."""
    rows = Subscription.objects.select_for_update(of=("self",)).select_related("offer", "account")
    return rows.filter(follows_id=subscription_id).first()


def predecessor(subscription_id: int) -> Subscription:
    """What it takes the place of, locked; its account is locked by the caller before."""
    rows = Subscription.objects.select_for_update(of=("self",)).select_related("offer", "account")
    return rows.get(pk=subscription_id)


def subscriptions(numbers: Collection[str]) -> dict[str, Subscription]:
    """Those that exist, by number, behind all their accounts, each in the order of their ids."""
    of_these = Subscription.objects.filter(number__in=numbers)
    accounts(of_these.values_list("account_id", flat=True))
    rows = Subscription.objects.select_for_update(of=("self",)).select_related("offer", "account", "device")
    return {row.number: row for row in rows.filter(number__in=numbers).order_by("pk")}


def accounts(ids: Iterable[int]) -> None:
    """These billing accounts, in the order of their ids."""
    sql = "SELECT 1 FROM accounts_billingaccount WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
    with connection.cursor() as cursor:
        cursor.execute(sql, [sorted(set(ids))])


def family(number: str, *account_ids: int) -> Family:
    """The family behind its payer's account and these others; its members and invitations hang on it.

    Two payers who ask each other, and both agree at the same moment, may meet crosswise: PostgreSQL undoes one of
    them, who tries again and is told why not. Accepted.
    """
    payer_id = Family.objects.filter(number=number).values_list("payer_id", flat=True).first()
    if payer_id is None:
        raise NotFound()
    account_locks.hold(payer_id)
    accounts(each for each in account_ids if each != payer_id)
    return Family.objects.select_related("payer", "subscription__offer").get(number=number)


def invitation(reference: str, *account_ids: int) -> FamilyInvitation:
    """The invitation behind its family; raises NotFound."""
    found = FamilyInvitation.objects.filter(reference=reference).select_related("family").first()
    if found is None:
        raise NotFound()
    family(found.family.number, *account_ids)
    return FamilyInvitation.objects.select_related("family__payer", "family__subscription__offer").get(
        pk=found.pk
    )


def member(member_id: int) -> FamilyMember:
    """The membership behind its family; raises NotFound."""
    found = FamilyMember.objects.filter(pk=member_id).select_related("family").first()
    if found is None:
        raise NotFound()
    family(found.family.number, found.account_id)
    return FamilyMember.objects.select_related("family__payer", "account").get(pk=member_id)


def _locked(number: str) -> Subscription:
    rows = Subscription.objects.select_for_update(of=("self",)).select_related("offer", "account")
    return rows.get(number=number)
