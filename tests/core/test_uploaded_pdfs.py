"""PDFs that people send in: one that acts stays outside, however it hides what it does."""

import time
import zlib

import pytest

from core.errors import HallError
from core.uploads import contents

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def refused(error: type[HallError], data: bytes) -> None:
    with pytest.raises(error):
        contents.clean(data)


def test_a_plain_pdf_is_kept_as_it_is() -> None:
    assert contents.clean(PDF) == contents.Clean("application/pdf", PDF)
    refused(contents.FileBroken, PDF.replace(b"%%EOF", b""))


@pytest.mark.parametrize(
    "act",
    [
        b"/OpenAction<</S/JavaScript/JS(app.alert(1))>>", b"/J#61vaScript 5 0 R", b"/#4aS (x)", b"/AA<<>>",
        b"/Launch/F(cmd)",
        b"/EmbeddedFiles 3 0 R", b"/XFA 4 0 R", b"/Encrypt 9 0 R", b"/RichMedia", b"/S/SubmitForm", b"/S/GoToR",
    ],
)  # fmt: skip
def test_a_pdf_that_acts_is_refused(act: bytes) -> None:
    refused(contents.FileActs, PDF.replace(b"/Type/Catalog", b"/Type/Catalog" + act))


def test_nor_may_it_hide_what_acts_in_packed_objects() -> None:
    packed = zlib.compress(b"<</S/JavaScript/JS(app.alert(1))>>")
    hidden = b"5 0 obj<</Type/ObjStm/N 1/Filter/FlateDecode>>stream\r\n" + packed + b"\nendstream endobj\n"
    refused(contents.FileActs, PDF.replace(b"trailer", hidden + b"trailer"))
    bloated = zlib.compress(b"\0" * 50_000_000)
    hidden = b"5 0 obj<</Type/ObjStm/N 1/Filter/FlateDecode>>stream\n" + bloated + b"\nendstream endobj\n"
    refused(contents.FileTooBig, PDF.replace(b"trailer", hidden + b"trailer"))


ACT = b"<</S/JavaScript/JS(app.alert(1))>>"


def packed(content: bytes, head: bytes = b"/Type/ObjStm/N 1/Filter/FlateDecode") -> bytes:
    return b"5 0 obj<<" + head + b">>stream\n" + content + b"\nendstream endobj\n"


def with_objects(*objects: bytes) -> bytes:
    return PDF.replace(b"trailer", b"".join(objects) + b"trailer")


@pytest.mark.parametrize(
    "hidden",
    [
        packed(zlib.compress(ACT), b"/Type/Obj#53tm/N 1/Filter/FlateDecode"),
        packed(zlib.compress(ACT), b"/Type/ObjStm/N 1" + b" " * 900 + b"/Filter/FlateDecode"),
        packed(ACT.hex().encode() + b">", b"/Type/ObjStm/N 1/Filter/ASCIIHexDecode"),
        packed(zlib.compress(zlib.compress(ACT)), b"/Filter[/FlateDecode/FlateDecode]/Type/ObjStm"),
        packed(ACT, b"/Type/ObjStm/N 1"),
    ],
)
def test_nor_by_another_packing(hidden: bytes) -> None:
    refused(contents.FileActs, with_objects(hidden))


def test_harmless_packed_objects_pass() -> None:
    fonts = [packed(zlib.compress(b"<</Type/Font>>" * 500))] * 40
    contents.clean(with_objects(*fonts, packed(b"<<>>", b"/ObjStm")))


def test_many_packed_objects_do_not_add_up_to_minutes() -> None:
    """Each is of a sensible size; 400 of them would keep a process busy for minutes."""
    bomb = with_objects(*[packed(zlib.compress(b"#41" * 1_300_000))] * 400)
    assert len(bomb) < contents.MAX_BYTES
    started = time.perf_counter()
    refused(contents.FileTooBig, bomb)
    refused(contents.FileTooBig, with_objects(b"/ObjStm" * 1_000_000))
    assert time.perf_counter() - started < 20


def test_words_that_only_look_like_it_pass() -> None:
    contents.clean(PDF.replace(b"/Type/Catalog", b"/Type/Catalog/AAA 1/JSx 2/Lang(zh)"))
