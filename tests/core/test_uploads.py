"""Files that people send in: hostile ones stay outside, harmless ones are kept apart and shown to whom they concern."""

import io
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core.actor import Actor
from core.errors import HallError, NotFound
from core.uploads import contents, files, kinds, scanners
from core.uploads.models import Upload
from tests.billing import build
from tests.conftest import NOON

ACTOR = Actor("user:1")
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    settings.UPLOAD_SCANNER = "off"
    return tmp_path / "uploads"


def picture(kind: str = "JPEG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red").save(out, kind, **more)
    return out.getvalue()


def keep(data: bytes, name: str = "photo.jpg", owner: str = "user:1", **changes: Any) -> Upload:
    given: dict[str, Any] = {"kind": "test", "chunks": [data], "actor": ACTOR, "as_of": NOON} | changes
    return files.keep(name=name, owner_ref=owner, **given)


def refused(error: type[HallError], data: bytes) -> None:
    with pytest.raises(error):
        contents.clean(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_become_jpeg(kind: str) -> None:
    clean = contents.clean(picture(kind))
    assert clean.content_type == "image/jpeg"
    assert Image.open(io.BytesIO(clean.data)).size == (64, 48)


def test_metadata_stays_outside() -> None:
    exif = Image.Exif()
    exif[0x010E] = "my home"  # ImageDescription
    exif[0x8825] = {1: "N", 2: (31.0, 13.0, 0.0)}  # where it was taken
    clean = contents.clean(picture(exif=exif, comment=b"a comment", icc_profile=b"x" * 200))
    kept = Image.open(io.BytesIO(clean.data))
    assert not kept.getexif()
    assert not {"exif", "comment", "icc_profile"} & kept.info.keys()
    notes = PngInfo()
    notes.add_text("secret", "my home")
    assert b"my home" not in contents.clean(picture("PNG", pnginfo=notes)).data


def test_a_picture_that_lies_on_its_side_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turned by 90°
    assert Image.open(io.BytesIO(contents.clean(picture(exif=exif)).data)).size == (48, 64)


@pytest.mark.parametrize(
    "tail", [b"<script>alert(1)</script>", b"PK\x03\x04 a zip", b"<?php system($_GET[0]);", PDF]
)
def test_a_second_file_behind_a_picture_is_gone(tail: bytes) -> None:
    kept = contents.clean(picture() + tail).data
    assert tail not in kept
    inside = contents.clean(picture(comment=tail)).data
    assert tail not in inside


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<?xml version='1.0'?><svg/>",
        b"<html><script>alert(1)</script></html>",
        b"GIF89a" + b"\0" * 50,
        b"GIF89a/*<svg/onload=alert(1)>*/",
        b"MZ\x90\0" + b"\0" * 100,
        b"PK\x03\x04" + b"\0" * 100,
        b"\x7fELF" + b"\0" * 100,
        b"RIFF\0\0\0\0WAVEfmt ",
        b" %PDF-1.7\n%%EOF",
        b"<!-- %PDF-1.7 --> <script>x</script> %%EOF",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
        b"%PDF-x\n%%EOF",
    ],
)
def test_what_is_neither_a_picture_nor_a_pdf_is_refused(data: bytes) -> None:
    """Whatever its name says."""
    refused(contents.WrongKindOfFile, data)


@pytest.mark.parametrize("cut", [3, 20, 200, -20])
def test_half_a_picture_is_refused(cut: int) -> None:
    whole = picture(size=(400, 400))
    refused(contents.FileBroken, whole[:cut])


def test_rubbish_behind_the_right_first_bytes_is_refused() -> None:
    for magic in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBP"):
        refused(contents.FileBroken, magic + b"\x41" * 500)


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is huge, and whose few bytes unpack to nothing but zeros."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack("!L", len(data)) + name + data + struct.pack("!L", zlib.crc32(name + data))

    head = struct.pack("!LLBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 10_000_000)) + chunk(
        b"IEND", b""
    )  # fmt: skip


@pytest.mark.parametrize("size", [(50_000, 50_000), (1, 2_000_000), (12_001, 10), (8_000, 5_001)])
def test_a_picture_that_would_unpack_to_gigabytes_is_refused_by_its_head(size: tuple[int, int]) -> None:
    refused(contents.FileTooBig, bomb(*size))


