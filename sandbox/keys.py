"""The throw-away keys of a development machine.

With Alipay: the merchant's pair (app) and the stand-in's (alipay). With WeChat Pay: the merchant's pair
(wechatpay_mch), the stand-in's private key with its certificate (wechatpay_platform), and the APIv3 key of both.
"""

import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

OWNERS = ("app", "alipay", "wechatpay_mch")
PLATFORM = "wechatpay_platform"
_CERTIFICATE_LASTS = timedelta(days=3650)


def ensure(folder: Path) -> list[Path]:
    """Write the keys that are missing and return their files. Existing keys stay."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pairs = [path for owner in OWNERS for path in _ensure_pair(folder, owner)]
    return pairs + _ensure_platform(folder) + _ensure_api_v3_key(folder)


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


def certificate(folder: Path) -> x509.Certificate:
    """Read the certificate of the stand-in WeChat Pay."""
    return x509.load_pem_x509_certificate(_certificate(folder).read_bytes())


def api_v3_key(folder: Path) -> bytes:
    """Read the key that seals WeChat Pay's notices: 32 letters and digits."""
    return (folder / "wechatpay_api_v3_key.txt").read_bytes()


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


def _ensure_platform(folder: Path) -> list[Path]:
    private, public = _private(folder, PLATFORM), _certificate(folder)
    written = []
    if not private.exists():
        _write(private, _private_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
        public.unlink(missing_ok=True)
        written.append(private)
    if not public.exists():
        _write(public, _self_signed(private_key(folder, PLATFORM)))
        written.append(public)
    return written


def _ensure_api_v3_key(folder: Path) -> list[Path]:
    path = folder / "wechatpay_api_v3_key.txt"
    if path.exists():
        return []
    _write(path, secrets.token_hex(16).encode())
    return [path]


def _self_signed(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stand-in WeChat Pay platform")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _CERTIFICATE_LASTS)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def _certificate(folder: Path) -> Path:
    return folder / f"{PLATFORM}_cert.pem"


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
