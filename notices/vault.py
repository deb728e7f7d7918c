"""Where the text of a secret message waits: encrypted in the broker's memory, for minutes, never in the database.

`reference` is the delivery's.
"""

import base64
import hashlib
from datetime import timedelta
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from core import pokes


def put(reference: str, text: str, *, lifetime: timedelta) -> None:
    """Keeps the text for `lifetime`; raises redis.RedisError when the broker is away."""
    milliseconds = max(1, int(lifetime.total_seconds() * 1000))
    pokes.broker().set(_name(reference), _cipher().encrypt(text.encode()), px=milliseconds)


def read(reference: str) -> str | None:
    """The text, or None when it is not (or no longer) there. Raises redis.RedisError."""
    sealed = pokes.broker().get(_name(reference))
    try:
        return _cipher().decrypt(sealed).decode() if isinstance(sealed, bytes) else None
    except InvalidToken:  # sealed under a key that nobody has any more
        return None


def forget(reference: str) -> None:
    """Raises redis.RedisError when the broker is away; the text then ends with its lifetime."""
    pokes.broker().delete(_name(reference))


def _name(reference: str) -> str:
    return f"notices:secret:{reference}"


def _cipher() -> MultiFernet:
    return _made((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=1)
def _made(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    """A key of its own, so that what is signed elsewhere with SECRET_KEY tells nothing about it."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"notices.vault\0" + key.encode()).digest())
