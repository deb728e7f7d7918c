"""The SMS gateway's signature in both directions: X-Signature, hex HMAC-SHA256 over the raw body."""

import hashlib
import hmac

HEADER = "X-Signature"


def of(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_valid(body: bytes, given: str, secret: str) -> bool:
    """Whether `given` is right; never with an empty secret."""
    return bool(secret) and hmac.compare_digest(of(body, secret).encode(), given.encode())
