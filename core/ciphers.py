"""Ciphers from the hall's secret key, one for each use."""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def of(use: str) -> MultiFernet:
    """Seals with the newest key, opens what an older one of SECRET_KEY_FALLBACKS sealed. `use` is a name for good."""
    return _made(use, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=8)
def _made(use: str, keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(use, key)) for key in keys])


def _derived(use: str, key: str) -> bytes:
    """A key of its own, so that what is signed or sealed elsewhere with SECRET_KEY tells nothing about it."""
    return base64.urlsafe_b64encode(hashlib.sha256(use.encode() + b"\0" + key.encode()).digest())
