"""The names of those who act, for pages that list what was done."""

from collections.abc import Iterable

from django.contrib.auth import get_user_model


def names(refs: Iterable[str]) -> dict[str, str]:
    """The user names behind "user:17"; without jobs, commands and those who are gone. One query."""
    keys = {ref.removeprefix("user:") for ref in refs if ref.startswith("user:")}
    users = get_user_model()._default_manager.in_bulk([int(key) for key in keys if key.isdecimal()])
    return {f"user:{key}": user.get_username() for key, user in users.items()}