def test_a_text_chunk_that_unpacks_to_gigabytes_is_refused() -> None:
    data = b"k\0\0" + zlib.compress(b"\0" * 100_000_000)
    chunk = struct.pack("!L", len(data)) + b"zTXt" + data + struct.pack("!L", zlib.crc32(b"zTXt" + data))
    whole = picture("PNG")
    refused(contents.FileBroken, whole[:33] + chunk + whole[33:])


def test_a_film_is_one_picture() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    kept = Image.open(io.BytesIO(contents.clean(out.getvalue()).data))
    assert getattr(kept, "n_frames", 1) == 1


def test_big_pictures_are_kept_smaller() -> None:
    kept = Image.open(io.BytesIO(contents.clean(picture(size=(6_000, 4_000))).data))
    assert kept.size == (3_000, 2_000)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "I;16"])
def test_every_sort_of_png(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (8, 8)).save(out, "PNG")
    assert contents.clean(out.getvalue()).content_type == "image/jpeg"


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"\xff" * 1_000_000

    with pytest.raises(contents.FileTooBig):
        files._read(endless())
    refused(contents.FileTooBig, PDF + b" " * contents.MAX_BYTES)


@pytest.mark.django_db
def test_what_is_kept_lies_under_a_random_name_for_this_user_only(folder: Path) -> None:
    kept = keep(picture("PNG"), "../../etc/\u202egpj.exe\0<b>.php")
    assert kept.name == "gpj.exeb.jpg"
    place = files.location(kept)
    assert place.parent.parent == folder
    assert len(place.name) == 64
    assert place.stat().st_mode & 0o777 == 0o600
    assert kept.size == place.stat().st_size
    assert (kept.content_type, kept.scanner, kept.uploaded_by) == ("image/jpeg", "off", "user:1")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "shown"),
    [("", "file.jpg"), ("...", "file.jpg"), ("账单 照片.HEIC", "账单 照片.jpg"), ("a" * 300, "a" * 80 + ".jpg"),
     ("C:\\x\\y.png", "y.jpg"), ('a"; filename=x.exe', "a filename=x.jpg")],
)  # fmt: skip
def test_names_are_only_words(given: str, shown: str) -> None:
    assert keep(picture(), given).name == shown


@pytest.mark.django_db
def test_refused_files_leave_nothing(folder: Path) -> None:
    with pytest.raises(contents.WrongKindOfFile):
        keep(b"<svg/>", "photo.jpg")
    assert not Upload.objects.exists()
    assert not folder.exists()


@pytest.mark.django_db
def test_a_file_is_used_once_by_its_owner_for_its_kind() -> None:
    kept = keep(picture())
    for owner, kind in (("user:2", "test"), ("user:1", "other")):
        with pytest.raises(NotFound):
            files.unused(token=kept.token, kind=kind, owner_ref=owner)
    assert files.unused(token=kept.token, kind="test", owner_ref="user:1") == kept
    files.use(upload_id=kept.pk, subject="D1", as_of=NOON)
    with pytest.raises(NotFound):
        files.use(upload_id=kept.pk, subject="D2", as_of=NOON)
    with pytest.raises(NotFound):
        files.unused(token=kept.token, kind="test", owner_ref="user:1")
    assert list(files.of("test", "D1")) == [kept]
    with pytest.raises(IntegrityError), transaction.atomic():
        Upload.objects.filter(pk=kept.pk).update(subject="D2")
    with pytest.raises(IntegrityError), transaction.atomic():
        Upload.objects.filter(pk=kept.pk).delete()


@pytest.mark.django_db
def test_nobody_fills_the_disk() -> None:
    for _n in range(files.MOST_UNUSED):
        keep(picture())
    with pytest.raises(files.TooManyUploads):
        keep(picture())
    keep(picture(), owner="user:2")


