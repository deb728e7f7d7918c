"""What may come in: pictures, painted anew, PDF without anything that acts, short films. By content, never by name."""

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from core.errors import HallError
from core.uploads import films

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000  # a good phone's camera; looked at before anything is unpacked
MAX_SIDE = 12_000
KEPT_SIDE = 3_000  # enough to read a bill on a photo
JPEG, PDF, MP4 = "image/jpeg", "application/pdf", "video/mp4"
ENDINGS = {JPEG: ".jpg", PDF: ".pdf", MP4: ".mp4"}
MOST_BYTES = max(MAX_BYTES, films.MAX_BYTES)  # of anything
_PICTURES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"RIFF": "WEBP"}
_ACTS = re.compile(
    rb"/(JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA|OpenAction|AA|GoToR|GoToE|SubmitForm|ImportData|Encrypt)"
    rb"(?![A-Za-z])"
)
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_FILTER = re.compile(rb"/([A-Za-z0-9]*Decode|Fl|LZW|A85|AHx|RL|Crypt)(?![A-Za-z])")
_PACKED = b"/ObjStm"
_MOST_STREAMS, _MOST_UNPACKED = 500, 8 * 1024 * 1024  # of one file, together
_LONGEST_HEAD, _PIECE = 4_096, 16_384


class WrongKindOfFile(HallError):
    code = "WRONG_KIND_OF_FILE"
    message = _("只能上传照片（JPEG、PNG、WebP）、视频（MP4、MOV）或 PDF")
    status = 422


class FileTooBig(HallError):
    code = "FILE_TOO_BIG"
    message = _("照片和 PDF 不能超过 10 MB、4000 万像素，视频不能超过 25 MB")
    status = 422


class FileBroken(HallError):
    code = "FILE_BROKEN"
    message = _("文件打不开，请换一个再试")
    status = 422


class FileActs(HallError):
    code = "FILE_ACTS"
    message = _("PDF 里有脚本、附件或加密，请另存为普通 PDF，或拍照上传")
    status = 422


@dataclass(frozen=True, slots=True)
class Clean:
    content_type: str
    data: bytes


def clean(data: bytes) -> Clean:
    """What is kept of it. Raises WrongKindOfFile, FileTooBig, FileBroken or FileActs.

    A picture is decoded and painted anew as JPEG, so that metadata (where it was taken, too), a second file behind it
    and tricks on decoders stay outside.
    """
    if films.is_film(data):
        return Clean(MP4, _blanked(data))
    if len(data) > MAX_BYTES:
        raise FileTooBig()
    for magic, name in _PICTURES.items():
        if data.startswith(magic) and (name != "WEBP" or data[8:12] == b"WEBP"):
            return Clean(JPEG, _painted(data, name))
    if re.match(rb"%PDF-[12]\.[0-9]", data):
        _check_pdf(data)
        return Clean(PDF, data)
    raise WrongKindOfFile()


def _blanked(data: bytes) -> bytes:
    if len(data) > films.MAX_BYTES:
        raise FileTooBig()
    try:
        return films.blanked(data)
    except films.NotAFilm as error:
        raise FileBroken() from error


def _painted(data: bytes, kind: str) -> bytes:
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
                raise FileTooBig()
            if picture.format == "JPEG":
                picture.draft("RGB", (KEPT_SIDE, KEPT_SIDE))
            whole = ImageOps.exif_transpose(picture).convert("RGBA")
            whole.thumbnail((KEPT_SIDE, KEPT_SIDE))
            sheet = Image.new("RGB", whole.size, "white")
            sheet.paste(whole, mask=whole.getchannel("A"))
            sheet.save(out, "JPEG", quality=85, optimize=True)
    except HallError:
        raise
    except Image.DecompressionBombError as error:
        raise FileTooBig() from error
    except Exception as error:  # decoders fail in every way that there is
        raise FileBroken() from error
    return out.getvalue()


def _check_pdf(data: bytes) -> None:
    if b"%%EOF" not in data[-1024:]:
        raise FileBroken()
    seen = _plain(data)
    if seen.count(_PACKED) != data.count(_PACKED):  # nobody spells that name with escapes but to hide
        raise FileActs()
    if _ACTS.search(seen) or any(_ACTS.search(_plain(part)) for part in _unpacked(data)):
        raise FileActs()


def _plain(data: bytes) -> bytes:
    """With names as a reader of PDF understands them: /J#53 is /JS."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), data)


def _unpacked(data: bytes) -> Iterator[bytes]:
    """The packed objects, as far as all of them together unpack to a sensible size, in sensible time."""
    if data.count(_PACKED) > _MOST_STREAMS:
        raise FileTooBig()
    place, read, left = data.find(_PACKED), 0, _MOST_UNPACKED
    while place >= 0:
        begins = _begin_of_stream(data, place)
        part, used = _inflated(data, begins, most=left) if begins else (b"", 0)
        read, left = read + used, left - len(part)
        if read > len(data):  # streams do not lie within each other
            raise FileTooBig()
        yield part
        place = data.find(_PACKED, place + 1)


def _begin_of_stream(data: bytes, place: int) -> int:
    """Where what is packed begins; 0 when it is not packed, so that it was looked at as it is."""
    begins = data.find(b"stream", place, place + _LONGEST_HEAD)
    if begins < 0:
        raise FileBroken()
    head = _plain(data[max(0, data.rfind(b"obj", max(0, place - _LONGEST_HEAD), place)) : begins])
    filters = _FILTER.findall(head)
    if not filters:
        return 0
    if filters not in ([b"FlateDecode"], [b"Fl"]) or b"/Predictor" in head:
        raise FileActs()  # packed twice or in a way that we do not read: not what programs write
    return begins + len(b"stream") + (2 if data[begins + 6 : begins + 8] == b"\r\n" else 1)


def _inflated(data: bytes, begins: int, *, most: int) -> tuple[bytes, int]:
    """The content, and how much was read for it. Raises FileTooBig beyond `most`, FileBroken."""
    unpacker, part, at = zlib.decompressobj(), bytearray(), begins
    while at < len(data) and not unpacker.eof:
        try:
            part += unpacker.decompress(data[at : at + _PIECE], most - len(part) + 1)
        except zlib.error as error:
            raise FileBroken() from error
        if len(part) > most:
            raise FileTooBig()
        at += _PIECE
    return bytes(part), min(at, len(data)) - begins - len(unpacker.unused_data)
