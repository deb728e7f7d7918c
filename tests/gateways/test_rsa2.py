"""Keys in the shapes people have them in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from billing.gateways import rsa2
from tests.gateways.keys import MERCHANT, STRANGER


def bare(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "-----" not in line)


def private(format: PrivateFormat) -> str:
    return MERCHANT.private.private_bytes(Encoding.PEM, format, NoEncryption()).decode()


def public(format: PublicFormat) -> str:
    return MERCHANT.public.public_bytes(Encoding.PEM, format).decode()


@pytest.mark.parametrize("format", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize(
    "shape", [str, bare, lambda pem: f"\n  {bare(pem)}\n", lambda pem: pem.replace("\n", "\r\n")]
)
def test_private_keys_in_every_shape(format: PrivateFormat, shape: Callable[[str], str]) -> None:
    key = rsa2.load_private_key(shape(private(format)))
    assert key.private_numbers() == MERCHANT.private.private_numbers()


@pytest.mark.parametrize("format", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
@pytest.mark.parametrize("shape", [str, bare, lambda pem: f"\n  {bare(pem)}\n"])
def test_public_keys_in_every_shape(format: PublicFormat, shape: Callable[[str], str]) -> None:
    assert rsa2.load_public_key(shape(public(format))).public_numbers() == MERCHANT.public.public_numbers()


def unusable_private() -> list[str]:
    elliptic = ec.generate_private_key(ec.SECP256R1())
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return [
        "",
        "hello",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        public(PublicFormat.SubjectPublicKeyInfo),
        elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        short.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        MERCHANT.private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
        ).decode(),
    ]


def test_what_is_no_usable_private_key_says_so_without_quoting_it() -> None:
    for text in unusable_private():
        with pytest.raises(rsa2.KeyUnusable) as caught:
            rsa2.load_private_key(text)
        assert "AAAA" not in str(caught.value)


def test_a_private_key_in_the_place_of_a_public_one_is_refused() -> None:
    for text in (*unusable_private()[:3], private(PrivateFormat.PKCS8), bare(private(PrivateFormat.PKCS8))):
        with pytest.raises(rsa2.KeyUnusable):
            rsa2.load_public_key(text)


def test_files_are_named_in_the_error(tmp_path: Path) -> None:
    for name, content in (("absent", None), ("binary", b"\xff\xfe"), ("empty", b"")):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        for read in (rsa2.read_private_key, rsa2.read_public_key):
            with pytest.raises(rsa2.KeyUnusable, match=name):
                read(path)


def test_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "private.pem").write_text(MERCHANT.private_pem)
    (tmp_path / "public.pem").write_text(MERCHANT.public_pem)
    signature = rsa2.sign(rsa2.read_private_key(tmp_path / "private.pem"), b"text")
    assert rsa2.verify(rsa2.read_public_key(tmp_path / "public.pem"), b"text", signature.encode())


def test_a_signature_is_of_one_text_by_one_key() -> None:
    signature = rsa2.sign(MERCHANT.private, b"text").encode()
    assert rsa2.verify(MERCHANT.public, b"text", signature)
    assert not rsa2.verify(MERCHANT.public, b"text.", signature)
    assert not rsa2.verify(STRANGER.public, b"text", signature)
    assert not rsa2.verify(MERCHANT.public, b"text", b"")
    assert not rsa2.verify(MERCHANT.public, b"text", signature + b"\n")
    assert not rsa2.verify(MERCHANT.public, b"text", signature[:-4])
