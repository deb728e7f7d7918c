"""Where a billing account's people can be reached. At most one contact per kind is the primary one."""

from datetime import datetime

from django.db import transaction

from accounts import locks, names, phones
from accounts.models import Contact
from notices import email_addresses


@transaction.atomic
def add(
    *,
    account_id: int,
    kind: str,
    value: str,
    as_of: datetime,
    name: str = "",
    is_primary: bool = False,
    verified_at: datetime | None = None,
) -> Contact:
    """Adds a contact or, when the account has it already, returns that one. The first of its kind is the primary.

    `is_primary` takes the place from the one that was. Raises BadPhone, BadEmail, BadName, NotFound.
    """
    account = locks.account(account_id)
    value = _clean(kind, value)
    same_kind = Contact.objects.filter(account=account, kind=kind)
    is_primary = is_primary or not same_kind.filter(is_primary=True).exists()
    if is_primary:
        same_kind.exclude(value=value).filter(is_primary=True).update(is_primary=False)
    contact, _is_new = Contact.objects.get_or_create(
        account=account,
        kind=kind,
        value=value,
        defaults={
            "name": names.clean(name) if name else "",
            "is_primary": is_primary,
            "verified_at": verified_at,
            "created_at": as_of,
        },
    )
    if is_primary and not contact.is_primary:
        contact.is_primary = True
        contact.save(update_fields=["is_primary"])
    return contact


def _clean(kind: str, value: str) -> str:
    if kind == Contact.Kind.PHONE:
        return phones.normalise(value)
    return email_addresses.clean(value)
