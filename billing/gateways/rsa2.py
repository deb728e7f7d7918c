"""RSA2 (SHA256withRSA, PKCS#1 v1.5): loading keys in the shapes people have them in, signing, verifying."""

import base64
import binascii
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

MINIMUM_BITS = 2048
_PADDING = padding.PKCS1v15()
_HASH = hashes.SHA256()


class KeyUnusable(ValueError):
    """A key file is missing, unreadable, of another kind, or too short. The message never quotes the key."""


def load_private_key(text: str) -> RSAPrivateKey:
    """Read a PEM private key (PKCS#1 or PKCS#8), or the bare base64 that Alipay's console and key tool give."""
    try:
        if _is_pem(text):
            key = serialization.load_pem_private_key(text.strip().encode(), password=None)
        else:
            key = serialization.load_der_private_key(_bare(text), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable("this is no readable RSA private key without a password") from error
    if not isinstance(key, RSAPrivateKey):
        raise KeyUnusable("this private key is not an RSA key")
    _check_size(key.key_size)
    return key


def load_public_key(text: str) -> RSAPublicKey:
    """Read a PEM public key or certificate, or the bare base64 that Alipay's console shows."""
    try:
        key = _parse_public_key(text)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable("this is no readable RSA public key") from error
    if not isinstance(key, RSAPublicKey):
        raise KeyUnusable("this public key is not an RSA key")
    _check_size(key.key_size)
    return key


def read_private_key(path: Path) -> RSAPrivateKey:
    """`load_private_key` of a file; the error names the file."""
    try:
        return load_private_key(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise KeyUnusable(f"{path}: {error}") from error


def read_public_key(path: Path) -> RSAPublicKey:
    """`load_public_key` of a file; the error names the file."""
    try:
        return load_public_key(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise KeyUnusable(f"{path}: {error}") from error


def sign(key: RSAPrivateKey, content: bytes) -> str:
    """The signature of `content` in base64, as it travels in the `sign` field."""
    return base64.b64encode(key.sign(content, _PADDING, _HASH)).decode()


def verify(key: RSAPublicKey, content: bytes, signature: bytes) -> bool:
    """Whether `signature` (base64) is a signature of `content`. Anything that is not base64 is simply False."""
    try:
        key.verify(base64.b64decode(signature, validate=True), content, _PADDING, _HASH)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _parse_public_key(text: str) -> object:
    if "BEGIN CERTIFICATE" in text:
        return x509.load_pem_x509_certificate(text.strip().encode()).public_key()
    if _is_pem(text):
        return serialization.load_pem_public_key(text.strip().encode())
    return serialization.load_der_public_key(_bare(text))


def _is_pem(text: str) -> bool:
    return text.lstrip().startswith("-----BEGIN ")


def _bare(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)


def _check_size(bits: int) -> None:
    if bits < MINIMUM_BITS:
        raise KeyUnusable(f"an RSA key of {bits} bits is too short, {MINIMUM_BITS} are needed")
