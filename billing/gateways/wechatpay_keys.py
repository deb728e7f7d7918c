"""WeChat Pay's keys in the shapes the merchant's console gives them."""

from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from billing.gateways import rsa2

API_V3_KEY_BYTES = 32
PlatformKeys = Mapping[str, RSAPublicKey]
"""The keys that WeChat signs with, by `normalised` serial number. Two while WeChat goes over from one to the next."""


def normalised(serial: str) -> str:
    """A serial number as it is compared: hex digits are written in either case, leading zeros or not."""
    return serial.upper().lstrip("0")


def load_platform_keys(text: str, key_id: str = "") -> PlatformKeys:
    """Read one or more PEM certificates; or the PEM public key that newer merchants get, named by `key_id`.

    Raises `rsa2.KeyUnusable`.
    """
    if "BEGIN CERTIFICATE" not in text:
        if not key_id:
            raise rsa2.KeyUnusable("this is no certificate, and a public key needs its id")
        return {normalised(key_id): rsa2.load_public_key(text)}
    try:
        certificates = x509.load_pem_x509_certificates(text.encode("ascii"))
        return {normalised(f"{each.serial_number:X}"): _key_of(each) for each in certificates}
    except ValueError as error:
        raise rsa2.KeyUnusable("this is no readable certificate") from error


def read_platform_keys(path: Path, key_id: str = "") -> PlatformKeys:
    """`load_platform_keys` of a file; the error names the file."""
    try:
        return load_platform_keys(path.read_text(encoding="ascii"), key_id)
    except (OSError, ValueError) as error:
        raise rsa2.KeyUnusable(f"{path}: {error}") from error


def api_v3_key(text: str) -> bytes:
    """The key that seals notices. Raises `rsa2.KeyUnusable`, which never quotes it."""
    key = text.encode()
    if len(key) != API_V3_KEY_BYTES:
        raise rsa2.KeyUnusable(f"an APIv3 key has {API_V3_KEY_BYTES} bytes, not {len(key)}")
    return key


def _key_of(certificate: x509.Certificate) -> RSAPublicKey:
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < rsa2.MINIMUM_BITS:
        raise ValueError("not an RSA key of enough bits")
    return key