@pytest.mark.django_db
def test_what_nothing_refers_to_is_gone_after_a_day() -> None:
    lost, used = keep(picture()), keep(picture())
    files.use(upload_id=used.pk, subject="D1", as_of=NOON)
    assert files.forget_unused(as_of=NOON + timedelta(hours=23)) == 0
    assert files.forget_unused(as_of=NOON + timedelta(days=1)) == 1
    assert not files.location(lost).exists()
    assert files.location(used).exists()
    assert list(Upload.objects.all()) == [used]


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The users who may read files of the kind "test" that are used."""
    allowed: list[int] = []
    kind = kinds.Kind("test", lambda user, upload: user.pk in allowed)
    monkeypatch.setitem(kinds._kinds, "test", kind)
    return allowed


@pytest.mark.django_db
def test_only_whom_it_concerns_gets_it(readable: list[int]) -> None:
    alice, bob = build.user(), build.user()
    kept = keep(picture(), owner=f"user:{alice.pk}")
    address = reverse("upload", args=[kept.token])
    hers, his = Client(), Client()
    hers.force_login(alice)
    his.force_login(bob)
    assert Client().get(address).status_code == 302
    assert (hers.get(address).status_code, his.get(address).status_code) == (200, 404)
    files.use(upload_id=kept.pk, subject="D1", as_of=NOON)
    assert (hers.get(address).status_code, his.get(address).status_code) == (404, 404)
    readable.append(bob.pk)
    assert his.get(address).status_code == 200
    assert his.post(address).status_code == 405
    assert his.get(reverse("upload", args=["none"])).status_code == 404
    files.location(kept).unlink()
    assert his.get(address).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(("data", "how"), [(picture(), "inline"), (PDF, "attachment")])
def test_it_comes_as_what_it_is_and_does_nothing(data: bytes, how: str) -> None:
    alice = build.user()
    kept = keep(data, "账单.html", owner=f"user:{alice.pk}")
    client = Client()
    client.force_login(alice)
    answer = client.get(reverse("upload", args=[kept.token]))
    assert answer.headers["Content-Type"] == kept.content_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].startswith(how)
    assert ".html" not in answer.headers["Content-Disposition"]
    assert b"".join(answer.streaming_content) == files.location(kept).read_bytes()  # type: ignore[attr-defined]


class Daemon(threading.Thread):
    """A stand-in for clamd: reads one INSTREAM and answers."""

    def __init__(self, verdict: bytes) -> None:
        super().__init__(daemon=True)
        self.verdict, self.got = verdict, b""
        self.server = socket.create_server(("127.0.0.1", 0))
        self.where = f"clamd:127.0.0.1:{self.server.getsockname()[1]}"

    def run(self) -> None:
        link, _address = self.server.accept()
        with link, self.server, link.makefile("rb") as stream:
            assert stream.read(10) == b"zINSTREAM\0"
            while size := struct.unpack("!L", stream.read(4))[0]:
                self.got += stream.read(size)
            link.sendall(self.verdict)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("verdict", "error"),
    [(b"stream: OK\0", None), (b"stream: Eicar-Test-Signature FOUND\0", scanners.Infected),
     (b"INSTREAM size limit exceeded. ERROR\0", scanners.ScannerAway), (b"", scanners.ScannerAway)],
)  # fmt: skip
def test_the_scanner_has_the_last_word(settings: Any, verdict: bytes, error: type[HallError] | None) -> None:
    daemon = Daemon(verdict)
    daemon.start()
    settings.UPLOAD_SCANNER = daemon.where
    data = picture(size=(900, 900))
    if error is None:
        assert keep(data).scanner == "clamd"
    else:
        with pytest.raises(error):
            keep(data)
        assert not Upload.objects.exists()
    daemon.join(10)
    assert daemon.got == data  # as it came, not as we made it


@pytest.mark.django_db
def test_with_the_scanner_away_nothing_comes_in(settings: Any) -> None:
    settings.UPLOAD_SCANNER = "clamd:127.0.0.1:1"
    with pytest.raises(scanners.ScannerAway):
        keep(picture())


@pytest.mark.parametrize("value", ["", "on", "clamd", "clamd:host", "clamd::3310", "off:x"])
def test_a_scanner_that_cannot_be_read_is_said(settings: Any, value: str) -> None:
    settings.UPLOAD_SCANNER = value
    with pytest.raises(ImproperlyConfigured):
        scanners.configured()
