"""Phones and e-mail addresses side by side: what a contact, a code or a message goes to."""

from accounts import phones
from accounts.models import Contact
from notices import email_addresses
from notices.models import Channel
from notices.services import messages


def is_email(value: str) -> bool:
    return "@" in value


def kind_of(typed: str) -> Contact.Kind:
    """What somebody means who types this; a full-width ＠ counts."""
    return Contact.Kind.EMAIL if "@" in typed or "＠" in typed else Contact.Kind.PHONE


def clean(kind: str, typed: str) -> str:
    """The value as it is kept. Raises BadPhone, BadEmail."""
    return phones.normalise(typed) if kind == Contact.Kind.PHONE else email_addresses.clean(typed)


def mask(value: str) -> str:
    """138****0001 or w***@example.com; "" of nothing."""
    if not value:
        return ""
    return email_addresses.mask(value) if is_email(value) else phones.mask(value)


def channel_of(value: str) -> Channel:
    return Channel.EMAIL if is_email(value) else Channel.SMS


def to(value: str) -> messages.Address:
    """Where a message to this phone or mailbox goes."""
    return messages.Address(channel_of(value), value)
