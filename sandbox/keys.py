"""The two throw-away key pairs of a development machine: the merchant's (app) and the stand-in Alipay's."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

OWNERS = ("app", "alipay")


def ensure(folder: Path) -> list[Path]:
    """Write what is missing of {app,alipay}_{private,public}_key.pem and return it. Existing keys stay."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return [path for owner in OWNERS for path in _ensure_pair(folder, owner)]


def private_key(folder: Path, owner: str) -> rsa.RSAPrivateKey:
    """Read an owner's private key."""
    key = serialization.load_pem_private_key(_private(folder, owner).read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{_private(folder, owner)} holds no RSA key")
    return key


def public_key(folder: Path, owner: str) -> rsa.RSAPublicKey:
    """Read an owner's public key."""
    key = serialization.load_pem_public_key(_public(folder, owner).read_bytes())
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError(f"{_public(folder, owner)} holds no RSA key")
    return key


def _ensure_pair(folder: Path, owner: str) -> list[Path]:
    private, public = _private(folder, owner), _public(folder, owner)
    written = []
    if not private.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        _write(private, _private_pem(key))
        public.unlink(missing_ok=True)  # it belonged to a key that is gone
        written.append(private)
    if not public.exists():
        _write(public, _public_pem(private_key(folder, owner)))
        written.append(public)
    return written


def _private(folder: Path, owner: str) -> Path:
    return folder / f"{owner}_private_key.pem"


def _public(folder: Path, owner: str) -> Path:
    return folder / f"{owner}_public_key.pem"


def _private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _write(path: Path, content: bytes) -> None:
    """Appear under the name only when complete, and never be readable by others."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
