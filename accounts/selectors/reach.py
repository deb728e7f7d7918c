"""How the people of many accounts are told something of the hall's own accord."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from accounts.models import BillingAccount, ConsentChange, Contact, Purpose, User
from notices.models import Channel
from notices.services.messages import INBOX, Address


@dataclass(frozen=True, slots=True)
class Way:
    """`consent` is the evidence that who reads the first address agreed to marketing; "" when he did not."""

    addresses: Sequence[Address]
    language: str
    consent: str


def of(accounts: Collection[BillingAccount]) -> dict[int, Way]:
    """For each account its first phone, else its first mailbox, and always the inbox. Three queries."""
    phones, mailboxes = _primary([account.pk for account in accounts])
    users = {user.phone: user for user in User.objects.filter(phone__in=phones.values()).order_by("pk")}
    consents = _consents([user.pk for user in users.values()])
    found: dict[int, Way] = {}
    for account in accounts:
        phone = phones.get(account.pk, "")
        user = users.get(phone) if phone else None
        found[account.pk] = Way(
            addresses=[*_first(phone, mailboxes.get(account.pk, "")), INBOX],
            language=user.language if user else settings.LANGUAGE_CODE,
            consent=consents.get(user.pk, "") if user and user.proven_phone == phone else "",
        )
    return found


def _primary(account_ids: Collection[int]) -> tuple[dict[int, str], dict[int, str]]:
    """The phones and the mailboxes that stand for the accounts."""
    rows = Contact.objects.filter(account_id__in=account_ids, is_primary=True)
    found: dict[str, dict[int, str]] = {Contact.Kind.PHONE: {}, Contact.Kind.EMAIL: {}}
    for account_id, kind, value in rows.values_list("account_id", "kind", "value"):
        found[kind][account_id] = value
    return found[Contact.Kind.PHONE], found[Contact.Kind.EMAIL]


def _first(phone: str, mailbox: str) -> list[Address]:
    if phone:
        return [Address(Channel.SMS, phone)]
    return [Address(Channel.EMAIL, mailbox)] if mailbox else []


def _consents(user_ids: Collection[int]) -> Mapping[int, str]:
    """The newest word of each user on marketing, where it is yes."""
    rows = ConsentChange.objects.filter(user_id__in=user_ids, purpose=Purpose.MARKETING)
    newest = rows.order_by("user_id", "-id").distinct("user_id")
    return {row.user_id: f"consent:{row.pk}" for row in newest if row.is_given}
