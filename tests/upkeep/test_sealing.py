import io
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from hall.upkeep import sealing
from hall.upkeep.sealing import CHUNK, Unreadable

KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=3072) for _ in range(2))


def sealed(*pieces: bytes) -> bytes:
    return b"".join(sealing.seal(pieces, KEY.public_key()))


def opened(data: bytes, key: rsa.RSAPrivateKey = KEY) -> bytes:
    return b"".join(sealing.unseal(io.BytesIO(data), key))


@given(st.lists(st.binary(max_size=5000), max_size=5))
@settings(max_examples=30, deadline=None)
def test_what_was_sealed_comes_back(pieces: list[bytes]) -> None:
    assert opened(sealed(*pieces)) == b"".join(pieces)


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_around_the_size_of_a_chunk(size: int) -> None:
    data = bytes(size)
    assert opened(sealed(data)) == data


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Unreadable, match="another key"):
        opened(sealed(b"secret"), OTHER)


def test_the_clear_text_is_not_in_it() -> None:
    assert b"13800000001" not in sealed(b"phone 13800000001")


def test_every_changed_byte_and_every_cut_is_seen() -> None:
    whole = sealed(b"x" * 100)
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        with pytest.raises(Unreadable):
            opened(bytes(damaged))
    for length in range(0, len(whole), 11):
        with pytest.raises(Unreadable):
            opened(whole[:length])


def test_a_missing_or_moved_chunk_is_seen() -> None:
    data = sealed(bytes(CHUNK), b"1" * CHUNK, b"2" * CHUNK)
    head = len(sealing.MAGIC) + 2 + KEY.key_size // 8
    box = CHUNK + 16 + 4
    boxes = [data[start:end] for start, end in pairwise(range(head, len(data) + 1, box))]
    assert len(boxes) == 3
    for wrong in (boxes[:2], boxes[1:], [boxes[1], boxes[0], boxes[2]]):
        with pytest.raises(Unreadable):
            opened(data[:head] + b"".join(wrong))


def test_a_weak_key_is_refused() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = weak.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ValueError, match="3072"):
        sealing.public_key(pem)
