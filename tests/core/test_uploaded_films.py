"""Short films of phones: what is in them stays where it is, what tells of place and camera is blanked."""

import struct

import pytest

from core.uploads import contents, films


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


PLACE = b"+31.2304+121.4737/"
TRACK = box(
    b"trak",
    box(b"tkhd", bytes(84)) + box(b"mdia", box(b"mdhd", bytes(24)) + box(b"minf", box(b"stbl", b"table"))),
)
MOOV = box(
    b"moov",
    box(b"mvhd", bytes(100)) + TRACK + box(b"udta", box(b"\xa9xyz", PLACE)) + box(b"meta", b"Phone 15"),
)
HEAD, DATA = box(b"ftyp", b"isom" + bytes(4) + b"isomavc1"), box(b"mdat", b"frames" * 50)
FILM = HEAD + MOOV + DATA


def test_a_film_is_kept_without_where_and_with_what_it_was_made() -> None:
    clean = contents.clean(FILM)
    assert clean.content_type == "video/mp4"
    assert len(clean.data) == len(FILM)
    assert clean.data.find(DATA) == FILM.find(DATA)  # offsets within it stay true
    assert TRACK in clean.data
    assert PLACE not in clean.data
    assert b"Phone" not in clean.data


@pytest.mark.parametrize(
    "film",
    [
        pytest.param(HEAD + DATA + MOOV, id="the index at the end"),
        pytest.param(box(b"ftyp", b"qt  " + bytes(4)) + box(b"wide", b"") + DATA + MOOV, id="QuickTime"),
        pytest.param(HEAD + MOOV + struct.pack(">I4sQ", 1, b"mdat", 22) + b"frames", id="a long length"),
        pytest.param(HEAD + MOOV + struct.pack(">I4s", 0, b"mdat") + b"frames", id="up to the end"),
    ],
)
def test_ways_in_which_phones_write_films(film: bytes) -> None:
    clean = contents.clean(film).data
    assert (len(clean), b"frames" in clean, PLACE in clean) == (len(film), True, False)


def test_what_lies_in_free_room_is_gone() -> None:
    film = HEAD + MOOV + box(b"free", b"PK\x03\x04 an archive") + DATA
    assert b"archive" not in contents.clean(film).data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(FILM[:-10], id="cut off"),
        pytest.param(FILM + b"tail", id="something behind it"),
        pytest.param(HEAD + DATA, id="no index"),
        pytest.param(HEAD + MOOV, id="no frames"),
        pytest.param(HEAD + MOOV + MOOV + DATA, id="two indexes"),
        pytest.param(HEAD + MOOV + box(b"html", b"<script>") + DATA, id="a box of no film"),
        pytest.param(
            HEAD + box(b"moov", struct.pack(">I4s", 4, b"trak")) + DATA, id="a box smaller than its head"
        ),
        pytest.param(HEAD + box(b"moov", box(b"mvhd", b"")[:7]) + DATA, id="half a head"),
        pytest.param(HEAD + box(b"moov", box(b"free", b"") * 10_001) + DATA, id="boxes without end"),
        pytest.param(HEAD + box(b"moov", struct.pack(">I4s", 0, b"trak")) + DATA, id="an open end inside"),
    ],
)
def test_what_is_no_sound_film_is_refused(data: bytes) -> None:
    with pytest.raises(contents.FileBroken):
        contents.clean(data)


def test_other_files_of_the_same_family_are_none() -> None:
    with pytest.raises(contents.WrongKindOfFile):
        contents.clean(box(b"ftyp", b"heic" + bytes(4)) + MOOV + DATA)


def test_a_film_may_be_bigger_than_a_photo_and_has_its_own_end() -> None:
    padding = contents.MAX_BYTES + 1
    assert contents.clean(HEAD + MOOV + box(b"mdat", bytes(padding))).content_type == "video/mp4"
    with pytest.raises(contents.FileTooBig):
        contents.clean(HEAD + MOOV + box(b"mdat", bytes(films.MAX_BYTES)))
    with pytest.raises(contents.FileTooBig):
        contents.clean(b"\xff\xd8\xff" + bytes(padding))
