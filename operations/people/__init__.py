"""The operations about people and accounts. `accounts` lies below this room and cannot register them itself."""

from operations.people import (
    account_bind,
    consents,
    contacts,
    invitations,
    members,
    password_reset,
    personal_data,
)

__all__ = [
    "account_bind",
    "consents",
    "contacts",
    "invitations",
    "members",
    "password_reset",
    "personal_data",
]
