"""Where the text of a secret message waits: encrypted in the broker's memory, for minutes, never in the database.

`reference` is the delivery's.
"""

from datetime import timedelta

from cryptography.fernet import InvalidToken

from core import ciphers, pokes

_USE = "notices.vault"  # of the key


def put(reference: str, text: str, *, lifetime: timedelta) -> None:
    """Keeps the text for `lifetime`; raises redis.RedisError when the broker is away."""
    milliseconds = max(1, int(lifetime.total_seconds() * 1000))
    pokes.broker().set(_name(reference), ciphers.of(_USE).encrypt(text.encode()), px=milliseconds)


def read(reference: str) -> str | None:
    """The text, or None when it is not (or no longer) there. Raises redis.RedisError."""
    sealed = pokes.broker().get(_name(reference))
    try:
        return ciphers.of(_USE).decrypt(sealed).decode() if isinstance(sealed, bytes) else None
    except InvalidToken:  # sealed under a key that nobody has any more
        return None


def forget(reference: str) -> None:
    """Raises redis.RedisError when the broker is away; the text then ends with its lifetime."""
    pokes.broker().delete(_name(reference))


def _name(reference: str) -> str:
    return f"notices:secret:{reference}"
