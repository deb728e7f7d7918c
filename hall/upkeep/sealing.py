"""Backups that only the holder of a private key can read, written and read as a stream.

A file begins with MAGIC, the length of the sealed key (2 bytes) and the sealed key: 256 random bits, RSA-OAEP. Then
come chunks, each its length (4 bytes) and AES-256-GCM over at most CHUNK bytes. A chunk's nonce is its number; the
last chunk says so in what is authenticated with it, so that neither order nor end can be changed unseen.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"HALLBACKUP1\n"
CHUNK = 1024 * 1024
_TAG = 16
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
_MIDDLE, _LAST = b"middle", b"last"


class Unreadable(ValueError):
    """The file is no sealed backup, is damaged or cut off, or was sealed for another key."""


def public_key(pem: bytes) -> rsa.RSAPublicKey:
    """Raises ValueError when it is no RSA public key of at least 3072 bits."""
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < 3072:
        raise ValueError("not an RSA public key of at least 3072 bits")
    return key


def private_key(pem: bytes, password: bytes | None = None) -> rsa.RSAPrivateKey:
    """Raises ValueError when it is no RSA private key, or TypeError when a password is missing or superfluous."""
    key = serialization.load_pem_private_key(pem, password)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA private key")
    return key


def seal(chunks: Iterable[bytes], key: rsa.RSAPublicKey) -> Iterator[bytes]:
    """The sealed form of what `chunks` hold together."""
    secret = AESGCM.generate_key(256)
    wrapped = key.encrypt(secret, _OAEP)
    yield MAGIC + len(wrapped).to_bytes(2, "big") + wrapped
    cipher, number, held = AESGCM(secret), 0, b""
    for piece in _even(chunks):
        if number or held:
            yield _box(cipher, number, held, _MIDDLE)
            number += 1
        held = piece
    yield _box(cipher, number, held, _LAST)


def unseal(file: BinaryIO, key: rsa.RSAPrivateKey) -> Iterator[bytes]:
    """What was sealed. Raises Unreadable, at the latest at the end: use nothing of it before it has ended well."""
    if file.read(len(MAGIC)) != MAGIC:
        raise Unreadable("not a sealed backup")
    wrapped = file.read(int.from_bytes(file.read(2), "big"))
    try:
        cipher = AESGCM(key.decrypt(wrapped, _OAEP))
    except ValueError as error:
        raise Unreadable("sealed for another key") from error
    number, box = 0, _next_box(file)
    while box is not None:
        following = _next_box(file)
        try:
            yield cipher.decrypt(_nonce(number), box, _LAST if following is None else _MIDDLE)
        except InvalidTag as error:
            raise Unreadable("damaged or cut off") from error
        number, box = number + 1, following
    if not number:
        raise Unreadable("cut off")


def _even(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of CHUNK; the last is shorter."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= CHUNK:
            yield bytes(buffer[:CHUNK])
            del buffer[:CHUNK]
    if buffer:
        yield bytes(buffer)


def _box(cipher: AESGCM, number: int, piece: bytes, place: bytes) -> bytes:
    sealed = cipher.encrypt(_nonce(number), piece, place)
    return len(sealed).to_bytes(4, "big") + sealed


def _next_box(file: BinaryIO) -> bytes | None:
    head = file.read(4)
    if not head:
        return None
    size = int.from_bytes(head, "big")
    box = file.read(size) if _TAG <= size <= CHUNK + _TAG else b""
    if len(head) < 4 or len(box) != size:
        raise Unreadable("damaged or cut off")
    return box


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")  # the key is used for this one file
