"""Short films of phones (MP4, MOV): walked through box by box. What tells of the place and the camera is blanked.

A film is not painted anew, since that takes a decoder for each of them; so it is only ever handed out as a download.
"""

import struct
from collections.abc import Iterator

MAX_BYTES = 25 * 1024 * 1024  # as much as virus scanners take by default
_OUTER = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"mfra", b"sidx", b"styp"})
_INSIDE = frozenset({b"moov", b"trak", b"mdia", b"minf"})  # boxes of boxes on the way to what tells too much
_TELLS = frozenset(
    {b"udta", b"meta", b"uuid", b"free", b"skip"}
)  # place, camera, names; room where anything may lie
_BRANDS = frozenset(
    {
        b"isom",
        b"iso2",
        b"iso4",
        b"iso5",
        b"iso6",
        b"mp41",
        b"mp42",
        b"avc1",
        b"M4V ",
        b"qt  ",
        b"3gp4",
        b"3gp5",
    }
)
_MOST_BOXES = 10_000
Box = tuple[bytes, int, int]  # kind, begin of the content, end


class NotAFilm(ValueError):
    """The bytes are not a sound film."""


def is_film(data: bytes) -> bool:
    """Whether it says that it is one."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS


def blanked(data: bytes) -> bytes:
    """The same film without what tells of place, time and camera; raises NotAFilm. Nothing in it moves."""
    kept = bytearray(data)
    outer = list(_boxes(data, 0, len(data)))
    kinds = [kind for kind, _begin, _end in outer]
    if (
        not set(kinds) <= _OUTER | {b"uuid", b"meta", b"udta"}
        or kinds.count(b"moov") != 1
        or b"mdat" not in kinds
    ):
        raise NotAFilm()
    for kind, begin, end in _within(data, outer):
        if kind in _TELLS:
            kept[begin - 4 : begin] = b"free"
            kept[begin:end] = bytes(end - begin)
    return bytes(kept)


def _within(data: bytes, outer: list[Box]) -> Iterator[Box]:
    waiting, seen = list(outer), 0
    while waiting:
        kind, begin, end = waiting.pop()
        seen += 1
        if seen > _MOST_BOXES:
            raise NotAFilm()
        yield kind, begin, end
        if kind in _INSIDE:
            waiting += _boxes(data, begin, end)


def _boxes(data: bytes, begin: int, end: int) -> Iterator[Box]:
    """The boxes that fill the place exactly."""
    at = begin
    while at < end:
        if at + 8 > end:
            raise NotAFilm()
        size, kind = struct.unpack_from(">I4s", data, at)
        content = at + 8
        if size == 1 and kind == b"mdat" and at + 16 <= end:  # a length of 64 bits
            size, content = struct.unpack_from(">Q", data, at + 8)[0], at + 16
        elif size == 0 and kind == b"mdat":  # up to the end
            size = end - at
        if size < content - at or at + size > end:
            raise NotAFilm()
        yield kind, content, at + size
        at += size
