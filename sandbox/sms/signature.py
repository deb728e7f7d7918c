"""The header X-Signature of both directions: hex HMAC-SHA256 over the raw body."""

import hashlib
import hmac


def of(body: bytes, secret: str) -> str:
    """The signature of `body`."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_valid(body: bytes, given: str, secret: str) -> bool:
    """Whether `given` is right; never with an empty secret."""
    return bool(secret) and hmac.compare_digest(of(body, secret).encode(), given.encode())
